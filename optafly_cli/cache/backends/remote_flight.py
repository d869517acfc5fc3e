"""The flight of one question among all machines that share a store: an advisory lock in the database.

The lock is held by a transaction, so that it goes with the connection however its holder ends, through a pooler too,
and so that the leader's answer and the end of its flight are one commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.backends.pool import told
from optafly_cli.cache.backends.postgres import insert_entries
from optafly_cli.errors import StoreError

if TYPE_CHECKING:
    from psycopg import Connection

    from optafly_cli.cache.backends.postgres import PostgresBackend
    from optafly_cli.cache.backends.protocol import Stored

_TRY = "SELECT pg_try_advisory_xact_lock(%s)"


class Lead:
    """That this process is the one to ask. Lost when the connection is; then another may ask too."""

    def __init__(self, backend: PostgresBackend, connection: Connection[Any]) -> None:
        self._backend = backend
        self._connection = connection
        self._open = True

    def put(self, entries: Sequence[Stored]) -> None:
        """Put the entries and end the flight, all at once: who waits finds them.

        Raises:
            StoreError: they were not put; the flight has ended all the same.
        """
        with told():
            try:
                insert_entries(self._connection, self._backend.namespace, entries)
                self._connection.execute("COMMIT")
            finally:
                self.end()

    def end(self) -> None:
        """End the flight; more than once is once."""
        if self._open:
            self._open = False
            self._backend.pool.give(self._connection)
            self._backend.pool.kept()


def try_to_lead(backend: PostgresBackend, key: bytes) -> Lead | None:
    """Begin the flight of `key`; None while another machine has it.

    Raises:
        StoreError: the shared store cannot be used.
    """
    if not backend.pool.may_keep():
        raise StoreError("all connections to the shared store are in use", code="remote_busy")
    taken = False
    try:
        with told():
            connection = backend.pool.take()
            try:
                connection.execute("BEGIN")
                row = connection.execute(_TRY, (lock_number(backend.namespace, key),)).fetchone()
                taken = bool(row and row[0])
                if not taken:
                    connection.execute("ROLLBACK")
            finally:
                if not taken:
                    backend.pool.give(connection)
    finally:
        if not taken:
            backend.pool.kept()
    return Lead(backend, connection) if taken else None


def lock_number(namespace: str, key: bytes) -> int:
    """The number of the advisory lock: 64 bits of a digest, so that it meets no other by chance."""
    digest = sha256(b"optafly flight\0" + namespace.encode() + b"\0" + key).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
