"""What the user named, as it was typed."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.errors import FileProblem, UsageError
from optafly_cli.workspace.named import MOST_MATCHES, OPEN_END, gather, split_range
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.types import LineRange, NamedFile, Workspace
from tests.workspace.support import repository, write


def one(workspace: Workspace, *files: str, cwd: Path | None = None, selection: str | None = None) -> NamedFile:
    """The one file that is named."""
    (file,) = gather(workspace, cwd or workspace.root, files=files, selection=selection).files
    return file


def problem(workspace: Workspace, *files: str, selection: str | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        gather(workspace, workspace.root, files=files, selection=selection)
    assert caught.value.remedy
    return caught.value


def test_a_file_as_a_whole(workspace: Workspace) -> None:
    """Label relative to the root, language by its name, no range and no unit."""
    file = one(workspace, "src/main.rs")
    assert (file.label, file.language, file.lines, file.unit) == ("src/main.rs", "rust", None, None)
    assert file.source.text.startswith("fn main()")


def test_a_name_that_is_too_long_is_no_file(workspace: Workspace) -> None:
    """A name longer than the file system allows is a file that is not there, not a crash."""
    for name in ("x" * 300, "x" * 5000, "x" * 300 + "/y:3"):
        assert problem(workspace, name).code == "file"


def test_a_line_brings_its_unit(workspace: Workspace) -> None:
    """`F:2` is line 2 and the function around it; `F:2-` goes to the end; a column is dropped."""
    file = one(workspace, "src/main.rs:2")
    assert (file.lines, file.unit) == (LineRange(2, 2), LineRange(1, 3))
    assert one(workspace, "src/main.rs:2-3").lines == LineRange(2, 3)
    assert one(workspace, "src/main.rs:2-").lines == LineRange(2, 5)
    assert one(workspace, "src/main.rs:2:9").lines == LineRange(2, 2)


def test_labels_are_relative_to_the_root_from_anywhere(workspace: Workspace) -> None:
    """From a subfolder, with `..`, with `./`, and as an absolute path it is the same file."""
    root = workspace.root
    for cwd, typed in ((root / "src", "main.rs"), (root / "src", "../src/main.rs"), (root, "./src//main.rs")):
        assert one(workspace, typed, cwd=cwd).label == "src/main.rs"
    assert one(workspace, f"{root}/src/main.rs:1").label == "src/main.rs"


def test_a_file_outside_may_be_named(workspace: Workspace, tmp_path: Path) -> None:
    """Because it was named; its label is absolute."""
    write(tmp_path, {"other/x.py": "x = 1\n"})
    assert one(workspace, "../other/x.py").label == str(tmp_path / "other/x.py")


def test_a_link_is_followed_within_the_workspace_only(workspace: Workspace, tmp_path: Path) -> None:
    """Within it the label is what was typed; a link that leads out is refused, its target can be named itself."""
    write(tmp_path, {"other/x.py": "x = 1\n"})
    (workspace.root / "near.rs").symlink_to("src/main.rs")
    (workspace.root / "link.py").symlink_to(tmp_path / "other/x.py")
    (workspace.root / "folder").symlink_to(tmp_path / "other")
    assert one(workspace, "near.rs").label == "near.rs"
    for name in ("link.py", "folder/x.py"):
        with pytest.raises(FileProblem, match="leads out of the workspace"):
            one(workspace, name)
    assert one(workspace, str(tmp_path / "other/x.py")).source.text == "x = 1\n"


def test_a_pattern_takes_no_ignored_files(workspace: Workspace) -> None:
    """What git ignores is left out of a pattern, and said; named by itself it is taken."""
    write(workspace.root, {".gitignore": "ignored.py\n", "ignored.py": "x = 1\n", "seen.py": "y = 1\n"})
    context = gather(workspace, workspace.root, files=["*.py"])
    assert [file.label for file in context.files] == ["seen.py"]
    assert "1 file was left out" in context.left_out[0]
    assert one(workspace, "ignored.py").label == "ignored.py"


def test_a_root_reached_through_a_link(workspace: Workspace, tmp_path: Path) -> None:
    """A path typed through another name of the root has a label inside of the root all the same."""
    (tmp_path / "alias").symlink_to(workspace.root)
    assert one(workspace, "main.rs", cwd=tmp_path / "alias" / "src").label == "src/main.rs"
    assert one(workspace, f"{tmp_path}/alias/src/main.rs").label == "src/main.rs"


def test_the_same_file_twice_is_one(workspace: Workspace) -> None:
    """The same path and range collapse, however they are typed; another range is another item."""
    named = gather(
        workspace, workspace.root, files=["src/main.rs", "./src/main.rs", "src/main.rs:1-2", "src/main.rs:2-3"]
    )
    assert [file.lines for file in named.files] == [None, LineRange(1, 2), LineRange(2, 3)]


def test_a_name_with_a_colon_wins_over_a_range(workspace: Workspace) -> None:
    """An existing `a:1` is that file; its own range goes after it."""
    write(workspace.root, {"a:1": "first\nsecond\n", "a": "x\n"})
    assert (one(workspace, "a:1").label, one(workspace, "a:1").lines) == ("a:1", None)
    assert (one(workspace, "a:1:2").label, one(workspace, "a:1:2").lines) == ("a:1", LineRange(2, 2))


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("src/main.rs:0", "no line 0"),
        ("src/main.rs:3-2", "ends before it starts"),
        ("src/main.rs:two", "two is not a line"),
        ("src/main.rs:1-x", "1-x is not a line"),
        ("src/main.rs:-3", "-3 is not a line"),
        ("src/main.rs:1-2-3", "1-2-3 is not a line"),
        ("src/main.rs:", "is not a line"),
        ("src/main.rs:99999999999999", "is not a line"),
        ("src/main.rs:²", "is not a line"),
        ("src/main.rs:6", "has 5 lines: there is no line 6"),
        ("src/main.rs:2-9", "has 5 lines: there is no line 9"),
        ("src/main.rs:999", "src/main.rs has 5 lines: there is no line 999"),
        ("src/nope.rs", "src/nope.rs does not exist"),
        ("src/nope.rs:3", "src/nope.rs does not exist"),
        ("src/no:pe.rs", "src/no:pe.rs does not exist"),
        ("src", "src is a folder"),
        ("", "empty name"),
        ("a\0b", "not a possible file name"),
        ("src/*.py", "no file matches src/*.py"),
        ("src/*.rs:2", "needs one file"),
    ],
)
def test_a_bad_argument_is_one_sentence(workspace: Workspace, argument: str, said: str) -> None:
    """Each says what is wrong and what to do."""
    assert said in problem(workspace, argument).message


def test_an_empty_file(workspace: Workspace) -> None:
    """It can be named; it has no lines."""
    write(workspace.root, {"empty.py": ""})
    assert one(workspace, "empty.py").source.text == ""
    assert "has 0 lines" in problem(workspace, "empty.py:1").message


@given(st.text(max_size=30))
def test_split_range_never_surprises(argument: str) -> None:
    """Any argument gives a path and a sound range, or a UsageError."""
    try:
        path, lines = split_range(argument, Path("/nonexistent"))
    except UsageError:
        return
    assert argument.startswith(path)
    assert path
    assert lines is None or 1 <= lines.start <= lines.end <= OPEN_END


def test_the_selection_belongs_to_the_one_file_without_a_range(workspace: Workspace) -> None:
    """`--selection 2-3` with `--file F` is `--file F:2-3`; with none or several such files it is refused."""
    assert one(workspace, "src/main.rs", selection="2-3").lines == LineRange(2, 3)
    assert one(workspace, "src/main.rs", selection="2").unit == LineRange(1, 3)
    named = gather(workspace, workspace.root, files=["src/main.rs", "notes.md:1"], selection="1-2")
    assert [file.lines for file in named.files] == [LineRange(1, 2), LineRange(1, 1)]
    for files in ((), ("src/main.rs", "notes.md"), ("src/main.rs:1",)):
        assert "--selection 1-2 needs one --file" in problem(workspace, *files, selection="1-2").message
    assert "is not a line" in problem(workspace, "src/main.rs", selection="abc").message


def test_a_pattern_names_the_files_it_matches(workspace: Workspace) -> None:
    """Sorted, text only; what may not be sent is left out with a sentence each."""
    write(
        workspace.root,
        {
            "p/b.py": "b\n",
            "p/a.py": "a\n",
            "p/x.pem.py": b"\0",
            "p/k.pem": "key",
            "p/.hidden.py": "h\n",
            "p/q/c.py": "c\n",
        },
    )
    named = gather(workspace, workspace.root, files=["p/*"])
    assert [file.label for file in named.files] == ["p/a.py", "p/b.py"]
    assert len(named.left_out) == 2
    assert "p/k.pem is on the deny list" in named.left_out[0]
    assert "binary" in named.left_out[1]
    assert [f.label for f in gather(workspace, workspace.root, files=["p/**/*.py"]).files][-1] == "p/q/c.py"


def test_a_pattern_has_a_limit_and_stays_inside(workspace: Workspace, tmp_path: Path) -> None:
    """At most MOST_MATCHES files; links out of the workspace are not followed by a pattern, loops end."""
    write(workspace.root, {f"many/{number:03}.txt": "x\n" for number in range(MOST_MATCHES + 7)})
    named = gather(workspace, workspace.root, files=["many/*.txt"])
    assert len(named.files) == MOST_MATCHES
    assert named.left_out == (f"many/*.txt: only the first {MOST_MATCHES} of {MOST_MATCHES + 7} files are used",)
    write(tmp_path, {"other/x.py": "private\n"})
    write(workspace.root, {"l/ok.py": "x\n"})
    (workspace.root / "l/out.py").symlink_to(tmp_path / "other/x.py")
    (workspace.root / "l/loop").symlink_to(workspace.root / "l")
    named = gather(workspace, workspace.root, files=["l/**/*.py"])
    assert [file.label for file in named.files] == ["l/ok.py"]
    assert "leads out of the workspace" in named.left_out[0]


def test_a_name_with_pattern_characters_is_that_file(workspace: Workspace) -> None:
    """An existing path wins over the pattern that it could be."""
    write(workspace.root, {"a[1].py": "one\n", "a1.py": "two\n"})
    assert one(workspace, "a[1].py").source.text == "one\n"


@pytest.mark.parametrize("name", [".env", "deploy.pem", ".ssh/id_ed25519", ".git/config"])
def test_a_denied_file_is_never_sent(workspace: Workspace, name: str) -> None:
    """Not even when it is named, and not through a link with a harmless name."""
    write(workspace.root, {name: "secret\n"})
    (workspace.root / "harmless.txt").symlink_to(workspace.root / name)
    for argument in (name, f"{name}:1", "harmless.txt"):
        found = problem(workspace, argument)
        assert isinstance(found, FileProblem)
        assert "deny list" in found.message


def test_a_denied_name_that_is_not_there_is_missing(workspace: Workspace) -> None:
    """What a path is comes before what its name looks like."""
    assert "does not exist" in problem(workspace, ".env").message
    (workspace.root / ".ssh").mkdir()
    (workspace.root / "x.pem").mkdir()
    assert "is a folder" in problem(workspace, "x.pem").message


def test_strange_names_are_just_names(workspace: Workspace) -> None:
    """Escape codes, newlines, a name like an option, bytes that are not UTF-8: labels are exact, and can be encoded."""
    for name in ("--help", "a\x1b[2Jb.py", "new\nline.py", " spaces .py", "ü漢.py"):
        write(workspace.root, {name: "x = 1\n"})
        assert one(workspace, name).label == name
    raw = os.fsdecode(b"caf\xe9.py")
    write(workspace.root, {raw: "x = 1\n"})
    file = one(workspace, raw)
    assert (file.label, file.language, file.source.text) == ("caf\\udce9.py", "python", "x = 1\n")


def test_piped_text(workspace: Workspace) -> None:
    """Line ends are unified, a mark is dropped; white space alone is nothing; binary and too much are refused."""

    def piped(text: str) -> str | None:
        return gather(workspace, workspace.root, piped=text).piped

    assert piped("\ufeffa\r\nb\rc") == "a\nb\nc"
    assert piped("a\udcffb") == "a?b"
    assert piped(" \n\t") is None
    with pytest.raises(UsageError, match="not text"):
        piped("a\0b")
    with pytest.raises(UsageError, match="11 MB"):
        piped("x" * (11 * 1024 * 1024))


def test_the_diff_is_read_when_asked_for(workspace: Workspace, tmp_path: Path) -> None:
    """Without `--diff` there is none; without git it is refused."""
    write(workspace.root, {"notes.md": "changed\n"})
    assert gather(workspace, workspace.root).diff is None
    diff = gather(workspace, workspace.root, diff=True).diff
    assert diff is not None
    assert [file.label for file in diff] == ["notes.md"]
    (tmp_path / "plain").mkdir()
    with pytest.raises(UsageError, match="not a git repository"):
        gather(find_workspace(tmp_path / "plain"), tmp_path / "plain", diff=True)


def test_no_git_process_is_needed_for_files(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Files and ranges are read without git: an exact hit must not wait for a process."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert one(workspace, "src/main.rs:2").unit == LineRange(1, 3)


def test_a_file_in_a_submodule_is_named_like_any_other(tmp_path: Path) -> None:
    """Its label is relative to the outer root when the outer folder is the workspace."""
    root = repository(tmp_path / "outer", {"a.py": "a\n"})
    repository(root / "inner", {"b.py": "b\n"})
    assert one(find_workspace(root), "inner/b.py").label == "inner/b.py"
