"""FAISS as a derived index: finds the nearest entries inside one partition. The truth stays in SQLite.

A partition of up to `SCAN_LIMIT` entries is scanned exactly and needs no files. A larger one has segments of its own
(manifest.py); entries after the last indexed id, at most about five hundred, are read from SQLite. What a segment
proposes is looked up in SQLite, for the exact cosine and to see that it is still there.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache import schema
from optafly_cli.cache.index import manifest as manifests
from optafly_cli.cache.index import merging
from optafly_cli.cache.index.manifest import DamagedIndexError, Manifest, Segment
from optafly_cli.cache.index.segments import OpenSegment
from optafly_cli.cache.vectors import Candidate, Wanted, ranked, rows_after, rows_among, rows_inside, scan, scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optafly_cli.cache.vectors import Vector

SCAN_LIMIT = 500
"""Entries of a partition that are scanned straight from SQLite: no slower than an index (docs/decisions/0012)."""
MAX_TAIL = 500
"""Entries after the last indexed one that are read from SQLite before indexing them pays."""
_SLACK = 2
"""So many times as many are proposed as wanted: some are gone, and the order of codes is not quite that of vectors."""
_WIDEST = 4_096
_TRIES = 3
_SIZE = "SELECT count(*) FROM (SELECT 1 FROM entry WHERE partition = ? AND embedder = ? LIMIT ?)"
_TAIL = "SELECT count(*) FROM entry WHERE partition = ? AND embedder = ? AND id > ?"


class Index:
    """The index of one embedder in one store's folder.

    Methods read the connection that they are given; `notices` collects sentences for the user. The segments of the last
    partition that was searched stay open.
    """

    def __init__(self, folder: Path, embedder: str) -> None:
        self.folder = folder / "index" / _folder_name(embedder)
        self.embedder = embedder
        self.notices: list[str] = []
        self._open: dict[tuple[Path, Segment], OpenSegment] = {}

    def nearest(self, connection: sqlite3.Connection, wanted: Wanted, vector: Vector, limit: int) -> list[Candidate]:
        """The `limit` entries nearest to `vector` inside the partition, nearest first, then newest first."""
        if self._is_small(connection, wanted.partition):
            return ranked(scores(rows_inside(connection, wanted), vector), limit)
        gone = DamagedIndexError("a file of it is missing")
        for _ in range(_TRIES):
            try:
                return self._through_segments(connection, wanted, vector, limit)
            except FileNotFoundError:
                # Another process has merged segments meanwhile, and the new manifest names the new file
                continue
            except DamagedIndexError as damage:
                gone = damage
                break
        if self.merge(connection, wanted.partition, anew=True):
            self.notices.append(f"the cache's search index was rebuilt ({gone})")
            with suppress(DamagedIndexError, FileNotFoundError):
                return self._through_segments(connection, wanted, vector, limit)
        return scan(connection, wanted, vector, limit)

    def is_behind(self, connection: sqlite3.Connection, partition: bytes) -> bool:
        """Whether merging pays: the partition is past scanning, and the tail is long or the index unusable."""
        if self._is_small(connection, partition):
            return False
        try:
            last_id = self._manifest(connection, partition).last_id
        except DamagedIndexError:
            return True
        tail = connection.execute(_TAIL, (partition, self.embedder, last_id)).fetchone()[0]
        return bool(tail > MAX_TAIL)

    def merge(
        self,
        connection: sqlite3.Connection,
        partition: bytes,
        *,
        anew: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> bool:
        """Index what is not indexed yet, with the smaller segments before it; `anew`: all of it.

        `progress` is called with the number of entries that were added. False when another process is at it, or the
        folder cannot be written.
        """
        try:
            return self._write(connection, partition, anew, progress)
        except OSError:
            return False

    def to_write(self, connection: sqlite3.Connection, partition: bytes) -> int:
        """How many vectors `merge` would write."""
        try:
            before = self._manifest(connection, partition)
        except DamagedIndexError:
            before = None
        return merging.to_write(connection, self.embedder, partition, before)

    def rebuild(self, connection: sqlite3.Connection, progress: Callable[[int], None] | None = None) -> bool:
        """Write the index of every large partition anew, and remove those that nothing needs.

        False when another process is at one of them. Raises OSError: it cannot be written.
        """
        large = self.large_partitions(connection)
        done = [self._write(connection, partition, anew=True, progress=progress) for partition in large]
        self.tidy(connection)
        return all(done)

    def tidy(self, connection: sqlite3.Connection) -> None:
        """Remove the files of partitions that are small now."""
        merging.remove_all_but(self.folder, {self.place(partition) for partition in self.large_partitions(connection)})

    def size(self, connection: sqlite3.Connection) -> int:
        """How many entries are in large partitions: what `rebuild` goes through."""
        query = "SELECT count(*) AS n FROM entry WHERE embedder = ? GROUP BY partition HAVING n > ?"
        return sum(row[0] for row in connection.execute(query, (self.embedder, SCAN_LIMIT)))

    def large_partitions(self, connection: sqlite3.Connection) -> list[bytes]:
        """The partitions that are past scanning."""
        query = "SELECT partition FROM entry WHERE embedder = ? GROUP BY partition HAVING count(*) > ?"
        return [row[0] for row in connection.execute(query, (self.embedder, SCAN_LIMIT))]

    def problems(self, connection: sqlite3.Connection) -> list[str]:
        """What is wrong with the files, digests included; empty when there is nothing or no index."""
        found = []
        for partition in self.large_partitions(connection):
            if self.place(partition).exists():
                found += merging.problems(connection, self.place(partition), self.embedder, partition)
        return found

    def place(self, partition: bytes) -> Path:
        """The folder of a partition's segments."""
        return self.folder / partition.hex()[:32]

    def _write(
        self, connection: sqlite3.Connection, partition: bytes, anew: bool, progress: Callable[[int], None] | None
    ) -> bool:
        try:
            before = None if anew else self._manifest(connection, partition)
        except DamagedIndexError:
            before = None
        task = merging.Task(self.place(partition), schema.store_id(connection), self.embedder, partition, before)
        try:
            return merging.merge(connection, task, progress)
        except DamagedIndexError:
            return False

    def _is_small(self, connection: sqlite3.Connection, partition: bytes) -> bool:
        size = connection.execute(_SIZE, (partition, self.embedder, SCAN_LIMIT + 1)).fetchone()[0]
        return bool(size <= SCAN_LIMIT)

    def _manifest(self, connection: sqlite3.Connection, partition: bytes) -> Manifest:
        found = manifests.read(self.place(partition))
        if found is None:
            raise DamagedIndexError("it was missing")
        if (found.store, found.embedder) != (schema.store_id(connection), self.embedder):
            raise DamagedIndexError("it belongs to another store")
        return found

    def _through_segments(
        self, connection: sqlite3.Connection, wanted: Wanted, vector: Vector, limit: int
    ) -> list[Candidate]:
        manifest = self._manifest(connection, wanted.partition)
        if manifest.dimension != vector.shape[0]:
            raise DamagedIndexError("it was made for vectors of another length")
        place = self.place(wanted.partition)
        self._open = {
            (place, segment): self._open.get((place, segment)) or OpenSegment(place, segment, manifest.dimension)
            for segment in manifest.segments
        }
        opened = [*self._open.values()]
        tail = scores(rows_after(connection, wanted, manifest.last_id), vector)
        wide = limit * _SLACK
        while True:
            proposed = _best_of(opened, vector, wide)
            exact = scores(rows_among(connection, wanted, proposed), vector)
            if len(exact) >= limit or len(proposed) < wide:
                return ranked([*exact, *tail], limit)
            if wide > _WIDEST:
                return scan(connection, wanted, vector, limit)
            wide *= 4


def _best_of(opened: Sequence[OpenSegment], vector: Vector, wide: int) -> list[int]:
    """The ids of the `wide` best of all segments, by what their codes say."""
    found = [pair for one in opened for pair in one.nearest(vector, wide)]
    return [number for number, _ in sorted(found, key=lambda pair: -pair[1])[:wide]]


def _folder_name(embedder: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", embedder).lstrip(".")
    return safe if safe == embedder else f"{safe}-{sha256(embedder.encode()).hexdigest()[:8]}"
