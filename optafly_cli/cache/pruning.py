"""Which entries go when the store is too large: what has expired, then what is worth least for its room."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optafly_cli.cache.database import transaction
from optafly_cli.cache.lookup import DAY
from optafly_cli.cache.promise.labels import without_words_of
from optafly_cli.cache.stats import index_bytes

HALF_LIFE_DAYS = 7.0
"""An entry that was not used for so long is worth half."""
UNKNOWN_COST = 0.005
"""US dollars that an answer is taken to have cost whose price is not known."""
TARGET = 0.9
"""The share of the limit that is left, so that the next entry does not begin anew."""
_AT_ONCE = 500
_EXPIRED = "SELECT id, {size} FROM entry WHERE created <= ?"
_WORTH = """
    SELECT id, {size}, coalesce(cost, ?) * (1 + hits) * exp(-max(0, ? - last_used) / ?) AS worth
    FROM entry WHERE created > ?
"""
SHARE = 600
"""Bytes that an entry takes in the indexes, and beside its texts."""
SIZE = f"""
    (length(CAST(instruction AS BLOB)) + length(CAST(evidence AS BLOB)) + length(CAST(prompt AS BLOB))
     + length(CAST(scope AS BLOB)) + length(CAST(answer AS BLOB)) + coalesce(length(vector), 0) + {SHARE})
"""
"""Bytes of a row, with its share of the indexes."""
_USED = """
    SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_page_size, pragma_freelist_count
"""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many entries are too old and how many had to make room, and about how many bytes that frees."""

    expired: int = 0
    evicted: int = 0
    bytes: int = 0

    def plus(self, more: "Pruned") -> "Pruned":
        """Both together."""
        return Pruned(self.expired + more.expired, self.evicted + more.evicted, self.bytes + more.bytes)


@dataclass(frozen=True, slots=True)
class Plan:
    """The entries that go, in that order."""

    ids: tuple[int, ...]
    summary: Pruned


def plan(connection: sqlite3.Connection, folder: Path, since: float, limit: int, now: float) -> Plan:
    """What has to go: entries made at `since` or before, then the least worthy while the store is over `limit` bytes.

    Worth is what the answer cost, for each time that it was or may yet be used, halved for each week without use, for
    each byte. What is being written now is not seen, and so never goes.
    """
    expired = connection.execute(_EXPIRED.format(size=SIZE), (since,)).fetchall()
    freed = sum(size for _, size in expired)
    over = used_bytes(connection, folder) - freed - limit
    evicted: list[int] = []
    if over > 0:
        goal = over + int(limit * (1 - TARGET))
        decay = HALF_LIFE_DAYS * DAY / 0.6931471805599453
        rows = connection.execute(_WORTH.format(size=SIZE), (UNKNOWN_COST, now, decay, since)).fetchall()
        for number, size, _ in sorted(rows, key=lambda row: (row[2] / row[1], row[0])):
            if goal <= 0:
                break
            evicted.append(number)
            goal -= size
            freed += size
    return Plan((*(number for number, _ in expired), *evicted), Pruned(len(expired), len(evicted), freed))


def carry_out(connection: sqlite3.Connection, chosen: Plan) -> None:
    """Delete in short transactions, so that nobody who writes waits long; those used meanwhile go all the same."""
    for start in range(0, len(chosen.ids), _AT_ONCE):
        with transaction(connection):
            delete(connection, chosen.ids[start : start + _AT_ONCE])


def delete(connection: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
    """Delete those entries in the caller's transaction; the ids that there were."""
    gone = []
    for number in ids:
        if connection.execute("DELETE FROM entry WHERE id = ?", (number,)).rowcount:
            without_words_of(connection, number)
            gone.append(number)
    return gone


def used_bytes(connection: sqlite3.Connection, folder: Path) -> int:
    """What the entries and the index take on disk.

    Pages of the database that are free to be used again do not count, nor does the write-ahead log: some megabytes that
    deleting entries makes no smaller.
    """
    return int(connection.execute(_USED).fetchone()[0]) + index_bytes(folder)
