"""The team's store beside the local one. Local first: it is asked after a miss, and told of every answer.

What it has for a question is copied into the local store, where everything is decided as always. Down or slow, it
costs one warning; entries made meanwhile wait in the local store's outbox.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeVar

from optafly_cli.cache import outbox, shared_flight
from optafly_cli.cache.backends.connecting import backend_of, conninfo_of, replica_of
from optafly_cli.cache.backends.protocol import Stored
from optafly_cli.cache.database import transaction
from optafly_cli.cache.reach import Reach
from optafly_cli.cache.writing import put_newer
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from optafly_cli.cache.backends.postgres import PostgresBackend
    from optafly_cli.cache.lookup import Asked, Embedding
    from optafly_cli.cache.shared_flight import SharedFlight

T = TypeVar("T")
NEAREST = 16
"""Entries near a question that are copied; more instructions are not held against it anyway."""
REPLICA_SHARE = 0.5
"""The share of the time limit that a read replica has: the rest is for the primary, when it does not answer."""
IN_BACKGROUND_MS = 10_000
"""How long a statement may take that nobody waits for."""


@dataclass(frozen=True, slots=True)
class SharedStats:
    """The shared store as `cache stats` shows it. `entries`: of the namespace, None when it cannot be reached.

    `waiting` entries are in the outbox; `problem` is why it cannot be reached.
    """

    namespace: str
    reachable: bool
    entries: int | None
    waiting: int
    problem: str | None = None


class SharedStore:
    """Asks within `remote_timeout_ms`; raises StoreError when there is no answer in time. For several threads at once.

    A process that lives long makes one for all its threads, with `connections` to be shared among them.
    """

    def __init__(
        self, primary: "PostgresBackend", replica: "PostgresBackend | None", timeout_ms: int, similarity: float
    ) -> None:
        self._primary = Reach(primary)
        self._replica = Reach(replica) if replica is not None else None
        self._limit_s = timeout_ms / 1000
        self._similarity = similarity

    @classmethod
    def of(cls, settings: CacheSettings, *, connections: int = 1) -> "SharedStore | None":
        """The one that the settings name; None when they name none.

        Raises:
            ConfigError: it cannot be used as it is named.
        """
        if settings.backend != "postgres":
            return None
        timeout = settings.remote_timeout_ms
        primary = backend_of(settings, timeout, pool=connections)
        replica = replica_of(settings, timeout, pool=connections)
        return cls(primary, replica, timeout, settings.similarity)

    def fetch(
        self,
        connection: Callable[[], sqlite3.Connection],
        ask: "Asked",
        embedding: "Embedding | None",
        *,
        newest: bool = False,
    ) -> int:
        """Copy what it has for a question into the local store; how many entries are new there.

        `newest`: what was put just now is wanted too, which a replica may not have yet.
        """
        found = self._read(lambda backend: self._entries(backend, ask, embedding), newest=newest)
        if not found:
            return 0
        here = connection()
        with transaction(here):
            return sum(put_newer(here, asdict(entry)) for entry in found)

    def alone(
        self, key: bytes, *, patience_s: float, waiting: Callable[[], None]
    ) -> "AbstractContextManager[SharedFlight]":
        """Be the one machine that asks this question while the block runs (`shared_flight.alone`)."""
        return shared_flight.alone(self._primary, key, limit_s=self._limit_s, patience_s=patience_s, waiting=waiting)

    def put(self, entry: Stored, flight: "SharedFlight | None") -> None:
        """Put an entry, and end the flight with it, if there is one."""
        if flight is not None and flight.lead is not None:
            flight.put(entry)
        else:
            self._primary.ask(lambda backend: backend.put([entry]), self._limit_s)

    def delete(self, name: tuple[bytes, bytes, bytes]) -> None:
        """Delete an entry, if it is there."""
        self._primary.ask(lambda backend: backend.delete([name]), self._limit_s)

    def newest(self, limit: int) -> list[Stored]:
        """The entries of the team that were made last, newest first."""
        return self._read(lambda backend: backend.newest(limit))

    def stats(self, waiting: int) -> SharedStats:
        """What is there, and whether it can be reached; `waiting` are in the outbox."""
        namespace = self._primary.backend.namespace
        try:
            found = self._read(lambda backend: backend.stats())
        except StoreError as error:
            return SharedStats(namespace, False, None, waiting, error.message)
        return SharedStats(namespace, True, found.entries, waiting)

    def close(self) -> None:
        """Let go of the connections."""
        for reach in (self._primary, self._replica):
            if reach is not None:
                reach.backend.close()

    def _read(self, work: Callable[["PostgresBackend"], T], *, newest: bool = False) -> T:
        if self._replica is not None and not newest:
            with suppress(StoreError):
                return self._replica.ask(work, self._limit_s * REPLICA_SHARE)
            return self._primary.ask(work, self._limit_s * (1 - REPLICA_SHARE))
        return self._primary.ask(work, self._limit_s)

    def _entries(self, backend: "PostgresBackend", ask: "Asked", embedding: "Embedding | None") -> list[Stored]:
        found = {entry.name: entry for entry in backend.exact(ask.partition, ask.key) if entry.created > ask.since}
        if embedding is not None:
            near = backend.candidates(ask.partition, embedding.index.embedder, embedding.vector, ask.since, NEAREST)
            found |= {entry.name: entry for entry, similarity in near if similarity >= self._similarity}
        return list(found.values())


def send_outbox(connection: sqlite3.Connection, settings: CacheSettings) -> int:
    """Send the entries that wait to the shared store; how many went.

    Raises:
        ConfigError, StoreError: it cannot be used; what was not sent waits on.
    """
    backend = backend_of(settings, IN_BACKGROUND_MS)
    try:
        return outbox.send(connection, backend)
    finally:
        backend.close()


def expire(settings: CacheSettings, *, dry_run: bool = False) -> int:
    """Delete what the shared store has kept for its `keep_days`; how many entries went, or would.

    Raises:
        ConfigError, StoreError: it cannot be used.
    """
    backend = backend_of(settings, IN_BACKGROUND_MS)
    try:
        return backend.expire(dry_run=dry_run)
    finally:
        backend.close()


@dataclass(frozen=True, slots=True)
class Initialised:
    """What `initialise` left: the schema's version, the parts that got an index now, days that entries are kept."""

    version: int
    indexed: tuple[str, ...]
    keep_days: float


def initialise(settings: CacheSettings, roles: Sequence[str], keep_days: float | None = None) -> Initialised:
    """Make the shared store, or bring it up to date.

    Raises:
        ConfigError, StoreError: it cannot be used as it is named.
    """
    if settings.backend != "postgres":
        raise ConfigError(
            f"[cache] backend is {settings.backend}: nothing is shared",
            remedy="optafly config set cache.backend postgres",
        )
    backend_of(settings, IN_BACKGROUND_MS)
    import psycopg

    from optafly_cli.cache.backends import remote_schema

    try:
        with psycopg.connect(conninfo_of(settings), autocommit=True, connect_timeout=10) as connection:
            version = remote_schema.migrate(connection)
            for role in roles:
                remote_schema.grant(connection, settings.namespace, role)
            if keep_days is not None:
                remote_schema.keep(connection, keep_days)
            indexed = remote_schema.index_large(connection)
            return Initialised(version, tuple(indexed), remote_schema.kept_days(connection))
    except psycopg.Error as error:
        said = str(error).strip().split("\n")[0]
        raise StoreError(f"the shared store cannot be made: {said}", code="remote_unavailable") from error
