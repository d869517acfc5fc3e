"""What is done to a store as a whole: delete, empty, prune, carry out and in, verify, renew the index."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Self

from optafly_cli.cache import pruning, transfer
from optafly_cli.cache.checking import check
from optafly_cli.cache.connections import Connections
from optafly_cli.cache.database import WRITE_WAIT_MS, integrity_problems, transaction
from optafly_cli.cache.failures import damage, damaged
from optafly_cli.cache.index.index import Index
from optafly_cli.cache.loaded import Loaded
from optafly_cli.cache.lookup import DAY
from optafly_cli.cache.pruning import Pruned
from optafly_cli.cache.transfer import Imported
from optafly_cli.cache.writing import delete_all
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import StoreError

_PASSES = 8
"""Of a prune: each comes nearer to the limit. What is left then goes with the next one."""
_QUICKLY_COPIED = 256_000_000
_EMBEDDERS = "SELECT DISTINCT embedder FROM entry WHERE embedder IS NOT NULL ORDER BY embedder"


class Maintenance(Connections):
    """The store in a folder, for who looks after it. Every method raises `StoreError` when it cannot be used.

    A store that does not exist is an empty one; only `add` creates it.
    """

    def __init__(self, folder: Path, settings: CacheSettings, clock: Callable[[], float], loaded: Loaded) -> None:
        super().__init__(folder)
        self._settings = settings
        self._clock = clock
        self._loaded = loaded

    @classmethod
    def open(cls, folder: Path, settings: CacheSettings, *, clock: Callable[[], float] = time.time) -> Self:
        """The store in that folder."""
        return cls(folder, settings, clock, Loaded(folder, settings, None, None, None))

    def delete(self, ids: Sequence[int]) -> list[int]:
        """Delete those entries; the ids that there were. What the user taught about them stays, without any words."""
        if self._reader() is None:
            return []
        with self._reported("written"):
            connection = self._writer()
            with transaction(connection):
                return pruning.delete(connection, ids)

    def clear(self) -> int:
        """Delete every entry and the record of hits, then the index; the number of entries that there were."""
        if self._reader() is None:
            return 0
        try:
            deleted = self._delete_all()
        except StoreError as error:
            if error.code != "store_full":
                raise
            rmtree(self.folder / "index", ignore_errors=True)
            deleted = self._delete_all(secure="FAST")
        rmtree(self.folder / "index", ignore_errors=True)
        with self._reported("written"):
            _give_back(self._writer())
        return deleted

    def _delete_all(self, secure: str = "ON") -> int:
        with self._reported("written"):
            connection = self._writer()
            # FAST overwrites only what is written anyway: on a full disk there is no room for the rest
            connection.execute(f"PRAGMA secure_delete = {secure}")
            with transaction(connection):
                return delete_all(connection)

    def prune(self, *, dry_run: bool = False) -> Pruned:
        """Delete what is older than `ttl_days`, then what is worth least until the store fits `max_size_gb`."""
        connection = self._reader()
        if connection is None:
            return Pruned()
        limit = int(self._settings.max_size_gb * 1e9)
        since = self._clock() - self._settings.ttl_days * DAY
        with self._reported("read" if dry_run else "written"):
            if not dry_run:
                connection = self._writer()
            plan = pruning.plan(connection, self.folder, since, limit, self._clock())
            if dry_run:
                return plan.summary
            total = Pruned()
            for _ in range(_PASSES):
                if not plan.ids:
                    break
                pruning.carry_out(connection, plan)
                total = total.plus(plan.summary)
                for index in self._indexes(connection):
                    index.tidy(connection)
                _give_back(connection)
                # What was freed may be less than what was deleted took on average
                plan = pruning.plan(connection, self.folder, since, limit, self._clock())
                if plan.ids and self._index_anew(connection):
                    plan = pruning.plan(connection, self.folder, since, limit, self._clock())
            return total

    def _index_anew(self, connection: sqlite3.Connection) -> bool:
        """Give back what the index holds of entries that are gone, before more have to go for it."""
        with suppress(OSError):
            done = [index.rebuild(connection) for index in self._indexes(connection)]
            return all(done)
        return False

    def lines(self, skipped: Callable[[int, str], None]) -> Iterator[str]:
        """Every entry as a line of JSON, oldest first. `skipped` hears of one that cannot be written down."""
        connection = self._reader()
        if connection is None:
            return
        with self._reported("read"):
            yield from transfer.lines_of(connection, skipped)

    def salvaged(self, skipped: Callable[[int, str], None]) -> Iterator[str]:
        """As `lines`, of a store that is damaged: whatever can be read."""
        from optafly_cli.cache import salvage

        return salvage.lines(self.folder, skipped)

    def count(self) -> int:
        """How many entries there are."""
        connection = self._reader()
        with self._reported("read"):
            return 0 if connection is None else int(connection.execute("SELECT count(*) FROM entry").fetchone()[0])

    def add(
        self,
        lines: Iterable[tuple[int, bytes]],
        *,
        refuse: Callable[[int, str], None],
    ) -> Imported:
        """Put lines of JSON, given with their numbers, into the store (`transfer.add`), and index what came."""
        from optafly_cli.cache.embedder import EmbedderUnavailable
        from optafly_cli.cache.spelling import embedded_form

        name, embed = None, None
        with suppress(EmbedderUnavailable):
            embedder = self._loaded.embedder
            name = embedder.identity
            embed = lambda texts: embedder.embed([embedded_form(text) for text in texts])  # noqa: E731
        with self._reported("written"):
            connection = self._writer()
            total = transfer.add(connection, lines, embedder=name, embed=embed, refuse=refuse)
            self._merge(connection)
        return total

    def merge(self) -> None:
        """Index what has no index yet, where that pays."""
        connection = self._reader()
        if connection is not None:
            with self._reported("read"):
                self._merge(connection)

    def send(self) -> int:
        """Send the entries that wait to the shared store; how many went. Raises ConfigError, too."""
        from optafly_cli.cache.shared import send_outbox

        if self._settings.backend != "postgres" or self._reader() is None:
            return 0
        with self._reported("written"):
            return send_outbox(self._writer(), self._settings)

    def expire_shared(self, *, dry_run: bool = False) -> int | None:
        """Delete what the shared store has kept for long enough; how many entries, None where nothing is shared.

        Raises ConfigError, too.
        """
        from optafly_cli.cache.shared import expire

        return None if self._settings.backend != "postgres" else expire(self._settings, dry_run=dry_run)

    def problems(self, *, quick: bool = False) -> list[str]:
        """What is wrong with the store, one sentence each; empty when it is sound or does not exist.

        `quick` compares no index of the database with its table, which takes as long as reading everything.
        """
        connection = self._reader()
        if connection is None:
            return []
        with self._reported("read"):
            said = integrity_problems(connection, quick=quick)
            more = f", and {len(said) - 1} more" if len(said) > 1 else ""
            found = [damage(self.folder, said[0] + more)] if said else []
            for index in self._indexes(connection):
                found += index.problems(connection)
        return found

    def unreadable(self, progress: Callable[[int], None] | None = None) -> Iterator[str]:
        """One sentence for each entry whose columns, or digests, are not what optafly writes."""
        connection = self._reader()
        if connection is None:
            return
        with self._reported("read"):
            yield from check(connection, progress)

    def rebuild(self, progress: Callable[[int], None] | None = None) -> bool:
        """Write the search index anew from the truth. False when another process is at it.

        Raises StoreError when the database is damaged: what is derived from it would be, too.
        """
        connection = self._reader()
        if connection is None:
            return True
        with self._reported("indexed"):
            if problems := integrity_problems(connection):
                raise damaged(self.folder, problems[0])
            done = [index.rebuild(connection, progress) for index in self._indexes(connection)]
            return all(done)

    def indexed(self) -> int:
        """How many entries `rebuild` goes through."""
        connection = self._reader()
        if connection is None:
            return 0
        with self._reported("read"):
            return sum(index.size(connection) for index in self._indexes(connection))

    def _merge(self, connection: sqlite3.Connection) -> None:
        for index in self._indexes(connection):
            for partition in index.large_partitions(connection):
                if index.is_behind(connection, partition):
                    index.merge(connection, partition)

    def _indexes(self, connection: sqlite3.Connection) -> list[Index]:
        return [Index(self.folder, row[0]) for row in connection.execute(_EMBEDDERS).fetchall()]


def _give_back(connection: sqlite3.Connection) -> None:
    """Give the room of what was deleted back to the disk; another time when other processes are reading."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    with suppress(sqlite3.OperationalError):
        # Who waits for readers here keeps every writer waiting
        connection.execute("PRAGMA busy_timeout = 100")
        # It copies what is left, and nobody can write meanwhile; pages that stay free are used again
        if free >= pages - free or (pages - free) * size <= _QUICKLY_COPIED:
            # On a full disk there is room for one log, and not for what is in it already
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute(f"PRAGMA busy_timeout = {WRITE_WAIT_MS}")
