"""The working tree's changes, from real repositories."""

import os
from pathlib import Path

import pytest

from optafly_cli.errors import UsageError
from optafly_cli.workspace.diffs import FILE_CAP, working_diff
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.types import DiffFile, Workspace
from tests.workspace.support import commit, git, repository, write


def changes(root: Path) -> dict[tuple[str, bool], DiffFile]:
    """The diff by label and side."""
    files, _ = working_diff(find_workspace(root))
    return {(file.label, file.staged): file for file in files}


def test_staged_changes_come_first_then_unstaged(repo: Path, workspace: Workspace) -> None:
    """The same file may be in both; text is a unified diff, lines span the hunks on the new side."""
    write(repo, {"src/main.rs": "fn main() {\n    let x = 2;\n}\n\nfn other() {}\n"})
    git(repo, "add", "src/main.rs")
    write(repo, {"src/main.rs": "fn main() {\n    let x = 3;\n}\n\nfn other() {}\n", "notes.md": "# Notes\n"})
    files, left_out = working_diff(workspace)
    assert [(file.label, file.staged) for file in files] == [
        ("src/main.rs", True),
        ("notes.md", False),
        ("src/main.rs", False),
    ]
    assert left_out == ()
    assert files[0].text.startswith("diff --git a/src/main.rs b/src/main.rs\n")
    assert files[0].text.endswith("-    let x = 1;\n+    let x = 2;\n }\n \n fn other() {}")
    assert (files[0].start_line, files[0].end_line) == (1, 5)
    assert (files[1].start_line, files[1].end_line) == (1, 1)


def test_nothing_changed_says_so(repo: Path, workspace: Workspace) -> None:
    """Files whose times alone changed are no changes."""
    os.utime(repo / "notes.md", (1, 1))
    assert working_diff(workspace) == ((), ("--diff: nothing has changed",))


def test_new_deleted_renamed_and_mode(repo: Path) -> None:
    """A new file is shown whole, a deleted one spans 1 to 1, a rename is one entry, a new mode has no hunk."""
    write(repo, {"new.py": "a = 1\nb = 2\n", "empty.py": "", "run.sh": "echo\n"})
    commit(repo)
    git(repo, "mv", "new.py", "moved.py")
    git(repo, "rm", "-q", "notes.md")
    write(repo, {"fresh.py": "c = 1\nd = 2\n", "blank.py": ""})
    git(repo, "add", "-A")
    (repo / "run.sh").chmod(0o755)
    found = changes(repo)
    assert set(found) == {
        ("moved.py", True),
        ("notes.md", True),
        ("fresh.py", True),
        ("blank.py", True),
        ("run.sh", False),
    }
    assert "rename from new.py" in found["moved.py", True].text
    assert "new mode 100755" in found["run.sh", False].text
    assert (found["fresh.py", True].start_line, found["fresh.py", True].end_line) == (1, 2)
    for key in (("notes.md", True), ("moved.py", True), ("blank.py", True), ("run.sh", False)):
        assert (found[key].start_line, found[key].end_line) == (1, 1)


def test_lines_span_all_hunks_of_the_new_version(repo: Path) -> None:
    """From the first hunk's first line to the last hunk's last line, context included."""
    write(repo, {"long.py": "".join(f"x{n} = {n}\n" for n in range(100))})
    commit(repo)
    lines = (repo / "long.py").read_text().split("\n")
    lines[10] = "changed"
    del lines[79]
    write(repo, {"long.py": "\n".join(lines)})
    found = changes(repo)["long.py", False]
    assert (found.start_line, found.end_line) == (8, 82)
    assert found.text.count("\n@@ ") == 2


def test_before_the_first_commit(tmp_path: Path) -> None:
    """Staged files of a repository without commits are new files."""
    root = repository(tmp_path / "fresh")
    write(root, {"a.py": "x = 1\n"})
    git(root, "add", "-A")
    assert changes(root)["a.py", True].text.endswith("+x = 1")


def test_denied_and_binary_files_are_left_out(repo: Path, workspace: Workspace) -> None:
    """Each with a sentence; a rename from a denied name is denied."""
    write(repo, {".env": "KEY=1\n", "key.pem": "PRIVATE\n", "data.dat": b"\0\1\2", "x.png": b"text", "u.txt": "u\n"})
    git(repo, "add", "-A")
    files, left_out = working_diff(workspace)
    assert [file.label for file in files] == ["u.txt"]
    assert len(left_out) == 4
    assert left_out[0].startswith(".env (staged) is left out of the diff: it is an environment file")
    commit(repo)
    git(repo, "mv", "key.pem", "harmless.txt")
    files, left_out = working_diff(workspace)
    assert files == ()
    assert "harmless.txt (staged) is left out" in left_out[0]


