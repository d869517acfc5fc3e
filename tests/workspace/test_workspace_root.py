"""Where a workspace begins."""

from pathlib import Path

import pytest

from optafly_cli.workspace.root import find_program, find_workspace, is_no_project
from tests.workspace.support import git, repository, write


def test_the_nearest_repository_is_the_workspace(tmp_path: Path) -> None:
    """From a subfolder the root is the repository's, even when a marker file lies nearer."""
    root = repository(tmp_path / "app", {"src/pkg/pyproject.toml": "", "src/pkg/x.py": ""})
    found = find_workspace(root / "src" / "pkg")
    assert (found.root, found.name, found.kind, found.has_git) == (root, "app", "git", True)


def test_a_worktree_and_a_submodule_are_their_own_workspaces(tmp_path: Path) -> None:
    """A `.git` file counts like a `.git` folder."""
    root = repository(tmp_path / "app", {"a.txt": "a\n"})
    git(root, "worktree", "add", "-q", str(tmp_path / "tree"))
    inner = repository(tmp_path / "inner", {"b.txt": "b\n"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "sub")
    assert find_workspace(tmp_path / "tree").root == tmp_path / "tree"
    assert find_workspace(root / "sub").root == root / "sub"
    assert {find_workspace(tmp_path / "tree").kind, find_workspace(root / "sub").kind} == {"git"}


@pytest.mark.parametrize("marker", ["pyproject.toml", "Cargo.toml", "package.json", "go.mod", "app.csproj", "x.sln"])
def test_without_git_a_marker_file_makes_a_project(tmp_path: Path, marker: str) -> None:
    """The nearest ancestor with a marker file is the root."""
    write(tmp_path, {f"app/{marker}": "", "app/src/deep/x": ""})
    found = find_workspace(tmp_path / "app" / "src" / "deep")
    assert (found.root, found.kind) == (tmp_path / "app", "project")


def test_with_neither_the_folder_itself_is_the_workspace(tmp_path: Path) -> None:
    """A folder without git and markers is its own root, and the home folder's marker does not count."""
    home = Path.home()
    write(home, {"package.json": "{}"})
    (home / "notes").mkdir()
    found = find_workspace(home / "notes")
    assert (found.root, found.kind) == (home.resolve() / "notes", "folder")
    assert find_workspace(home).kind == "project"
    assert find_workspace(tmp_path).kind == "folder"


def test_folders_that_are_nobodys_work_are_no_project(tmp_path: Path) -> None:
    """The home folder, those above it and the kernel's are not indexed; a folder in them that is somebody's is."""
    home = Path.home()
    (home / "notes").mkdir()
    for folder in (home, home.parent, Path("/"), Path("/proc/self"), Path("/dev")):
        assert is_no_project(find_workspace(folder)), folder
    write(home, {"work/Makefile": "all:\n"})
    for folder in (home / "notes", home / "work", tmp_path):
        assert not is_no_project(find_workspace(folder)), folder


def test_an_empty_git_folder_is_no_repository(tmp_path: Path) -> None:
    """What git would not take for a repository is none."""
    (tmp_path / "x" / ".git").mkdir(parents=True)
    assert find_workspace(tmp_path / "x").kind == "folder"


def test_a_symbolic_link_to_a_workspace_is_that_workspace(tmp_path: Path) -> None:
    """Two ways to the same folder give the same root."""
    root = repository(tmp_path / "app", {"a.txt": "a\n"})
    (tmp_path / "link").symlink_to(root)
    assert find_workspace(tmp_path / "link") == find_workspace(root)


def test_without_the_program_has_git_is_false(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workspace is still a repository; only git cannot be run."""
    root = repository(tmp_path / "app", {"a.txt": "a\n"})
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    found = find_workspace(root)
    assert (found.kind, found.has_git) == ("git", False)


def test_a_program_in_the_working_folder_is_never_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative and empty PATH entries do not count: a repository must not supply its own git."""
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".::bin")
    assert find_program("git") is None
    monkeypatch.setenv("PATH", f".:{tmp_path}")
    assert find_program("git") == str(fake)
