"""Real repositories and trees for the workspace tests."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    """Run git as a user would, its configuration in force; returns its output."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}
    )
    return done.stdout


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Create files, folders included."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)


def repository(root: Path, files: Mapping[str, str | bytes] | None = None) -> Path:
    """A git repository at `root`, with `files` committed when there are any."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q")
    if files:
        write(root, files)
        commit(root)
    return root


def commit(root: Path, message: str = "change") -> None:
    """Commit everything."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)
