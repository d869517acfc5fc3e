"""What was worked on lately."""

import os
from pathlib import Path

import pytest

from optafly_cli.workspace import recent
from optafly_cli.workspace.recent import active_file, recent_edits
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.types import RecentEdit, Workspace
from tests.workspace.support import commit, git, repository, write


def age(root: Path, *names: str) -> None:
    """Give the files times of modification, the first one the latest."""
    for number, name in enumerate(names):
        os.utime(root / name, (10_000 - number, 10_000 - number))


def test_dirty_files_first_then_committed_ones(repo: Path, workspace: Workspace) -> None:
    """Dirty by time of modification, then the files of the latest commits, each once, with its state."""
    write(repo, {"old.py": "x = 1\n"})
    commit(repo)
    write(repo, {"notes.md": "staged\n", "src/main.rs": "modified\n", "new.py": "untracked\n"})
    git(repo, "add", "notes.md")
    age(repo, "src/main.rs", "new.py", "notes.md")
    assert recent_edits(workspace) == (
        RecentEdit("src/main.rs", "modified"),
        RecentEdit("new.py", "untracked"),
        RecentEdit("notes.md", "staged"),
        RecentEdit("old.py", "committed"),
        RecentEdit("Cargo.toml", "committed"),
    )
    assert recent_edits(workspace, 2) == recent_edits(workspace)[:2]
    assert len(recent_edits(workspace, 4)) == 4


def test_what_may_not_be_sent_is_no_edit(repo: Path, workspace: Workspace, tmp_path: Path) -> None:
    """Denied, generated and deleted files, links and folders are left out."""
    write(repo, {".env": "K=1\n", "package-lock.json": "{}", "x.png": b"x", "a.py": "a\n"})
    (repo / "link.py").symlink_to(tmp_path)
    (repo / "notes.md").unlink()
    labels = [edit.label for edit in recent_edits(workspace)]
    assert labels == ["a.py", "Cargo.toml", "src/main.rs"]


def test_without_git_there_are_none(tmp_path: Path) -> None:
    """A plain folder has no recent edits; a repository without commits only dirty ones."""
    write(tmp_path / "plain", {"a.py": "x\n"})
    assert recent_edits(find_workspace(tmp_path / "plain")) == ()
    root = repository(tmp_path / "fresh")
    write(root, {"a.py": "x\n"})
    assert recent_edits(find_workspace(root)) == (RecentEdit("a.py", "untracked"),)


def test_the_active_file_was_modified_last(repo: Path, workspace: Workspace) -> None:
    """Tracked, by time of modification; an untracked file is not it, however new."""
    write(repo, {"new.py": "x\n"})
    age(repo, "new.py", "notes.md", "src/main.rs", "Cargo.toml")
    assert active_file(workspace) == "notes.md"
    age(repo, "src/main.rs", "notes.md", "Cargo.toml")
    assert active_file(workspace) == "src/main.rs"


def test_the_active_file_is_text_that_may_be_sent(repo: Path, workspace: Workspace, tmp_path: Path) -> None:
    """Denied, generated, binary and large files and links are passed over."""
    write(
        repo,
        {".env": "K=1\n", "uv.lock": "x", "data.txt": b"\0\1", "big.txt": "x" * 2_000_000, "node_modules/a.js": "x\n"},
    )
    write(tmp_path, {"outside.py": "x\n"})
    (repo / "link.py").symlink_to(tmp_path / "outside.py")
    git(repo, "add", "-A", "-f")
    age(repo, ".env", "uv.lock", "data.txt", "big.txt", "node_modules/a.js", "notes.md", "src/main.rs", "Cargo.toml")
    assert active_file(workspace) == "notes.md"


def test_a_folder_that_became_a_link_is_not_followed(repo: Path, workspace: Workspace, tmp_path: Path) -> None:
    """A tracked path that now leads out of the root through a link is not the active file."""
    write(tmp_path, {"outside/main.rs": "private\n"})
    (repo / "src/main.rs").unlink()
    (repo / "src").rmdir()
    (repo / "src").symlink_to(tmp_path / "outside")
    age(repo, "notes.md", "Cargo.toml")
    assert active_file(workspace) == "notes.md"


def test_in_a_very_large_repository_only_edits_are_looked_at(
    repo: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the limit the latest of the dirty and recently committed files is taken."""
    monkeypatch.setattr(recent, "_MOST_TRACKED", 2)
    write(repo, {"notes.md": "dirty\n"})
    age(repo, "notes.md", "src/main.rs", "Cargo.toml")
    assert active_file(workspace) == "notes.md"


def test_without_git_any_text_file_may_be_active(tmp_path: Path) -> None:
    """None when there is no file at all."""
    write(tmp_path / "plain", {"a.py": "x\n", "b.py": "x\n"})
    age(tmp_path / "plain", "b.py", "a.py")
    assert active_file(find_workspace(tmp_path / "plain")) == "b.py"
    (tmp_path / "empty").mkdir()
    assert active_file(find_workspace(tmp_path / "empty")) is None
    assert active_file(find_workspace(repository(tmp_path / "fresh"))) is None


def test_of_files_that_were_modified_at_once_the_first_by_name_is_active(repo: Path, workspace: Workspace) -> None:
    """As after a checkout; the order in which git lists them says nothing."""
    for name in ("notes.md", "src/main.rs", "Cargo.toml"):
        os.utime(repo / name, ns=(5, 5))
    assert active_file(workspace) == "Cargo.toml"
