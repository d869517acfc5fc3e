"""Entries of the local store that wait to be sent to the shared one. Each is sent until it has arrived."""

import sqlite3
from typing import TYPE_CHECKING

from optafly_cli.cache.database import transaction
from optafly_cli.errors import StoreError

if TYPE_CHECKING:
    from optafly_cli.cache.backends.protocol import SemanticCacheBackend, Stored

_AT_ONCE = 100


def add(connection: sqlite3.Connection, number: int) -> None:
    """Let an entry wait, in the caller's transaction."""
    connection.execute("INSERT OR IGNORE INTO outbox (entry) VALUES (?)", (number,))


def remove(connection: sqlite3.Connection, *numbers: int) -> None:
    """These have arrived, or never will."""
    with transaction(connection):
        connection.executemany("DELETE FROM outbox WHERE entry = ?", [(number,) for number in numbers])


def waiting(connection: sqlite3.Connection) -> int:
    """How many wait."""
    return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])


def entry(connection: sqlite3.Connection, number: int) -> "Stored | None":
    """The entry of that id as a backend takes it; None when it was deleted meanwhile."""
    from optafly_cli.cache.backends.local import COLUMNS
    from optafly_cli.cache.backends.protocol import Stored

    row = connection.execute(f"SELECT {COLUMNS} FROM entry WHERE id = ?", (number,)).fetchone()  # noqa: S608 (constants)
    return Stored(*row) if row else None


def send(connection: sqlite3.Connection, backend: "SemanticCacheBackend") -> int:
    """Send what waits; how many went. What the server takes from nobody stays in the local store alone.

    Raises:
        StoreError: the shared store cannot be used; what was not sent waits on.
    """
    sent = 0
    while numbers := [row[0] for row in connection.execute("SELECT entry FROM outbox LIMIT ?", (_AT_ONCE,))]:
        found = {number: one for number in numbers if (one := entry(connection, number))}
        try:
            backend.put(list(found.values()))
            sent += len(found)
        except StoreError as error:
            if error.code != "remote_refused":
                raise
            sent += sum(_sent_alone(backend, one) for one in found.values())
        remove(connection, *numbers)
    return sent


def _sent_alone(backend: "SemanticCacheBackend", one: "Stored") -> bool:
    try:
        backend.put([one])
    except StoreError as error:
        if error.code != "remote_refused":
            raise
        return False
    return True
