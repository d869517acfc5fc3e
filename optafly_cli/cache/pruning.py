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
_VECTORS = "SELECT count(vector) FROM entry"
_ALL = "SELECT total({size}) FROM entry"
_EXPIRED = "SELECT id, {size} FROM entry WHERE created <= ?"
_WORTH = """
    SELECT id, {size}, coalesce(cost, ?) * (1 + hits) * exp(-max(0, ? - last_used) / ?) AS worth
    FROM entry WHERE created > ? AND id < (SELECT max(id) FROM entry)
"""
"""Without the newest entry: whoever waits for its writer comes for it now."""
SHARE = 600
"""Bytes that an entry takes in the indexes, and beside its texts."""
SIZE = f"""
    (length(CAST(instruction AS BLOB)) + length(CAST(evidence AS BLOB)) + length(CAST(prompt AS BLOB))
     + length(CAST(scope AS BLOB)) + length(CAST(answer AS BLOB)) + coalesce(length(vector), 0) + {SHARE})
"""
"""Bytes of a row, with its share of the indexes."""
_WITH_INDEX = f"({SIZE} + (vector IS NOT NULL) * {{share}})"
"""With a share of the search index where it has a vector."""


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
    each byte. What is being written now is not seen, and so never goes; nor does the newest entry, unless it expired.
    """
    used = used_bytes(connection, folder)
    size = _WITH_INDEX.format(share=index_bytes(folder) // max(1, connection.execute(_VECTORS).fetchone()[0]))
    # Pages are neither full nor alike: together the entries take what is used
    scale = used / max(1, connection.execute(_ALL.format(size=size)).fetchone()[0])
    size = f"CAST({size} * {scale} AS INTEGER)"
    expired = connection.execute(_EXPIRED.format(size=size), (since,)).fetchall()
    freed = sum(row[1] for row in expired)
    over = used - freed - limit
    evicted: list[int] = []
    if over > 0:
        goal = over + int(limit * (1 - TARGET))
        decay = HALF_LIFE_DAYS * DAY / 0.6931471805599453
        rows = connection.execute(_WORTH.format(size=size), (UNKNOWN_COST, now, decay, since)).fetchall()
        for number, taken, _ in sorted(rows, key=lambda row: (row[2] / row[1], row[0])):
            if goal <= 0:
                break
            evicted.append(number)
            goal -= taken
            freed += taken
    return Plan((*(number for number, _ in expired), *evicted), Pruned(len(expired), len(evicted), freed))


def carry_out(connection: sqlite3.Connection, chosen: Plan) -> None:
    """Delete in short transactions, so that nobody who writes waits long; those used meanwhile go all the same."""
    for start in range(0, len(chosen.ids), _AT_ONCE):
        with transaction(connection):
            delete(connection, chosen.ids[start : start + _AT_ONCE])
    if chosen.ids:
        # An id is never given again: until now they only took room
        connection.execute("DELETE FROM direct WHERE entry NOT IN (SELECT id FROM entry)")


def delete(connection: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
    """Delete those entries in the caller's transaction; the ids that there were."""
    gone = []
    for number in ids:
        if connection.execute("DELETE FROM entry WHERE id = ?", (number,)).rowcount:
            without_words_of(connection, number)
            gone.append(number)
    return gone


def used_bytes(connection: sqlite3.Connection, folder: Path) -> int:
    """What entries and index take: the database without its free pages, and without its log.

    Deleting makes the log longer, and it stays so long as anyone reads: it must not ask for more to be deleted.
    """
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size + index_bytes(folder)
