"""The last message of a project and model: kept for an hour, the newest only."""

import sqlite3
from collections.abc import Iterator

import pytest

from optafly_cli.cache import previous
from optafly_cli.cache.schema import migrate


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database with the store's schema."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    yield connection
    connection.close()


def test_the_newest_of_its_project_and_model_is_given(connection: sqlite3.Connection) -> None:
    """Others have their own."""
    for project, model, message in (("a", "m", "msg_1"), ("a", "m", "msg_2"), ("a", "n", "msg_3"), ("b", "m", "msg_4")):
        previous.keep(connection, project, model, message, 1000.0)
    assert previous.last(connection, "a", "m", 1001.0) == "msg_2"
    assert previous.last(connection, "b", "m", 1001.0) == "msg_4"
    assert previous.last(connection, "b", "n", 1001.0) is None


def test_nothing_is_kept_longer_than_the_prompt_cache_lives(connection: sqlite3.Connection) -> None:
    """An hour later it is neither given nor, after the next write, there; nor is one from a clock that was set back."""
    previous.keep(connection, "a", "m", "msg_1", 1000.0)
    previous.keep(connection, "b", "m", "msg_2", 9000.0)
    assert previous.last(connection, "a", "m", 1000.0 + previous.KEEP_S + 1) is None
    previous.keep(connection, "c", "m", "msg_3", 1000.0 + previous.KEEP_S + 1)
    assert connection.execute("SELECT project FROM previous").fetchall() == [("c",)]
