"""The state of the workspace changes with everything that could be selected, and with nothing else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from optafly_cli.workspace import state
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.state import workspace_state
from optafly_cli.workspace.types import Workspace
from tests.workspace.support import commit, git, repository, write


def test_reading_changes_nothing(repo: Path, workspace: Workspace) -> None:
    """A refreshed index, a new branch on the same commit, an ignored file: the same state."""
    write(repo, {".gitignore": "*.log\n", "notes.md": "dirty\n"})
    before = workspace_state(workspace)
    assert len(before) == 64
    git(repo, "status")
    git(repo, "checkout", "-q", "-b", "elsewhere")
    write(repo, {"build.log": "x\n"})
    assert workspace_state(workspace) == before


def test_another_active_file_is_another_state(repo: Path, workspace: Workspace) -> None:
    """Times count only as far as they tell which file is active, and which edits are the latest."""
    os.utime(repo / "Cargo.toml", (10**10, 10**10))
    before = workspace_state(workspace)
    os.utime(repo / "Cargo.toml", (10**10 + 5, 10**10 + 5))
    assert workspace_state(workspace) == before
    os.utime(repo / "src" / "main.rs", (10**10 + 9, 10**10 + 9))
    assert workspace_state(workspace) != before


CHANGES: dict[str, Callable[[Path], object]] = {
    "editing a clean file": lambda repo: write(repo, {"Cargo.toml": "[package]\n"}),
    "editing a dirty file again": lambda repo: write(repo, {"notes.md": "dirtz\n"}),
    "editing an untracked file": lambda repo: write(repo, {"new.py": "y = 1\n"}),
    "a new file": lambda repo: write(repo, {"other.py": ""}),
    "a new file in a new folder": lambda repo: write(repo, {"a/b/c.py": ""}),
    "staging": lambda repo: git(repo, "add", "notes.md"),
    "a commit": lambda repo: commit(repo),
    "an empty commit": lambda repo: git(repo, "commit", "-q", "--allow-empty", "-m", "x"),
    "deleting": lambda repo: (repo / "src/main.rs").unlink(),
    "a new mode": lambda repo: (repo / "src/main.rs").chmod(0o755),
    "undoing": lambda repo: git(repo, "checkout", "-q", "--", "notes.md"),
    "renaming": lambda repo: git(repo, "mv", "src/main.rs", "src/lib.rs"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_noticed(repo: Path, workspace: Workspace, name: str) -> None:
    """Of equal size and equal times as well."""
    write(repo, {"notes.md": "dirty\n", "new.py": "x = 1\n"})
    for file in ("notes.md", "new.py"):
        os.utime(repo / file, (5, 5))
    before = workspace_state(workspace)
    CHANGES[name](repo)
    for file in ("notes.md", "new.py"):
        if (repo / file).exists():
            os.utime(repo / file, (5, 5))
    assert workspace_state(workspace) != before


def test_two_checkouts_of_the_same_thing_agree(repo: Path, workspace: Workspace, tmp_path: Path) -> None:
    """The state is of contents, not of places."""
    git(tmp_path, "clone", "-q", str(repo), "copy")
    for root in (repo, tmp_path / "copy"):
        os.utime(root / "Cargo.toml", (10**10, 10**10))
    assert workspace_state(find_workspace(tmp_path / "copy")) == workspace_state(workspace)


def test_before_the_first_commit_and_with_odd_names(tmp_path: Path) -> None:
    """No HEAD, names with newlines and bytes that are not UTF-8, a pipe: still a state that follows edits."""
    root = repository(tmp_path / "fresh")
    write(root, {"new\nline.py": "a\n", os.fsdecode(b"caf\xe9.py"): "b\n"})
    os.mkfifo(root / "pipe")
    (root / "loop").symlink_to("loop")
    before = workspace_state(find_workspace(root))
    write(root, {"new\nline.py": "b\n"})
    assert workspace_state(find_workspace(root)) != before


def test_very_large_files_are_told_by_size_and_time(
    repo: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond READ_CAP nothing is read, and a change of the time is a change."""
    write(repo, {"big.txt": "x" * 1000})
    monkeypatch.setattr(state, "READ_CAP", 100)
    before = workspace_state(workspace)
    assert workspace_state(workspace) == before
    os.utime(repo / "big.txt", (7, 7))
    assert workspace_state(workspace) != before


def test_without_git_sizes_and_times_tell(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a plain folder, and in a repository where git cannot be run."""
    root = tmp_path / "plain"
    write(root, {"a.py": "x = 1\n", "notes.txt": "n\n"})
    workspace = find_workspace(root)
    before = workspace_state(workspace)
    assert workspace_state(workspace) == before
    write(root, {"a.py": "x = 22\n"})
    assert workspace_state(workspace) != before
    monkeypatch.setenv("PATH", str(tmp_path))
    before = workspace_state(find_workspace(repo))
    write(repo, {"notes.md": "longer than it was before\n"})
    assert workspace_state(find_workspace(repo)) != before
