"""Vectors as SQLite holds them: exact cosines inside one partition. numpy is imported when there is something to score.

Vectors are float32, shape (d,), of length 1, so that an inner product is the cosine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

BATCH = 2_000
_ROUNDING = 1e-3
"""No cosine is further beyond 1: such a vector is damaged, and clipped it would be the nearest of all."""
_VECTORS = "SELECT id, vector FROM entry WHERE partition = ? AND embedder = ? AND created > ? AND key <> ?"
_TAIL = "SELECT id, vector FROM entry WHERE id > ? AND partition = ? AND embedder = ? AND created > ? AND key <> ?"
_ELSEWHERE = "SELECT id, vector FROM entry WHERE partition <> ? AND embedder = ? AND created > ? AND key <> ?"
# The pluses keep SQLite from choosing another index than the ids
_AMONG = (
    "SELECT id, vector FROM entry WHERE id IN ({}) AND +partition = ? AND +embedder = ? AND +created > ? AND +key <> ?"
)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry near the question; `similarity` is the exact cosine of the stored vectors."""

    id: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where to look: the entries of a partition made by this embedder after `since`, but those of the key `but`."""

    partition: bytes
    embedder: str
    since: float
    but: bytes

    @property
    def values(self) -> tuple[bytes, str, float, bytes]:
        """The values for the placeholders of the queries below, in their order."""
        return (self.partition, self.embedder, self.since, self.but)


def rows_inside(connection: sqlite3.Connection, wanted: Wanted) -> list[tuple[int, bytes]]:
    """All ids and vectors that are wanted, in no particular order."""
    return connection.execute(_VECTORS, wanted.values).fetchall()


def rows_after(connection: sqlite3.Connection, wanted: Wanted, last_id: int) -> list[tuple[int, bytes]]:
    """The ids and vectors that are wanted and younger than `last_id`."""
    return connection.execute(_TAIL, (last_id, *wanted.values)).fetchall()


def rows_among(connection: sqlite3.Connection, wanted: Wanted, ids: Sequence[int]) -> list[tuple[int, bytes]]:
    """The ids and vectors of those entries that exist and are wanted."""
    parts = [ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE)]
    return [
        row
        for part in parts
        for row in connection.execute(_AMONG.format(",".join("?" * len(part))), (*part, *wanted.values))
    ]


def scan(connection: sqlite3.Connection, wanted: Wanted, vector: Vector, limit: int) -> list[Candidate]:
    """The `limit` nearest of all that is wanted, without any index and in bounded memory."""
    return _best(connection.execute(_VECTORS, wanted.values), vector, limit)


def scan_elsewhere(connection: sqlite3.Connection, wanted: Wanted, vector: Vector, limit: int) -> list[Candidate]:
    """The `limit` nearest of all that is not in the wanted partition, but as wanted otherwise."""
    return _best(connection.execute(_ELSEWHERE, wanted.values), vector, limit)


def _best(cursor: sqlite3.Cursor, vector: Vector, limit: int) -> list[Candidate]:
    best: list[Candidate] = []
    while rows := cursor.fetchmany(BATCH):
        best = ranked([*best, *scores(rows, vector)], limit)
    return best


def scores(rows: Iterable[tuple[int, bytes]], vector: Vector) -> list[Candidate]:
    """The exact cosine of each row with `vector`; a row of another length, or that is no unit vector, is left out."""
    import numpy as np

    usable = [(number, blob) for number, blob in rows if len(blob) == vector.nbytes]
    if not usable:
        return []
    matrix = np.frombuffer(b"".join(blob for _, blob in usable), dtype=np.float32).reshape(len(usable), -1)
    with np.errstate(all="ignore"):
        products = matrix @ vector
    cosines = np.clip(products, -1.0, 1.0).tolist()
    possible = (np.abs(products) <= 1 + _ROUNDING).tolist()
    return [Candidate(row[0], cosine) for row, cosine, fits in zip(usable, cosines, possible, strict=True) if fits]


def ranked(candidates: Iterable[Candidate], limit: int) -> list[Candidate]:
    """The `limit` best: nearest first, then newest first."""
    return sorted(candidates, key=lambda item: (-item.similarity, -item.id))[:limit]
