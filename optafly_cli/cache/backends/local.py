"""The local store as a backend: SQLite for the truth, FAISS inside large partitions."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.backends.protocol import BackendStats, Stored
from optafly_cli.cache.connections import Connections
from optafly_cli.cache.database import transaction
from optafly_cli.cache.index.index import Index
from optafly_cli.cache.stats import folder_bytes
from optafly_cli.cache.vectors import Wanted
from optafly_cli.cache.writing import put_entry

if TYPE_CHECKING:
    import sqlite3

    from optafly_cli.cache.vectors import Vector

COLUMNS = ", ".join(item.name for item in fields(Stored))
_BATCH = 500
_NAMED = "partition = ? AND key = ? AND evidence_key = ?"


class LocalBackend(Connections):
    """The store in a folder. A store that does not exist is an empty one; `put` creates it."""

    def exact(self, partition: bytes, key: bytes) -> list[Stored]:
        """The entries of that key, newest first."""
        query = f"SELECT {COLUMNS} FROM entry WHERE key = ? AND partition = ? ORDER BY created DESC, id DESC"
        return self._rows(query, (key, partition))

    def candidates(
        self, partition: bytes, embedder: str, vector: "Vector", since: float, limit: int
    ) -> list[tuple[Stored, float]]:
        """The entries of the partition made after `since` that are nearest to the vector, with their exact cosine."""
        connection = self._reader()
        if connection is None:
            return []
        with self._reported("read"):
            found = Index(self.folder, embedder).nearest(
                connection, Wanted(partition, embedder, since, b""), vector, limit
            )
            rows = [(self._rows(_ONE, (candidate.id,)), candidate.similarity) for candidate in found]
        return [(row[0], similarity) for row, similarity in rows if row]

    def put(self, entries: Sequence[Stored]) -> None:
        """Keep them, all or none, durable when this returns. An older one replaces no newer one."""
        with self._reported("written"):
            connection = self._writer()
            with transaction(connection):
                for entry in entries:
                    standing = connection.execute(f"SELECT created FROM entry WHERE {_NAMED}", entry.name).fetchone()
                    if standing is None or standing[0] <= entry.created:
                        put_entry(connection, asdict(entry))

    def touch(self, name: tuple[bytes, bytes, bytes], now: float) -> None:
        """Count a hit of that entry, if it is there."""
        if self._reader() is not None:
            with self._reported("written"):
                query = f"UPDATE entry SET hits = hits + 1, last_used = max(last_used, ?) WHERE {_NAMED}"
                self._writer().execute(query, (now, *name))

    def delete(self, names: Sequence[tuple[bytes, bytes, bytes]]) -> int:
        """Delete those entries; how many there were."""
        if self._reader() is None:
            return 0
        with self._reported("written"):
            connection = self._writer()
            with transaction(connection):
                return sum(connection.execute(f"DELETE FROM entry WHERE {_NAMED}", name).rowcount for name in names)

    def newest(self, limit: int) -> list[Stored]:
        """The entries that were made last, newest first."""
        return self._rows(f"SELECT {COLUMNS} FROM entry ORDER BY created DESC, id DESC LIMIT ?", (limit,))

    def scan(self) -> Iterator[Stored]:
        """Every entry, oldest first."""
        last = 0
        while page := self._page(last):
            yield from (Stored(*row[1:]) for row in page)
            last = page[-1][0]

    def stats(self) -> BackendStats:
        """What is there."""
        connection = self._reader()
        with self._reported("read"):
            count = connection.execute("SELECT count(*) FROM entry").fetchone()[0] if connection else 0
            return BackendStats(count, folder_bytes(self.folder))

    def _page(self, last: int) -> list[tuple[Any, ...]]:
        connection = self._reader()
        if connection is None:
            return []
        with self._reported("read"):
            query = f"SELECT id, {COLUMNS} FROM entry WHERE id > ? ORDER BY id LIMIT ?"
            return connection.execute(query, (last, _BATCH)).fetchall()

    def _rows(self, query: str, values: tuple[object, ...]) -> list[Stored]:
        connection: sqlite3.Connection | None = self._reader()
        if connection is None:
            return []
        with self._reported("read"):
            return [Stored(*row) for row in connection.execute(query, values)]


_ONE = f"SELECT {COLUMNS} FROM entry WHERE id = ?"
