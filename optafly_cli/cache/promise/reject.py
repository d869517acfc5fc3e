"""The user said that a hit was wrong: what that does to labels, to the pair of instructions, to the entry."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.promise.labels import OwnLabel, add, set_apart
from optafly_cli.cache.types import Tier
from optafly_cli.errors import UsageError

if TYPE_CHECKING:
    from optafly_cli.cache.stats import SemanticStats

_COLUMNS = "id, entry, at, tier, probability, verifier, instruction, pair, rejected"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A hit that was rejected.

    `asked` is what the user had asked and `stored` the instruction whose answer was served, empty when that entry is
    gone. `labelled`: the verifier learned of it. `deleted`: the entry was deleted (an exact hit); otherwise it goes on
    answering its own words. `ended`: what is promised now, when no other words are answered any more because of it.
    """

    entry: int
    tier: Tier
    asked: str
    stored: str
    labelled: bool
    deleted: bool
    ended: "SemanticStats | None" = None


def reject(
    connection: sqlite3.Connection, which: int | None, now: float, forget: Callable[[bytes, bytes, bytes], None]
) -> Rejected:
    """Reject the last hit, or the last one of an entry. The caller holds the transaction.

    `forget` is told partition, key and evidence of an entry that is deleted: it may be elsewhere, too.

    Raises:
        UsageError: there is no such hit, or it was rejected before.
    """
    number, entry, at, tier, probability, verifier, asked, pair, done = _wanted(connection, which)
    if done:
        raise UsageError(f"{_name(which)} was rejected already", remedy="optafly cache list shows what is stored")
    row = connection.execute("SELECT instruction FROM entry WHERE id = ?", (entry,)).fetchone()
    stored = row[0] if row else ""
    connection.execute("UPDATE hit SET rejected = 1 WHERE id = ?", (number,))
    if tier == "exact":
        query = "DELETE FROM entry WHERE id = ? RETURNING partition, key, evidence_key"
        for name in connection.execute(query, (entry,)).fetchall():
            forget(*name)
        return Rejected(entry, "exact", stored, stored, labelled=False, deleted=row is not None)
    if pair is not None:
        set_apart(connection, pair, now)
    if verifier is not None:
        add(connection, OwnLabel(at, "reject", verifier, probability, True, False, entry, asked))
    return Rejected(entry, "semantic", asked or "", stored, labelled=verifier is not None, deleted=False)


def no_hit(which: int | None) -> UsageError:
    """The error for a store in which nothing is that could be rejected."""
    if which is None:
        return UsageError(
            "no stored answer was served yet", remedy="give the number of an entry: optafly cache list shows them"
        )
    return UsageError(f"there is no entry {which}", remedy="optafly cache list shows their numbers")


def _wanted(connection: sqlite3.Connection, which: int | None) -> tuple[Any, ...]:
    """The hit that is meant, its `_COLUMNS`; of those of an entry the last that was not rejected yet."""
    condition, order = ("TRUE", "id DESC") if which is None else ("entry = :which", "rejected, id DESC")
    query = f"SELECT {_COLUMNS} FROM hit WHERE {condition} ORDER BY {order} LIMIT 1"  # noqa: S608 (constants)
    found = connection.execute(query, {"which": which}).fetchone()
    if found is not None:
        return tuple(found)
    if connection.execute("SELECT 1 FROM entry WHERE id = ?", (which,)).fetchone() is None:
        raise no_hit(which)
    raise UsageError(
        f"the answer of entry {which} was never served again, so there is no hit to reject",
        remedy="ask again with --refresh to replace an answer",
    )


def _name(which: int | None) -> str:
    return "the last hit" if which is None else f"every hit of entry {which}"
