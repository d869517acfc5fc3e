"""optafly cache list and show, as typed and as seen."""

import re
from pathlib import Path

import pytest

from optafly_cli.cli.columns import columns
from optafly_cli.cli.documents import moment, size
from optafly_cli.errors import UsageError
from tests.cli.conftest import LONG, Cli
from tests.cli.terminal import on_a_terminal, plain_lines


def test_a_list_on_a_terminal_is_a_table(two: Cli) -> None:
    """Titles, a line for each entry, nothing wider than the terminal; what was cut ends in an ellipsis."""
    for options, width, expected in (
        ((), 80, "id age hits model about instruction"),
        (("--sort", "size"), 80, "id age size model about instruction"),
        (("--sort", "used"), 50, "id used hits about instruction"),
    ):
        code, written = on_a_terminal(two, "cache", "list", *options, columns=width)
        titles, newest, oldest = plain_lines(written)[:3]
        assert (code, titles.split()) == (0, expected.split())
        assert max(columns(line) for line in (titles, newest, oldest)) <= width
        lines = {line.split()[0]: line for line in (newest, oldest)}
        assert lines["1"].endswith("fix this bug")
        assert "lib.rs +1 " in lines["2"]
        assert lines["2"].endswith("…")


def test_a_list_in_a_pipe_is_for_programs(two: Cli) -> None:
    """Eight columns with tabs between, nothing cut, no titles; `--json` has the same under names, and more."""
    done = two("cache", "list")
    newest, oldest = (line.split("\t") for line in done.out.splitlines())
    assert (newest[0], newest[3], newest[6], newest[7]) == ("2", "0", "src/lib.rs,src/main.rs", LONG)
    assert (oldest[0], oldest[3], oldest[6], oldest[7]) == ("1", "1", "src/main.rs:8", "fix this bug")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", oldest[1])
    document = two("cache", "list", "--json", "-n", "1").json
    assert (document["total"], len(document["entries"])) == (2, 1)
    assert set(document["entries"][0]) == {
        "id", "prompt", "instruction", "model", "created", "last_used", "expires", "hits", "cost", "bytes", "reworded",
        "workspace", "files", "besides",
    }  # fmt: skip
    assert "1 of 2 entries; -n 0 lists all" in two("cache", "list", "-n", "1").err


def test_filters_are_relative_to_where_one_is(two: Cli, tmp_path: Path) -> None:
    """A file, a folder, an alias, an age; the same file name in another folder is another file."""

    def ids(*options: str, cwd: Path | None = None) -> list[str]:
        return [line.split("\t")[0] for line in two("cache", "list", *options, cwd=cwd).out.splitlines()]

    assert ids("--file", "src/lib.rs") == ["2"]
    assert ids("--file", "main.rs", cwd=two.cwd / "src") == ["2", "1"]
    assert ids("--file", "src", "--sort", "hits") == ["1", "2"]
    assert ids("--model", "sonnet", "--since", "1h") == ["2", "1"]
    assert ids("--here", cwd=tmp_path) == []
    assert "no such entries" in two("cache", "list", "--since", "2199-01-01").err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--sort", "age"), "--sort age: no such order"),
        (("--since", "yesterday"), "--since yesterday: that is no time"),
        (("-n", "-1"), "-1 is not in the range"),
    ],
)
def test_a_bad_value_is_said_in_a_sentence(cli: Cli, options: tuple[str, ...], said: str) -> None:
    """Exit 2."""
    assert said in cli("cache", "list", *options, code=2).err


def test_show_says_all_that_is_known(two: Cli) -> None:
    """The facts, then the answer; LAST is the entry of the last hit, as for reject."""
    lines = two("cache", "show", "1").out.splitlines()
    assert lines[-1] == "Use `?` instead of unwrap."
    labels = [line[:10].strip() for line in lines[: lines.index("")]]
    assert labels == ["entry", "prompt", "workspace", "file", "model", "stored", "used", "expires", "size", "answers"]
    assert "$0." in lines[4]
    assert "1 hit, the last" in lines[6]
    assert two("cache", "show", "last").out.splitlines()[1:3] == lines[1:3]
    document = two("cache", "show", "LAST", "--json").json
    assert (document["id"], document["hits"], document["answer"]) == (1, 1, "Use `?` instead of unwrap.")
    assert document["expires"] > document["created"]
    two("cache", "delete", "1")
    assert "entry 1, which answered last, is not there any more" in two("cache", "show", "LAST", code=2).err


def test_show_of_what_is_not_there(cli: Cli) -> None:
    """One sentence each."""
    assert "no stored answer was served yet" in cli("cache", "show", "LAST", code=2).err
    assert "'x' is no entry" in cli("cache", "show", "x", code=2).err
    assert "there is no entry 9" in cli("cache", "show", "9" * 30, code=2).err


def test_times_and_sizes() -> None:
    """How long ago, or a date; bytes in a unit that suits them."""
    ago = [1_000_000 - moment(text, 1_000_000) for text in ("30s", "30m", "30min", "12h", "1.5d", "7 days", "2w")]
    assert ago == [30, 1_800, 1_800, 43_200, 129_600, 604_800, 1_209_600]
    assert moment("2026-11-30", 0) == moment("2026-11-30T00:00", 0)
    for text in ("", "d", "7", "7y", "2026-13-01"):
        with pytest.raises(UsageError):
            moment(text, 0)
    assert [size(count) for count in (12, 3_456, 45_678, 5_400_000, 2 * 10**9)] == [
        "12 B",
        "3.5 KB",
        "46 KB",
        "5.4 MB",
        "2.0 GB",
    ]