def test_a_binary_file_that_attributes_call_text(repo: Path, workspace: Workspace) -> None:
    """A NUL in the diff leaves the file out, whatever .gitattributes says."""
    write(repo, {".gitattributes": "*.dat diff\n", "x.dat": b"a\0b\n"})
    git(repo, "add", "x.dat")
    files, left_out = working_diff(workspace)
    assert not any(file.label == "x.dat" for file in files)
    assert "x.dat (staged) is left out of the diff: it is a binary file" in left_out


def test_a_huge_change_is_cut_at_a_line(repo: Path, workspace: Workspace) -> None:
    """The first FILE_CAP characters at most, with a sentence."""
    write(repo, {"big.txt": "some line of text\n" * 20_000})
    git(repo, "add", "big.txt")
    (file,), left_out = working_diff(workspace)
    assert len(file.text) <= FILE_CAP
    assert file.text.endswith("+some line of text")
    assert left_out[0].startswith("big.txt (staged): only the first ")


def test_odd_bytes(repo: Path) -> None:
    """CRLF becomes LF, bytes that are not UTF-8 are replaced, a missing last newline stays marked."""
    write(repo, {"crlf.txt": b"a\r\nb\r\n", "latin.txt": b"caf\xe9\n", "open.txt": b"no end"})
    git(repo, "add", "-A")
    found = changes(repo)
    assert found["crlf.txt", True].text.endswith("+a\n+b")
    assert found["latin.txt", True].text.endswith("+caf\ufffd")
    assert found["open.txt", True].text.endswith("\\ No newline at end of file")


@pytest.mark.parametrize(
    "name",
    [b"--help", b"with space.py", b'quo"te.py', b"tab\there.py", b"new\nline.py", b"\x1b[31m.py", "ü漢.py".encode()],
)
@pytest.mark.parametrize("content", ["x = 1\n", ""])
def test_strange_names_are_labels(repo: Path, name: bytes, content: str) -> None:
    """Whatever git quotes comes back exact, with and without hunks."""
    label = name.decode()
    write(repo, {label: content})
    git(repo, "add", "-A")
    assert (label, True) in changes(repo)
    commit(repo)
    git(repo, "mv", "--", label, f"d {label}")
    assert (f"d {label}", True) in changes(repo)


def test_names_that_are_not_utf8(repo: Path) -> None:
    """The label can be encoded: such bytes are spelled out."""
    write(repo, {os.fsdecode(b"caf\xe9.py"): "x = 1\n"})
    git(repo, "add", "-A")
    assert ("caf\\udce9.py", True) in changes(repo)


def test_a_conflict_is_shown(repo: Path) -> None:
    """Both sides of an unmerged file are in the unstaged part."""
    git(repo, "checkout", "-q", "-b", "other")
    write(repo, {"notes.md": "theirs\n"})
    commit(repo)
    git(repo, "checkout", "-q", "main")
    write(repo, {"notes.md": "ours\n"})
    commit(repo)
    with pytest.raises(Exception, match="returned non-zero"):
        git(repo, "merge", "other")
    found = changes(repo)["notes.md", False]
    assert "++<<<<<<< HEAD" in found.text
    assert (found.start_line, found.end_line) == (1, 5)


def test_a_submodule_shows_its_commit_only(tmp_path: Path) -> None:
    """What changed inside of a submodule is not read; that it is at another commit is a change."""
    inner = repository(tmp_path / "inner", {"b.txt": "b\n"})
    root = repository(tmp_path / "outer", {"a.txt": "a\n"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "sub")
    commit(root)
    write(root, {"sub/b.txt": "private\n"})
    assert changes(root) == {}
    commit(root / "sub")
    assert "+Subproject commit" in changes(root)["sub", False].text


def test_settings_do_not_change_the_form(repo: Path) -> None:
    """Prefixes, colours, context and order that the user configured do not reach the text."""
    for key, value in {
        "diff.noprefix": "true",
        "color.ui": "always",
        "diff.context": "0",
        "diff.mnemonicPrefix": "true",
        "diff.renames": "false",
        "diff.orderFile": "/nonexistent",
        "diff.relative": "true",
    }.items():
        git(repo, "config", key, value)
    write(repo, {"notes.md": "# Notes\n\nOther text.\n"})
    text = changes(repo)["notes.md", False].text
    assert text.startswith("diff --git a/notes.md b/notes.md\n")
    assert "\n # Notes\n \n-Some text.\n+Other text." in text


def test_without_git_it_is_refused(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository, or no git program: one sentence."""
    (tmp_path / "plain").mkdir()
    with pytest.raises(UsageError, match="not a git repository"):
        working_diff(find_workspace(tmp_path / "plain"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git, which is not found"):
        working_diff(find_workspace(repo))
