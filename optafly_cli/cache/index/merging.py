"""Writing the segments of a partition from the truth, and checking them against it.

Segments grow geometrically: what is new is merged with every segment before it that is not several times as large, so
that n entries are in O(log n) segments and each is rewritten O(log n) times (O'Neil et al. 1996, the log-structured
merge-tree).
"""

from __future__ import annotations

import shutil
import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache.database import locked
from optafly_cli.cache.index import manifest as manifests
from optafly_cli.cache.index.manifest import DamagedIndexError, Manifest, Segment, digest
from optafly_cli.config.private import make_private_folder
from optafly_cli.wording import entries

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]
    Vectors = NDArray[np.float32]

LOCK = "lock"
_GROWTH = 3
_BATCH = 20_000
_AT_ONCE = 500
_IDS = "SELECT id FROM entry WHERE partition = ? AND embedder = ? AND id > ? ORDER BY id"


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be merged: the folder of a partition, what it belongs to, and the manifest that holds now."""

    place: Path
    store: str
    embedder: str
    partition: bytes
    before: Manifest | None


def merge(connection: sqlite3.Connection, task: Task, progress: Callable[[int], None] | None) -> bool:
    """Write a segment of all that the kept ones do not hold. False when another process is at it, or nothing is new.

    Raises:
        OSError, DamagedIndexError: it cannot be written; what was there before still holds.
    """
    make_private_folder(task.place.parent)
    make_private_folder(task.place)
    with locked(task.place / LOCK) as held:
        return held and _merge(connection, task, progress)


def _merge(connection: sqlite3.Connection, task: Task, progress: Callable[[int], None] | None) -> bool:
    import numpy as np

    from optafly_cli.cache.index.segments import build

    kept, _ = _divided(connection, task.embedder, task.partition, task.before)
    after = kept[-1].last_id if kept else 0
    rows = connection.execute(_IDS, (task.partition, task.embedder, after))
    ids: Ids = np.fromiter((row[0] for row in rows), dtype=np.int64)
    if not ids.size:
        return False
    dimension = _dimension(connection, int(ids[-1]))
    generation = _last_generation(task.place) + 1
    try:
        segment = build(task.place, generation, ids, dimension, _batches(connection, ids, dimension, progress))
        manifests.write(task.place, Manifest(task.store, task.embedder, dimension, generation, (*kept, segment)))
    except OSError:
        # On a full disk what was written so far takes the room that is needed to make some
        with suppress(OSError):
            manifests.remove_unnamed(task.place, _standing(task.place))
        raise
    return True


def _standing(place: Path) -> Manifest | None:
    try:
        return manifests.read(place)
    except DamagedIndexError:
        return None


def to_write(connection: sqlite3.Connection, embedder: str, partition: bytes, before: Manifest | None) -> int:
    """How many vectors a merge would write."""
    return _divided(connection, embedder, partition, before)[1]


def _divided(
    connection: sqlite3.Connection, embedder: str, partition: bytes, before: Manifest | None
) -> tuple[list[Segment], int]:
    """The segments that stay, each several times as large as all that comes after it, and how much that is."""
    kept = list(before.segments) if before else []
    query = f"SELECT count(*) FROM ({_IDS})"  # noqa: S608 (constants)
    new = int(connection.execute(query, (partition, embedder, before.last_id if before else 0)).fetchone()[0])
    while kept and kept[-1].count < _GROWTH * new:
        new += kept.pop().count
    return kept, new


def _dimension(connection: sqlite3.Connection, number: int) -> int:
    row = connection.execute("SELECT length(vector) FROM entry WHERE id = ?", (number,)).fetchone()
    if row is None or not row[0]:
        raise DamagedIndexError("an entry was deleted meanwhile")
    return int(row[0]) // 4


def _batches(
    connection: sqlite3.Connection, ids: Ids, dimension: int, progress: Callable[[int], None] | None
) -> Iterator[Vectors]:
    """The vectors of those entries in their order; zeros, which never answer, for one that is gone or odd."""
    import numpy as np

    for start in range(0, ids.size, _BATCH):
        part = ids[start : start + _BATCH]
        vectors: Vectors = np.zeros((part.size, dimension), dtype=np.float32)
        for at in range(0, part.size, _AT_ONCE):
            some = part[at : at + _AT_ONCE].tolist()
            marks = ",".join("?" * len(some))
            found = connection.execute(f"SELECT id, vector FROM entry WHERE id IN ({marks})", some)  # noqa: S608 (marks)
            for number, blob in found:
                if blob is not None and len(blob) == dimension * 4:
                    vectors[at + bisect_left(some, number)] = np.frombuffer(blob, dtype=np.float32)
        if progress:
            progress(part.size)
        yield vectors


def remove_all_but(folder: Path, places: set[Path]) -> None:
    """Remove the folders of partitions that need none, and files of older formats."""
    if not folder.exists():
        return
    for old in folder.iterdir():
        if old.is_dir() and old not in places:
            shutil.rmtree(old, ignore_errors=True)
        elif old.is_file():
            old.unlink(missing_ok=True)


def problems(connection: sqlite3.Connection, place: Path, embedder: str, partition: bytes) -> list[str]:
    """What is wrong with the segments of a partition: files against digests, ids against the truth."""
    import numpy as np

    try:
        manifest = manifests.read(place)
        if manifest is None:
            return []
        held: list[int] = []
        for segment in manifest.segments:
            files = [(place / f"{segment.generation}.{suffix}").read_bytes() for suffix in ("faiss", "ids")]
            if [digest(content) for content in files] != [segment.digest_index, segment.digest_ids]:
                return [f"the search index of {embedder} was changed from outside; `optafly cache rebuild` renews it"]
            held += np.frombuffer(files[1], dtype=np.int64).tolist()
    except (DamagedIndexError, OSError) as damage:
        return [f"the search index of {embedder} is damaged ({damage}); the next search rebuilds it"]
    query = f"{_IDS.removesuffix(' ORDER BY id')} AND id <= ?"
    true = {row[0] for row in connection.execute(query, (partition, embedder, 0, manifest.last_id))}
    lacking = len(true.difference(held))
    return (
        [f"the search index of {embedder} lacks {entries(lacking)}; `optafly cache rebuild` adds what is missing"]
        if lacking
        else []
    )


def _last_generation(place: Path) -> int:
    return max((int(path.stem) for path in place.glob("*.faiss") if path.stem.isdigit()), default=0)
