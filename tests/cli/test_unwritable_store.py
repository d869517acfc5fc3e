"""A store that cannot be written: what is in it is served, what was paid for is printed, one sentence says why."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optafly_cli.cache import schema
from tests.cli.conftest import POWERLESS, Cli

ASK = ("ask", "fix this bug", "--file", "src/main.rs")
OTHER = ("ask", "explain this", "--file", "src/main.rs")
ANSWER = "Use `?` instead of unwrap.\n"

pytestmark = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which(POWERLESS[0]) is None, reason="root may write everywhere, and setpriv is missing"
)


def read_only_folder(store: Path) -> None:
    store.chmod(0o555)


def read_only_file(store: Path) -> None:
    (store / "entries.sqlite").chmod(0o444)


def read_only_both(store: Path) -> None:
    read_only_file(store)
    read_only_folder(store)


def of_someone_else(store: Path) -> None:
    if os.geteuid():
        pytest.skip("only root may give files away")
    for path in (*store.rglob("*"), store):
        os.chown(path, 65534, 65534)


def older_and_read_only(store: Path) -> None:
    with sqlite3.connect(store / "entries.sqlite") as database:
        database.executescript(
            "DROP TABLE outbox; ALTER TABLE hit DROP COLUMN tokens; DROP INDEX entry_place;"
            "CREATE INDEX entry_partition ON entry (partition, embedder, created);"
            "DELETE FROM migration WHERE number = 3; PRAGMA user_version = 2"
        )
    database.close()
    read_only_both(store)


def newer_and_read_only(store: Path) -> None:
    with sqlite3.connect(store / "entries.sqlite") as database:
        database.execute("PRAGMA user_version = 999")
    database.close()
    read_only_both(store)


def a_link_to_itself(store: Path) -> None:
    shutil.rmtree(store)
    store.symlink_to(store)


def a_link_to_nowhere(store: Path) -> None:
    shutil.rmtree(store)
    store.symlink_to(store.parent / "gone" / "too")


def a_database_that_is_a_link_to_itself(store: Path) -> None:
    (store / "entries.sqlite").unlink()
    (store / "entries.sqlite").symlink_to("entries.sqlite")


def a_log_that_nobody_read(store: Path) -> None:
    """As kill -9 leaves it: the answer stands in the log only."""
    keeper = sqlite3.connect(store / "entries.sqlite")
    keeper.execute("UPDATE entry SET hits = 7")
    keeper.commit()
    for name in ("entries.sqlite", "entries.sqlite-wal"):
        shutil.copy(store / name, store.parent / name)
    keeper.close()
    for name in ("entries.sqlite", "entries.sqlite-wal"):
        (store.parent / name).replace(store / name)
        (store / name).chmod(0o444)
    read_only_folder(store)


SPOILS: dict[Callable[[Path], None], tuple[bool, str]] = {
    read_only_folder: (True, "cannot be written: permission denied"),
    read_only_file: (True, "cannot be written: permission denied"),
    read_only_both: (True, "cannot be written: permission denied"),
    of_someone_else: (False, "cannot be read: permission denied"),
    older_and_read_only: (False, f"cannot be brought up to date from schema 2 to {schema.LATEST}: permission denied"),
    newer_and_read_only: (False, "schema 999"),
    a_link_to_itself: (False, "cannot be read: Too many levels of symbolic links"),
    a_link_to_nowhere: (False, "cannot be written: No such file or directory"),
    a_database_that_is_a_link_to_itself: (False, "cannot be read: Too many levels of symbolic links"),
    a_log_that_nobody_read: (False, "cannot be read: permission denied"),
}
"""Whether what is in it can still be read, and what is said."""
QUICK = (read_only_both, older_and_read_only)
"""Each takes two processes that load the provider's client."""


@pytest.fixture
def spoilt(request: pytest.FixtureRequest, cli: Cli) -> Iterator[Cli]:
    cli(*ASK)
    request.param(cli.store)
    yield cli
    if cli.store.is_dir():
        cli.store.chmod(0o755)


@pytest.mark.parametrize(
    ("spoilt", "readable", "said"),
    [
        pytest.param(spoil, *expected, id=spoil.__name__, marks=() if spoil in QUICK else pytest.mark.slow)
        for spoil, expected in SPOILS.items()
    ],
    indirect=["spoilt"],
)
def test_one_sentence_and_the_answer(spoilt: Cli, readable: bool, said: str) -> None:
    """Exit 5 where something was to be written, what was stored where it can be read, and not a byte changed."""
    cli = spoilt
    before = {path: path.read_bytes() for path in cli.store.rglob("*") if path.is_file()}
    done = cli(*OTHER, code=5, powerless=True)
    assert done.out == ANSWER
    assert said in done.err
    assert "the answer was not stored" in done.err
    assert len(done.err.splitlines()) <= 2
    if readable:
        assert cli(*ASK, "--json", powerless=True).json["cache"]["tier"] == "exact"
        assert cli("cache", "stats", "--json", powerless=True).json["entries"] == 1
    elif cli.store.exists() or "symbolic" in said:
        looked = cli("cache", "stats", code=5, powerless=True)
        assert said in looked.err
        assert looked.out == ""
        cli("cache", "delete", "1", code=5, powerless=True)
    assert {path: path.read_bytes() for path in cli.store.rglob("*") if path.is_file() and path in before} == before
