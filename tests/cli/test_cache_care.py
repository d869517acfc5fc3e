"""optafly cache delete, prune, verify, rebuild, export and import, as typed."""

import gzip
import json
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, lookup
from tests.cli.terminal import on_a_terminal, plain_lines

ASK = ("ask", "fix this bug", "--file", "src/main.rs")


def test_out_of_one_home_and_into_another(cli: Cli, tmp_path: Path) -> None:
    """Through a file or through a pipe: the other home answers what this one had been asked."""
    cli(*ASK)
    cli("ask", "explain this", "--file", "src/lib.rs")
    said = cli("cache", "export", "out.jsonl")
    assert (said.out, said.err.strip()) == ("", "exported 2 entries")
    file = cli.cwd / "out.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    piped = cli("cache", "export").out
    assert piped == file.read_text("utf-8")
    file.unlink()
    other = {"OPTAFLY_HOME": str(tmp_path / "other")}
    assert "imported 2 entries" in cli("cache", "import", "-", stdin=piped, env=other).err
    assert "2 were there already" in cli("cache", "import", "-", stdin=piped, env=other).err
    assert lookup(cli, *ASK, env=other)["status"] == "hit"
    assert "nothing is wrong" in cli("cache", "verify", env=other).err


def test_bad_lines_are_named(cli: Cli) -> None:
    """Exit 1, the numbers of the bad lines on stderr, the good ones kept; the same as a document."""
    cli(*ASK)
    line = cli("cache", "export").out
    cli("cache", "clear", "--yes")
    done = cli("cache", "import", "-", stdin=f"nonsense\n{line}{{}}\n", code=1)
    assert "line 1: it is not JSON" in done.err
    assert "line 3: it is no entry of" in done.err
    assert lookup(cli, *ASK)["status"] == "hit"
    document = cli("cache", "import", "-", "--json", stdin="nonsense\n", code=1).json
    assert (document["new"], document["refused"], document["refusals"][0]["line"]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cache", "import", "nope.jsonl"), "nope.jsonl cannot be read"),
        (("cache", "import", "src"), "src cannot be read"),
        (("cache", "export", "nope/out.jsonl"), "nope/out.jsonl cannot be written"),
        (("cache", "delete", "7"), "there is no entry 7"),
    ],
)
def test_what_cannot_be_done(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    """One sentence, exit 2, and nothing is left lying about."""
    cli(*ASK)
    before = sorted(path.name for path in cli.cwd.iterdir())
    assert said in cli(*arguments, code=2).err
    assert sorted(path.name for path in cli.cwd.iterdir()) == before


def test_delete(cli: Cli) -> None:
    """Entries go by their numbers; those that are not there are told, and are an error, as with rm."""
    cli(*ASK)
    done = cli("cache", "delete", "1", "9", code=2)
    assert "deleted 1 entry" in done.err
    assert "there is no entry 9" in done.err
    assert lookup(cli, *ASK)["status"] == "miss"
    cli(*ASK)
    assert cli("cache", "delete", "2", "9", "--json", code=2).json == {
        "schema": "optafly.cache.delete/1",
        "deleted": [2],
        "missing": [9],
    }
    assert cli("cache", "delete", "1", "--json", code=2).json["message"] == "there is no entry 1"
    assert "give a FILE" in cli("cache", "export", "--json", code=2).json["remedy"]


def test_prune_says_what_it_would_do(cli: Cli) -> None:
    """With a lifetime of a blink everything has expired; a dry run leaves it."""
    cli(*ASK)
    expired = {"OPTAFLY_CACHE_TTL_DAYS": "0.0000001"}
    assert cli("cache", "prune", "--dry-run", env=expired).out.startswith("would delete 1 expired entry: ")
    assert cli("cache", "prune").out.startswith("nothing to delete")
    assert cli("cache", "prune", "--json", env=expired).json["expired"] == 1
    assert cli("cache", "stats").out.startswith("entries   0")


def test_verify_and_rebuild(cli: Cli) -> None:
    """A changed entry: exit 5, and its number; a sound store: exit 0. Rebuilding the index does not hide it."""
    assert "0 entries" in cli("cache", "verify").err
    cli(*ASK)
    assert "1 entry, and nothing is wrong" in cli("cache", "verify").err
    assert "no scope has so many entries" in cli("cache", "rebuild").err
    with sqlite3.connect(cli.store / "entries.sqlite") as connection:
        connection.execute("UPDATE entry SET prompt = 'another'")
    connection.close()
    done = cli("cache", "verify", code=5)
    assert "entry 1: its prompt is not that of its keys" in done.out
    assert "1 thing is wrong" in done.err
    assert json.loads(cli("cache", "verify", "--json", code=5).out)["problems"] == [done.out.strip()]
    assert "1 entry is damaged" in cli("cache", "rebuild", code=5).err
    assert cli("cache", "rebuild", "--json", code=5).json["problems"] == [done.out.strip()]


def test_a_damaged_database_is_not_indexed(cli: Cli) -> None:
    """What verify calls damaged, rebuild refuses, with the way to save what can be read."""
    for number in range(5):
        cli("ask", f"explain number {number}", "--file", "src/main.rs")
    with sqlite3.connect(cli.store / "entries.sqlite") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET rootpage = 3 WHERE name = 'entry_asked'")
    connection.close()
    cli("cache", "verify", code=5)
    assert "is damaged" in (done := cli("cache", "rebuild", code=5)).err
    assert "export --salvage" in done.err


def test_commands_create_no_store(cli: Cli) -> None:
    """Looking after a store that does not exist leaves it so."""
    for arguments in (("delete", "1"), ("clear", "--yes"), ("prune",), ("verify",), ("rebuild",), ("export",)):
        cli("cache", *arguments, code=None)
    assert not cli.store.exists()


def test_a_backup_is_not_overwritten(cli: Cli) -> None:
    """An export does not replace a file unless it is told to."""
    cli(*ASK)
    cli("cache", "export", "out.jsonl")
    before = (cli.cwd / "out.jsonl").read_text()
    cli("cache", "clear", "--yes")
    assert "is there already" in cli("cache", "export", "out.jsonl", code=2).err
    assert (cli.cwd / "out.jsonl").read_text() == before
    cli("cache", "export", "out.jsonl", "--force")
    assert (cli.cwd / "out.jsonl").read_text() == ""


def test_what_is_no_export_is_said_once(cli: Cli) -> None:
    """A compressed file, an empty one, a line of another version: a sentence each."""
    (cli.cwd / "out.gz").write_bytes(gzip.compress(b"x"))
    assert "gunzip -c out.gz" in cli("cache", "import", "out.gz", code=2).err
    assert "there was nothing in stdin" in cli("cache", "import", "-", stdin="").err
    newer = '{"schema": "optafly.entry/2"}\n'
    assert "another version of optafly (optafly.entry/2)" in cli("cache", "import", "-", stdin=newer, code=1).err


def test_a_list_in_a_pipe_has_no_escapes(cli: Cli) -> None:
    """What a prompt holds is shown, not obeyed."""
    cli("ask", "red \x1b[31m text", "--file", "src/main.rs")
    assert "\x1b" not in cli("cache", "list").out


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (b"n\n", 1, "nothing was deleted"),
        (b"\n", 1, "nothing was deleted"),
        (b"\x04", 130, "interrupted"),
        (b"\x03", 130, "interrupted"),
    ],
    ids=["no", "enter", "ctrl-d", "ctrl-c"],
)
def test_saying_no_is_no_error(cli: Cli, typed: bytes, code: int, said: str) -> None:
    """Asked on a terminal, no (or only Enter) deletes nothing and exits 1; closing the input is an interruption."""
    cli(*ASK)
    exit_code, written = on_a_terminal(cli, "cache", "clear", answers=((b"[y/N]", typed),))
    lines = plain_lines(written)
    assert (exit_code, lines[0].startswith("Delete the one entry? [y/N]")) == (code, True)
    assert said in lines[-2]
    assert "error" not in written.decode()
    assert lookup(cli, *ASK)["status"] == "hit"


def test_clear_says_how_many(cli: Cli) -> None:
    """One is one entry; an empty store is not asked about."""
    cli(*ASK)
    assert cli("cache", "clear", "--yes").err == "deleted 1 entry\n"
    assert cli("cache", "clear").err == "the store has no entries\n"
