"""An answer may be served again only while what it was drawn from is as it was."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.cache.evidence import Verdict, combined, evidence_key, evidence_of, from_plain, still_holds, to_plain
from optafly_cli.cache.types import AutoEvidence, Evidence, FileEvidence, Question, UnitEvidence
from optafly_cli.workspace.named import gather
from optafly_cli.workspace.root import find_workspace
from tests.cache.support import Project

HEX = st.text("0123456789abcdef", max_size=3)
LINE = st.integers(1, 9)
EVIDENCE = st.builds(
    Evidence,
    st.lists(st.builds(FileEvidence, HEX, st.none() | HEX), max_size=2).map(tuple),
    st.lists(st.builds(UnitEvidence, HEX, HEX, LINE, st.tuples(LINE, LINE), HEX), max_size=2).map(tuple),
    st.none() | st.builds(AutoEvidence, HEX, HEX),
)


def holds(before: Question, after: Question) -> Verdict:
    """Whether an entry made for `before` may answer `after`."""
    return still_holds(before.named, after, before.prompt)


def test_an_unchanged_file_holds(project: Project) -> None:
    """Nothing changed: the evidence of a whole file, and of a line, holds without a notice."""
    for named in ("src/main.rs", "src/main.rs:5", "src/main.rs:4-5"):
        assert holds(project.ask("fix", named), project.ask("fix", named)) == Verdict(True)


def test_an_edited_file_does_not_hold(project: Project) -> None:
    """A file named without a range is evidence byte for byte, and the detail names it."""
    before = project.ask("fix", "src/main.rs")
    project.write("src/main.rs", project.read("src/main.rs") + "\n")
    verdict = holds(before, project.ask("fix", "src/main.rs"))
    assert (verdict.holds, verdict.reason) == (False, "evidence")
    assert "src/main.rs changed" in verdict.detail


def test_editing_elsewhere_keeps_a_line(project: Project) -> None:
    """With F:LINE, an edit in another function below changes nothing."""
    before = project.ask("fix", "src/main.rs:5")
    project.write("src/main.rs", project.read("src/main.rs").replace("println!", "eprintln!"))
    assert holds(before, project.ask("fix", "src/main.rs:5")) == Verdict(True)


@pytest.mark.parametrize("line", [5, 7])
def test_lines_added_above_move_the_evidence(project: Project, line: int) -> None:
    """After two lines were added above, both the old line number and the moved line hold, with a notice."""
    before = project.ask("fix", "src/main.rs:5")
    project.write("src/main.rs", "// one\n\n" + project.read("src/main.rs"))
    verdict = holds(before, project.ask("fix", f"src/main.rs:{line}"))
    assert verdict.holds
    assert verdict.notices == ("src/main.rs: the code moved by +2 lines since this answer was made",)


def test_one_line_removed_above_is_said_in_the_singular(project: Project) -> None:
    """The notice counts lines in both directions."""
    before = project.ask("fix", "src/main.rs:5")
    project.write("src/main.rs", project.read("src/main.rs").removeprefix("use std::env;\n"))
    verdict = holds(before, project.ask("fix", "src/main.rs:4"))
    assert verdict.notices == ("src/main.rs: the code moved by -1 line since this answer was made",)


def test_another_line_of_the_function_is_another_question(project: Project) -> None:
    """The same function, another line of it: not the same question."""
    verdict = holds(project.ask("fix", "src/main.rs:9"), project.ask("fix", "src/main.rs:10"))
    assert (verdict.holds, verdict.reason) == (False, "another_line")


def test_an_equal_line_elsewhere_in_the_function_is_another(project: Project) -> None:
    """Two lines with the same text in one function are two places."""
    project.write("src/same.rs", "fn f() {\n    g().unwrap();\n    h();\n    g().unwrap();\n}\n")
    verdict = holds(project.ask("fix", "src/same.rs:2"), project.ask("fix", "src/same.rs:4"))
    assert (verdict.holds, verdict.reason) == (False, "another_line")


def test_one_line_more_is_another_question(project: Project) -> None:
    """Two lines of a function named at once are not the same as one of them."""
    both = project.ask("fix", "src/main.rs:9", "src/main.rs:10")
    one = project.ask("fix", "src/main.rs:9")
    assert both.scope == one.scope
    assert not holds(both, one).holds
    assert not holds(one, both).holds


def test_mixed_files_need_all(project: Project) -> None:
    """With several named files, each of them must hold."""
    before = project.ask("fix", "src/main.rs:5", "src/lib.rs")
    project.write("src/lib.rs", "pub fn two() {}\n")
    assert not holds(before, project.ask("fix", "src/main.rs:5", "src/lib.rs")).holds


def test_a_file_that_was_not_named_is_read(project: Project) -> None:
    """Evidence beyond what was named (a file that the prompt mentions) is checked on disk, absent ones too."""
    question = project.ask("fix src/lib.rs")
    digest = project.ask("fix", "src/lib.rs").named.files[0].digest
    assert still_holds(Evidence((FileEvidence("src/lib.rs", digest),)), question, "").holds
    assert still_holds(Evidence((FileEvidence("src/gone.rs", None),)), question, "").holds
    project.write("src/gone.rs", "x")
    assert "appeared" in still_holds(Evidence((FileEvidence("src/gone.rs", None),)), question, "").detail
    (project.root / "src/lib.rs").unlink()
    assert "is gone" in still_holds(Evidence((FileEvidence("src/lib.rs", digest),)), question, "").detail


def test_a_folder_or_pipe_in_place_of_a_file_is_no_evidence(project: Project) -> None:
    """What is not a regular file counts as absent, and is never waited for."""
    import os

    os.mkfifo(project.root / "pipe")
    question = project.ask("fix")
    for label in ("pipe", "src"):
        assert still_holds(Evidence((FileEvidence(label, None),)), question, "").holds


@pytest.mark.parametrize(
    ("state", "selection", "expected"),
    [("clean", "a", True), ("dirty", "a", True), ("clean", "b", True), ("dirty", "b", False)],
)
def test_selected_context(project: Project, state: str, selection: str, expected: bool) -> None:
    """Selected context holds while the workspace state is the same, or selecting again gives the same."""
    project.state, project.selection = state, selection
    verdict = still_holds(Evidence(auto=AutoEvidence("clean", "a")), project.ask("fix"), "the entry's prompt")
    assert verdict.holds is expected


def test_selection_runs_only_when_it_must(project: Project) -> None:
    """The workspace state is computed once, selection only when it differs, and neither without such an entry."""
    question = project.ask("fix", "src/main.rs")
    still_holds(question.named, question, "")
    assert project.computed == []
    for _ in range(3):
        still_holds(Evidence(auto=AutoEvidence("clean", "a")), question, "p")
    assert project.computed == ["state"]
    for _ in range(3):
        still_holds(Evidence(auto=AutoEvidence("other", "nothing")), question, "p")
    assert project.computed == ["state", "select for p"]


def test_bytes_that_are_not_utf8_count(project: Project) -> None:
    """A line of a file that is not clean UTF-8 takes the whole file along as evidence."""
    path: Path = project.root / "src/raw.rs"
    path.write_bytes(b"fn f() {\n    // \xe9\n    g();\n}\n")
    before = project.ask("fix", "src/raw.rs:3")
    path.write_bytes(b"fn f() {\n    // \xe8\n    g();\n}\n")
    assert not holds(before, project.ask("fix", "src/raw.rs:3")).holds


def test_evidence_is_what_was_read(project: Project) -> None:
    """`evidence_of` gives the digest of the bytes that were read, not of what is on disk later."""
    workspace = find_workspace(project.root)
    named = gather(workspace, project.root, files=["src/main.rs"])
    project.write("src/main.rs", "fn main() {}\n")
    assert evidence_of(named).files[0].digest == named.files[0].source.digest
    assert evidence_of(named) != project.ask("x", "src/main.rs").named


def test_what_was_read_cannot_be_left_out(project: Project) -> None:
    """Evidence that a caller gives adds to what the question read; it does not replace it."""
    read = project.ask("x", "src/main.rs").named
    both = combined(read, Evidence(auto=AutoEvidence("s", "t")))
    assert both == replace(read, auto=AutoEvidence("s", "t"))


@given(EVIDENCE, EVIDENCE)
def test_evidence_survives_storing_and_keys_tell_it_apart(one: Evidence, other: Evidence) -> None:
    """Evidence comes back from JSON as it was, and two keys are equal only for equal evidence."""
    assert from_plain(to_plain(one)) == one
    assert (evidence_key(one) == evidence_key(other)) == (one == other)
