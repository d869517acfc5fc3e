"""What is known already is not told again, and what is fixed is all that changes."""

import stat
from pathlib import Path

import pytest

from optafly_cli.errors import FileProblem, UsageError
from optafly_cli.refine.linting.baseline import read_baseline, write_baseline
from optafly_cli.refine.linting.check import Checked, Filter, check, less_known
from optafly_cli.refine.linting.fixes import diff_of, write_fixes
from optafly_cli.refine.linting.targets import read_targets
from optafly_cli.workspace.root import find_workspace

KEY = "AKIAQ3EGUZ4X7NJW2B5T"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").touch()
    return tmp_path


def checked(folder: Path, name: str = "a.prompt") -> Checked:
    workspace = find_workspace(folder)
    (one,) = check(read_targets([name], folder, workspace, pytest.fail), workspace, Filter())
    return one


def rules(one: Checked) -> list[str]:
    return [finding.rule for finding in one.findings]


def test_known_findings_are_left_out_wherever_their_line_has_moved(folder: Path) -> None:
    """Lines above, another indent and white space change nothing; one more of the same kind is new."""
    file, known = folder / "a.prompt", folder / "known.json"
    file.write_text("Maybe print a list of 5 names, please.\n")
    before = checked(folder)
    assert rules(before) == ["OPF006"]
    assert write_baseline(known, [(before.target, before.findings)]) == 1
    baseline = read_baseline(known, "known.json")

    file.write_text("One more line.\n\n   Maybe  print a list of 5 names, please.\n")
    moved = less_known(checked(folder), baseline)
    assert (moved.findings, moved.known) == ((), 1)

    file.write_text("Maybe print a list of 5 names, please.\n" * 2)
    twice = less_known(checked(folder), baseline)
    assert [one.line for one in twice.findings] == [2]

    file.write_text("Maybe print a list of 6 names, please.\n")
    assert rules(less_known(checked(folder), baseline)) == ["OPF006"]


def test_a_baseline_holds_no_text_and_can_be_read_by_all(folder: Path) -> None:
    """It goes into the repository: no secret and no prompt is in it."""
    (folder / "a.prompt").write_text(f"Why is {KEY} refused by the API?\n")
    one = checked(folder)
    assert rules(one) == ["OPF015"]
    write_baseline(folder / "known.json", [(one.target, one.findings)])
    text = (folder / "known.json").read_text()
    assert KEY not in text
    assert "refused" not in text
    assert stat.S_IMODE((folder / "known.json").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "other/1"}', '{"schema": "optafly.lint-baseline/1", "findings": [1]}']
)
def test_what_is_no_baseline_is_refused(folder: Path, text: str) -> None:
    """With a sentence that says how to make one."""
    (folder / "known.json").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_baseline(folder / "known.json", "known.json")
    assert "known.json is" in caught.value.message


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_a_fix_changes_nothing_else_in_the_file(folder: Path, mark: bytes, end: bytes) -> None:
    """Byte order mark, line ends, mode and what follows stay as they were."""
    file = folder / "a.prompt"
    file.write_bytes(
        mark + b"Explain \xc3\xa9 to me in 3 lines." + end + b"total() is kind of slow for 10 orders" + end
    )
    file.chmod(0o640)
    assert write_fixes(checked(folder).target, checked(folder).findings) == 1
    assert file.read_bytes() == (
        mark + b"Explain \xc3\xa9 to me in 3 lines." + end + b"total() is slow for 10 orders" + end
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_fix_in_code_stays_inside_the_string(folder: Path) -> None:
    """Line and column are those of the file, also behind an indent."""
    file = folder / "bot.py"
    file.write_text('class A:\n    PROMPT = """\n        total() is kind of slow for 10 orders\n        """\n')
    one = checked(folder, "bot.py")
    assert write_fixes(one.target, one.findings) == 1
    assert file.read_text() == 'class A:\n    PROMPT = """\n        total() is slow for 10 orders\n        """\n'


def test_what_changed_meanwhile_or_is_not_utf_8_is_not_written(folder: Path) -> None:
    """The user's file is never overwritten with something older, nor its bytes replaced."""
    file = folder / "a.prompt"
    file.write_text("total() is kind of slow for 10 orders\n")
    one = checked(folder)
    file.write_text("total() is kind of slow for 11 orders\n")
    with pytest.raises(FileProblem, match="changed"):
        write_fixes(one.target, one.findings)
    assert file.read_text() == "total() is kind of slow for 11 orders\n"

    file.write_bytes(b"caf\xe9: total() is kind of slow for 10 orders\n")
    one = checked(folder)
    with pytest.raises(FileProblem, match="not UTF-8"):
        write_fixes(one.target, one.findings)
    assert file.read_bytes().startswith(b"caf\xe9")


def test_a_diff_shows_the_change_and_no_secret(folder: Path) -> None:
    """It is a unified diff, and a secret that the fix takes out is not in it."""
    (folder / "a.prompt").write_text(f"total() is kind of slow for 10 orders\nin all\nWhy is {KEY} refused?\n")
    one = checked(folder)
    diff = diff_of(one.target, one.findings)
    assert "-total() is kind of slow for 10 orders\n+total() is slow for 10 orders\n" in diff
    assert KEY not in diff
    assert (folder / "a.prompt").read_text().startswith("total() is kind of")
