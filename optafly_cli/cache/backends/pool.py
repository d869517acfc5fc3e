"""Connections to a shared store: made when they are needed, renewed when the server went away, cut when it stalls.

For several threads at once. What goes wrong is a `StoreError` with one sentence, and no part of the connection string.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from optafly_cli.errors import StoreError

if TYPE_CHECKING:
    from psycopg import Connection

T = TypeVar("T")
_CONNECT_S = 5
_KEEPALIVE = "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
"""A machine that vanished while it held a lock is noticed by the server in half a minute, not in two hours."""


class Pool:
    """At most `size` connections, two at least: who leads a flight keeps one, and looks up with another."""

    def __init__(self, conninfo: str, size: int, timeout_ms: int, check: Callable[[Connection[Any]], None]) -> None:
        """Opens nothing yet. `timeout_ms`: how long one statement may take; `check` sees the first connection."""
        size = max(2, size)
        self._conninfo = conninfo
        self._timeout_ms = timeout_ms
        self._check = check
        self._checked = False
        self._free = threading.BoundedSemaphore(size)
        self._keepers = threading.BoundedSemaphore(size - 1)
        self._idle: list[Connection[Any]] = []
        self._busy: dict[Connection[Any], int] = {}
        self._severed: set[Connection[Any]] = set()
        self._closed = 0

    def run(self, work: Callable[[Connection[Any]], T]) -> T:
        """What `work` gives; it runs once more when the connection had died since it was last used.

        Raises:
            StoreError: the shared store cannot be used.
        """
        import psycopg

        with told():
            connection = self.take()
            try:
                return work(connection)
            except psycopg.errors.ReadOnlySqlTransaction:
                # It was the primary, and is one no more: the next connection looks for who is
                connection.close()
            except psycopg.OperationalError:
                if not connection.broken or connection in self._severed:
                    raise
            finally:
                self.give(connection)
            # What happened to one has happened to those that lie idle
            self.close()
            connection = self.take()
            try:
                return work(connection)
            finally:
                self.give(connection)

    def take(self) -> Connection[Any]:
        """A connection, to be given back. What it raises besides StoreError is for `told`."""
        if not self._free.acquire(timeout=self._timeout_ms / 1000):
            raise StoreError("all connections to the shared store are in use", code="remote_busy")
        closed = self._closed
        try:
            connection = self._one()
        except BaseException:
            self._free.release()
            raise
        self._busy[connection] = closed
        if not self._checked:
            try:
                self._check(connection)
            except BaseException:
                self.give(connection)
                raise
            self._checked = True
        return connection

    def give(self, connection: Connection[Any]) -> None:
        """Give it back. It is closed when the pool was meanwhile; a transaction that is open on it ends so, too."""
        from psycopg.pq import TransactionStatus

        of_now = self._busy.pop(connection, None) == self._closed
        self._severed.discard(connection)
        if of_now and connection.info.transaction_status == TransactionStatus.IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        self._free.release()

    def may_keep(self) -> bool:
        """Whether a connection may be kept for long now: one is always left for look-ups. To be ended by `kept`."""
        return self._keepers.acquire(blocking=False)

    def kept(self) -> None:
        """A connection that was kept for long is not any more."""
        self._keepers.release()

    def abandon(self) -> None:
        """End whatever is under way, which then raises: nobody waits for it any more."""
        import psycopg

        for connection in list(self._busy):
            self._severed.add(connection)
            # It may be closing by itself
            with suppress(OSError, psycopg.Error):
                sever(connection)

    def close(self) -> None:
        """Let go of all connections: of those in use when they are given back. It can be used again afterwards."""
        self._closed += 1
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().close()

    def _one(self) -> Connection[Any]:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        with suppress(IndexError):
            return self._idle.pop()
        given = conninfo_to_dict(self._conninfo)
        options = f"{given.get('options') or ''} {_KEEPALIVE} -c statement_timeout={self._timeout_ms}".strip()
        patience = int(given.get("connect_timeout") or _CONNECT_S)
        return psycopg.connect(self._conninfo, autocommit=True, options=options, connect_timeout=patience)


def sever(connection: Connection[Any]) -> None:
    """Cut the line under a connection: a thread that waits for the server on it is told at once that it is gone."""
    handle = os.dup(connection.fileno())
    with socket.socket(fileno=handle) as line:
        line.shutdown(socket.SHUT_RDWR)


@contextmanager
def told() -> Iterator[None]:
    """Turn what psycopg raises inside into a `StoreError`."""
    import psycopg

    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise StoreError("the shared store has no room left", code="remote_full") from error
    except psycopg.DataError as error:
        raise StoreError(f"the shared store refuses an entry: {_line(error)}", code="remote_refused") from error
    except psycopg.Error as error:
        raise StoreError(
            f"the shared store cannot be used: {_line(error)}", remedy="see [cache] dsn", code="remote_unavailable"
        ) from error


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
