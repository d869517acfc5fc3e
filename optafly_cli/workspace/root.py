"""Which folder the user works in.

In: the working folder. Out: a `Workspace`. Looks at names only: no git process, no file is parsed, nothing is written.
"""

import os
from pathlib import Path
from typing import Literal

from optafly_cli.workspace.types import Workspace

MARKERS = (
    "pyproject.toml", "setup.py", "Cargo.toml", "package.json", "go.mod", "pom.xml", "build.gradle", "build.gradle.kts",
    "CMakeLists.txt", "meson.build", "Gemfile", "composer.json", "mix.exs", "Package.swift", "pubspec.yaml",
    "deno.json",
    "build.sbt", "stack.yaml", "dune-project", "Makefile",
)  # fmt: skip
MARKER_ENDINGS = (".csproj", ".fsproj", ".vbproj", ".sln", ".cabal", ".gemspec")


def find_workspace(cwd: Path) -> Workspace:
    """The nearest ancestor of `cwd` with a `.git`, else the nearest with a marker file, else `cwd` itself.

    A marker in the home folder or above it makes no project of everything below, unless `cwd` is that very folder.
    """
    start = cwd.resolve()
    folders = (start, *start.parents)
    for folder in folders:
        if _is_git(folder / ".git"):
            return _workspace(folder, "git")
    shared = home_and_above()
    for folder in folders:
        if (folder == start or folder not in shared) and has_marker(folder):
            return _workspace(folder, "project")
    return _workspace(start, "folder")


def has_marker(folder: Path) -> bool:
    """Whether a file that makes `folder` a project lies in it."""
    try:
        return any(entry.name in MARKERS or entry.name.endswith(MARKER_ENDINGS) for entry in folder.iterdir())
    except OSError:
        return False


def find_program(name: str) -> str | None:
    """The absolute path of a program on PATH; relative PATH entries do not count.

    A repository could otherwise supply the program itself when PATH holds "." or an empty entry.
    """
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        # Most folders do not have it: to make a path of each takes longer than to ask
        candidate = os.path.join(folder, name)  # noqa: PTH118
        if os.access(candidate, os.X_OK) and (path := Path(candidate)).is_absolute() and path.is_file():
            return str(path)
    return None


def _workspace(root: Path, kind: Literal["git", "project", "folder"]) -> Workspace:
    return Workspace(root, root.name or str(root), kind, has_git=find_program("git") is not None)


def _is_git(path: Path) -> bool:
    """A folder that is a repository, or the file that a worktree or a submodule has in its place."""
    try:
        if path.is_dir():
            return (path / "HEAD").is_file() or (path / "HEAD").is_symlink()
        if path.is_file():
            with path.open("rb") as file:
                return file.read(8) == b"gitdir: "
    except OSError:
        return False
    return False


OF_THE_KERNEL = frozenset(("proc", "sys", "dev"))
"""Folders in the root of what is no file on any disk; to read all of it neither ends nor helps."""


def is_no_project(workspace: Workspace) -> bool:
    """Whether it is a plain folder that is nobody's work: the home folder, one above it, or one of the kernel's."""
    if workspace.kind != "folder":
        return False
    return not OF_THE_KERNEL.isdisjoint(workspace.root.parts[1:2]) or workspace.root in home_and_above()


def home_and_above() -> frozenset[Path]:
    """The home folder and those that it lies in."""
    try:
        home = Path.home().resolve()
    except (RuntimeError, OSError):
        return frozenset()
    return frozenset((home, *home.parents))
