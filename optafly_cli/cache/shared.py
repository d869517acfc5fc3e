"""The team's store beside the local one. Local first: it is asked after a miss, and told later, by the upkeep.

What it has for a question is copied into the local store, where everything is decided as always. Down or slow, it
costs one warning; entries made meanwhile wait in the local store's outbox.
"""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from optafly_cli.cache.backends.protocol import SemanticCacheBackend, Stored
from optafly_cli.cache.database import transaction
from optafly_cli.cache.writing import put_newer
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from optafly_cli.cache.lookup import Asked, Embedding

T = TypeVar("T")
NEAREST = 16
"""Entries near a question that are copied; more instructions are not held against it anyway."""
_SENT_AT_ONCE = 100
_SENDING_MS = 10_000
_LOCAL = ("localhost", "127.0.0.1", "::1")
_INSTALL = "pip install 'optafly[postgres]'"
_VERIFIED = ("verify-full", "verify-ca")


class SharedStore:
    """Asks a backend within `timeout_ms` milliseconds; raises StoreError when it does not answer in time."""

    def __init__(self, backend: SemanticCacheBackend, timeout_ms: int, similarity: float) -> None:
        self._backend = backend
        self._timeout_ms = timeout_ms
        self._similarity = similarity

    @classmethod
    def of(cls, settings: CacheSettings) -> "SharedStore | None":
        """The one that the settings name; None when they name none.

        Raises:
            ConfigError: it cannot be used as it is named.
        """
        if settings.backend != "postgres":
            return None
        return cls(backend_of(settings, settings.remote_timeout_ms), settings.remote_timeout_ms, settings.similarity)

    def fetch(self, connection: Callable[[], sqlite3.Connection], ask: "Asked", embedding: "Embedding | None") -> int:
        """Copy what it has for a question into the local store; how many entries are new there."""
        found = self._within(lambda: self._entries(ask, embedding))
        if not found:
            return 0
        here = connection()
        with transaction(here):
            return sum(put_newer(here, asdict(entry)) for entry in found)

    def _entries(self, ask: "Asked", embedding: "Embedding | None") -> list[Stored]:
        found = {
            entry.name: entry for entry in self._backend.exact(ask.partition, ask.key) if entry.created > ask.since
        }
        if embedding is not None:
            near = self._backend.candidates(
                ask.partition, embedding.index.embedder, embedding.vector, ask.since, NEAREST
            )
            found |= {entry.name: entry for entry, similarity in near if similarity >= self._similarity}
        return list(found.values())

    def _within(self, work: Callable[[], T]) -> T:
        """The result of `work`, which goes on alone when it takes too long."""
        done: list[T] = []
        failed: list[Exception] = []

        def run() -> None:
            try:
                done.append(work())
            except Exception as error:  # noqa: BLE001 (it is raised where it is waited for)
                failed.append(error)

        thread = threading.Thread(target=run, daemon=True, name="optafly-shared")
        thread.start()
        thread.join(self._timeout_ms / 1000)
        if failed:
            raise failed[0]
        if not done:
            raise StoreError(
                f"the shared store did not answer within {self._timeout_ms} ms",
                remedy="[cache] remote_timeout_ms is how long it is waited for",
                code="remote_unavailable",
            )
        return done[0]


def send_outbox(connection: sqlite3.Connection, settings: CacheSettings) -> int:
    """Send the entries that wait to the shared store; how many went.

    Raises:
        ConfigError, StoreError: it cannot be used; what was not sent waits on.
    """
    if settings.backend != "postgres":
        return 0
    backend = backend_of(settings, _SENDING_MS)
    sent = 0
    try:
        while ids := [row[0] for row in connection.execute("SELECT entry FROM outbox LIMIT ?", (_SENT_AT_ONCE,))]:
            entries = [entry for number in ids if (entry := _entry(connection, number))]
            backend.put(entries)
            with transaction(connection):
                connection.executemany("DELETE FROM outbox WHERE entry = ?", [(number,) for number in ids])
            sent += len(entries)
    finally:
        backend.close()
    return sent


def initialise(settings: CacheSettings, roles: Sequence[str]) -> tuple[int, list[str]]:
    """Make the shared store, or bring it up to date; the schema's version, and the parts that got an index now.

    Raises:
        ConfigError, StoreError: it cannot be used as it is named.
    """
    if settings.backend != "postgres":
        raise ConfigError(
            f"[cache] backend is {settings.backend}: nothing is shared",
            remedy="optafly config set cache.backend postgres",
        )
    backend_of(settings, _SENDING_MS)
    import psycopg

    from optafly_cli.cache.backends import remote_schema

    try:
        with psycopg.connect(conninfo(settings.dsn), autocommit=True, connect_timeout=10) as connection:
            version = remote_schema.migrate(connection)
            for role in roles:
                remote_schema.grant(connection, settings.namespace, role)
            return version, remote_schema.index_large(connection)
    except psycopg.Error as error:
        said = str(error).strip().split("\n")[0]
        raise StoreError(f"the shared store cannot be made: {said}", code="remote_unavailable") from error


def backend_of(settings: CacheSettings, timeout_ms: int) -> SemanticCacheBackend:
    """The shared backend of the settings.

    Raises:
        ConfigError: no connection string, no namespace, no psycopg, or a connection that anyone could listen to.
    """
    if not settings.dsn:
        raise ConfigError("[cache] backend is postgres and there is no dsn", remedy="export OPTAFLY_CACHE_DSN=…")
    if not settings.namespace:
        raise ConfigError(
            "[cache] backend is postgres and there is no namespace to share entries in",
            remedy="optafly config set cache.namespace TEAM",
        )
    try:
        from optafly_cli.cache.backends.postgres import PostgresBackend

        return PostgresBackend(conninfo(settings.dsn), settings.namespace, timeout_ms=timeout_ms)
    except ImportError as error:
        raise ConfigError("[cache] backend is postgres and psycopg is not installed", remedy=_INSTALL) from error


def conninfo(dsn: str) -> str:
    """The connection string with what makes it safe: TLS with a verified name, unless it stays on this machine.

    Raises:
        ConfigError: it is none, or asks for less.
        ImportError: psycopg is not installed.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        given = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise ConfigError("[cache] dsn is no PostgreSQL connection string") from error
    hosts = str(given.get("host") or "").split(",")
    if all(not host or host.startswith("/") or host in _LOCAL for host in hosts):
        return dsn
    mode = given.get("sslmode", "verify-full")
    if mode not in _VERIFIED:
        raise ConfigError(f"[cache] dsn asks for sslmode={mode}: others could read along", remedy="use verify-full")
    return make_conninfo(dsn, sslmode=str(mode), sslrootcert=str(given.get("sslrootcert", "system")))


def _entry(connection: sqlite3.Connection, number: int) -> Stored | None:
    from optafly_cli.cache.backends.local import COLUMNS

    row = connection.execute(f"SELECT {COLUMNS} FROM entry WHERE id = ?", (number,)).fetchone()  # noqa: S608 (constants)
    return Stored(*row) if row else None
