"""The heuristic estimate: what is usual for the kind of a block, corrected by what became of the prefix so far.

A chance of being sent again within five minutes is a count with a few made-up observations: those of the prior for the
kind. A prefix that was seen has its own count; what is new in a session has the count of the session's turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from optafly_cli.route.history import FIVE_MINUTES, LIFETIME, History, Past, session
from optafly_cli.route.reuse import NEVER, Prior, Reads
from optafly_cli.route.shape import Prefix, RequestShape

BELIEF = 2.0
"""Observations that the prior counts for."""

BEGINNING = 0.5
"""A conversation that begins goes on within five minutes half as often as one that is under way: measured on the
first half of the Mooncake trace, 0.20 against 0.32 and 0.25 against 0.42 of their tokens (docs/reuse.md)."""

MOST = 0.95
"""No chance is taken for larger: it would be 19 reads."""


@dataclass(frozen=True, slots=True)
class ByRecord:
    """The prior by kind and age, and what the history says of each prefix."""

    prior: Prior
    history: History

    def expected(self, request: RequestShape, ends: Sequence[Prefix]) -> Sequence[Reads]:
        """For each block the reads of the prefix that ends with it."""
        kinds = [block.kind for block in request.blocks]
        past = self.history.past(ends)
        before = session(past, request)
        figures = []
        for i, usual in enumerate(self.prior.expected(kinds)):
            if kinds[i] == "instruction":
                figures.append(NEVER)
                continue
            five, hour = chance(usual.five_minutes), chance(usual.one_hour)
            if i < len(past):
                five, hour = _seen(past[i], request.at, five, hour)
            elif before is not None:
                live = request.at - before.at
                five = (BELIEF * five + before.number + (live <= FIVE_MINUTES)) / (BELIEF + before.number + 1)
                hour = max(hour, (BELIEF * hour + before.number + (live <= LIFETIME["1h"])) / (BELIEF + before.number + 1))
            elif kinds[i] == "conversation":
                five, hour = five * BEGINNING, hour * BEGINNING
            figures.append(Reads(reads(five), reads(max(five, hour))))
        return figures

    def sent(self, request: RequestShape, ends: Sequence[Prefix]) -> None:
        """Nothing: the history hears of it from who knows what was billed."""


def _seen(known: Past, now: float, five: float, hour: float) -> tuple[float, float]:
    pause = now - known.last
    # Those that came within an hour are not counted one by one: all that came within five minutes did
    within = known.returned + (pause <= LIFETIME["1h"])
    back = known.returned + (pause <= FIVE_MINUTES)
    total = BELIEF + known.uses
    return (BELIEF * five + back) / total, (BELIEF * hour + within) / total


def chance(reads: float) -> float:
    """The chance of one more read where so many are expected: every read makes the next as likely."""
    return reads / (1 + reads)


def reads(chance: float) -> float:
    """The expected reads where each has that chance after the one before."""
    return min(chance, MOST) / (1 - min(chance, MOST))
