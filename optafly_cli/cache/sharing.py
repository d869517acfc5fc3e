"""One local store's use of the team's: when it is asked, when it is told, and what is said when it is away."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache import flight, outbox
from optafly_cli.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from optafly_cli.cache.backends.protocol import Stored
    from optafly_cli.cache.lookup import Asked, Embedding
    from optafly_cli.cache.shared import SharedStats, SharedStore
    from optafly_cli.cache.shared_flight import SharedFlight
    from optafly_cli.config.settings import CacheSettings


class Sharing:
    """What a store does with the team's store; nothing at all where there is none. For one thread.

    `warnings` are for stderr, at most one for each question; whoever says them empties the list.
    """

    def __init__(self, settings: "CacheSettings", given: "SharedStore | None") -> None:
        """`given`: one that several stores share, and that somebody else closes."""
        self.warnings: list[str] = []
        self._settings = settings
        self._given = given
        self._made: SharedStore | None = None
        self._flight: SharedFlight | None = None
        self._told = False

    @property
    def store(self) -> "SharedStore | None":
        """The team's store; None where there is none.

        Raises:
            ConfigError: it cannot be used as it is named.
        """
        if self._settings.backend == "faiss":
            return None
        if self._given is None and self._made is None:
            from optafly_cli.cache.shared import SharedStore

            self._made = SharedStore.of(self._settings)
        return self._given or self._made

    def new_question(self) -> None:
        """Another question begins, and may be warned about anew."""
        self._told = False

    def fetch(self, writer: Callable[[], sqlite3.Connection], ask: "Asked", embedding: "Embedding | None") -> int:
        """Copy what the team has for a question into the local store; how many entries are new there.

        Raises:
            StoreError: it cannot be asked.
        """
        if self.store is None:
            return 0
        try:
            waited = self._flight is not None and self._flight.waited
            return self.store.fetch(writer, ask, embedding, newest=waited)
        except StoreError:
            self._told = True
            raise

    @contextmanager
    def alone(self, folder: Path, key: bytes, *, patience_s: float, waiting: Callable[[], None]) -> Iterator[bool]:
        """Be the one process that asks this while the block runs, on this machine and on all of the team.

        The value says whether another had to be waited for (`flight.alone`, `shared_flight.alone`).
        """
        give_up = time.monotonic() + patience_s
        with flight.alone(folder, key, patience_s=patience_s, waiting=waiting) as waited:
            if self.store is None:
                yield waited
                return
            rest = give_up - time.monotonic()
            with self.store.alone(key, patience_s=rest, waiting=_nothing if waited else waiting) as flying:
                self._flight = flying
                try:
                    yield waited or flying.waited
                finally:
                    self._flight = None

    def share(self, connection: sqlite3.Connection, number: int) -> None:
        """Put an entry that waits into the team's store now: who waits for it finds it. Else it waits on."""
        entry = outbox.entry(connection, number)
        if self.store is None or entry is None:
            return
        try:
            self.store.put(entry, self._flight)
        except StoreError as error:
            if not self._told:
                self.warnings.append(f"{error.message}: the answer is in the local store, and is sent later")
        else:
            outbox.remove(connection, number)

    def forget(self, partition: bytes, key: bytes, evidence_key: bytes) -> None:
        """Delete an entry from the team's store, so that it does not come back from there.

        Raises:
            StoreError: it cannot be asked.
        """
        if self.store is not None:
            self.store.delete((partition, key, evidence_key))

    def stats(self, connection: sqlite3.Connection | None) -> "SharedStats | None":
        """What is in the team's store, and what waits here; None where there is none."""
        if self._settings.backend == "faiss":
            return None
        from optafly_cli.cache.shared import SharedStats

        waiting = outbox.waiting(connection) if connection else 0
        try:
            return self.store.stats(waiting) if self.store else None
        except ConfigError as error:
            return SharedStats(self._settings.namespace, False, None, waiting, error.message)

    def newest(self, limit: int) -> "list[Stored]":
        """The newest entries of the team's store, newest first."""
        return self.store.newest(limit) if self.store else []

    def close(self) -> None:
        """Let go of connections that are its own. It can be used again afterwards."""
        if self._made is not None:
            self._made.close()


def _nothing() -> None:
    pass
