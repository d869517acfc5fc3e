"""The user's own labels in `entries.sqlite`, and how they join the shipped ones.

A label says that the verifier gave a probability to a stored answer, and whether that answer was right. It comes from
`cache reject` (wrong), from `--refresh` (the fresh answer says the same, or not), and from a shadow check of a near
miss. A hit that nobody complained of is no label. Only labels of the present verifier count.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from optafly_cli.cache.courtesy import core_of
from optafly_cli.cache.digest import digest_of
from optafly_cli.cache.promise.calibration import Calibration
from optafly_cli.cache.promise.certificate import Label, least_labels

Source = Literal["reject", "refresh", "shadow"]


@dataclass(frozen=True, slots=True)
class OwnLabel:
    """A label that came from use. `served`: the user got that answer; `instruction`: what was asked. Unix time."""

    at: float
    source: Source
    verifier: str
    probability: float
    served: bool
    right: bool
    entry: int
    instruction: str


def add(connection: sqlite3.Connection, label: OwnLabel) -> None:
    """Keep a label. The caller holds the transaction."""
    connection.execute(_INSERT, asdict(label))


def own_labels(connection: sqlite3.Connection, verifier: str) -> list[Label]:
    """The user's labels of that verifier, oldest first."""
    rows = connection.execute("SELECT probability, right FROM label WHERE verifier = ? ORDER BY id", (verifier,))
    return [Label(probability, bool(right)) for probability, right in rows]


def in_force(
    own: Sequence[Label], calibration: Calibration, verifier: str, max_error_rate: float
) -> tuple[Sequence[Label], int]:
    """The labels that a certificate is made from, and how many of them are the user's.

    The shipped ones and the user's together, until the user has as many as the rate asks for (299 for 1%) at or above
    the strictest threshold; from then on the user's alone: they are of the questions that this user asks.
    """
    if calibration.grid:
        enough = sum(label.probability >= calibration.grid[0] for label in own) >= least_labels(max_error_rate)
        if enough:
            return own, len(own)
    given = calibration.labels if calibration.verifier == verifier else ()
    return (*given, *own), len(own)


def outcomes(connection: sqlite3.Connection, verifier: str, threshold: float) -> list[bool]:
    """For each answer that was or would have been served at the threshold, in order: is it known to be wrong?

    Served hits count, wrong when they were rejected; so do labels of answers that were not served. Empty when none of
    them is known to be wrong, which is all that a look-up has to ask for as a rule.
    """
    wanted = {"verifier": verifier, "threshold": threshold}
    if not connection.execute(_ANY_WRONG, wanted).fetchone()[0]:
        return []
    return [bool(row[0]) for row in connection.execute(_OUTCOMES, wanted)]


def pair_of(one: str, other: str) -> bytes:
    """A digest of two instructions: the same in either order, in upper and lower case, with and without courtesy."""
    return digest_of("optafly.apart/1", tuple(sorted(core_of(text).casefold() for text in (one, other))))


def set_apart(connection: sqlite3.Connection, pair: bytes, now: float) -> None:
    """Never again serve the answer to one of the two instructions for the other. The caller holds the transaction."""
    connection.execute("INSERT OR IGNORE INTO apart (pair, at) VALUES (?, ?)", (pair, now))


def are_apart(connection: sqlite3.Connection, pair: bytes) -> bool:
    """Whether the user said that the answer to one of the two instructions is wrong for the other."""
    return connection.execute("SELECT 1 FROM apart WHERE pair = ?", (pair,)).fetchone() is not None


def forget(connection: sqlite3.Connection) -> int:
    """Delete every own label, and let hits so far say nothing any more; how many labels there were.

    Instructions that were told apart stay apart. The caller holds the transaction.
    """
    connection.execute("UPDATE hit SET verifier = NULL, probability = NULL WHERE verifier IS NOT NULL")
    return connection.execute("DELETE FROM label").rowcount


def without_words(connection: sqlite3.Connection) -> None:
    """Keep what the labels say and drop what was asked, when all entries go. The caller holds the transaction."""
    connection.execute("UPDATE label SET instruction = ''")


def without_words_of(connection: sqlite3.Connection, entry: int) -> None:
    """Keep what labels and hits of an entry say and drop what was asked. The caller holds the transaction."""
    connection.execute("UPDATE label SET instruction = '' WHERE entry = ?", (entry,))
    connection.execute("UPDATE hit SET instruction = NULL WHERE entry = ?", (entry,))


_INSERT = """
    INSERT INTO label (at, source, verifier, probability, served, right, entry, instruction)
    VALUES (:at, :source, :verifier, :probability, :served, :right, :entry, :instruction)
"""
_MEANT = "verifier = :verifier AND probability >= :threshold"
_ANY_WRONG = f"""
    SELECT EXISTS (SELECT 1 FROM hit WHERE {_MEANT} AND rejected = 1)
        OR EXISTS (SELECT 1 FROM label WHERE {_MEANT} AND NOT right AND NOT served)
"""  # noqa: S608 (a constant)
_OUTCOMES = f"""
    SELECT rejected, at, 0 AS kind, id FROM hit WHERE {_MEANT}
    UNION ALL
    SELECT NOT right, at, 1, id FROM label WHERE {_MEANT} AND NOT served
    ORDER BY at, kind, id
"""  # noqa: S608 (a constant)
