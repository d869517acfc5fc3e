"""Whether a candidate that nothing speaks against may be served: the last word of the semantic tier."""

import sqlite3
from dataclasses import dataclass
from functools import cached_property

from optafly_cli.cache.promise.certificate import percent
from optafly_cli.cache.promise.force import Promise, Standing
from optafly_cli.cache.types import Miss, Near

MOST = 2
"""Candidates that the verifier is asked about in one look-up: its time is bounded, and further ones rarely help."""


@dataclass(frozen=True, slots=True)
class Trust:
    """A candidate may be served. `confidence` is the verifier's probability; without one, the similarity."""

    confidence: float
    verifier: str | None


class Judge:
    """One look-up's judge. What is in force is computed when the first candidate gets so far, and then kept."""

    def __init__(self, connection: sqlite3.Connection, promise: Promise | None) -> None:
        self._connection = connection
        self._promise = promise
        self._asked = 0

    def judge(self, asked: str, stored: str, entry: int, similarity: float) -> Trust | Miss:
        """Trust, or a miss that says why the promise keeps the entry back and carries it as `near`."""
        if self._promise is None:
            return Trust(similarity, None)
        verifier, standing = self._promise.verifier, self._in_force
        probability = min(1.0, max(0.0, verifier.probability(asked, stored, similarity)))
        near = Near(entry, similarity, probability, standing.verifier)
        if standing.threshold is None:
            return Miss(standing.state, standing.reason, near=near)
        if probability < standing.threshold:
            detail = (
                f"the stored answer fits with a probability of {percent(probability)}, "
                f"below the {percent(standing.threshold)} that the promise takes"
            )
            return Miss("unsure", detail, near=near)
        return Trust(probability, standing.verifier)

    @property
    def standing(self) -> Standing | None:
        """What is in force now; None without a verifier."""
        return None if self._promise is None else self._in_force

    @cached_property
    def _in_force(self) -> Standing:
        if self._promise is None:
            raise ValueError("without a verifier nothing is promised")
        return self._promise.standing(self._connection)
