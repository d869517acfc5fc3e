"""The heuristic estimate: what is usual for the kind of a block, corrected by what became of the prefix so far.

A chance of being sent again within five minutes is a count with a few made-up observations: those of the prior for the
kind. A prefix that was seen has its own count; what is new in a session has the count of the session's turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from optafly_cli.route.history import FIVE_MINUTES, LIFETIME, History, session
from optafly_cli.route.reuse import NEVER, Prior, Reads
from optafly_cli.route.shape import Prefix, RequestShape

BELIEF = 8.0
"""Observations that the prior counts for."""

CAUTION = 0.85
"""What of the odds counts as expected reads: odds suppose that every read makes the next as likely. This and the other
two figures were chosen on public traces (docs/reuse.md)."""

SLOPE = 0.3
"""By so much is the end of what was never sent less likely to be sent again than its beginning: others may branch off
between, and where two places are as likely the planner marks the last only."""

MOST = 0.95
"""No chance is taken for larger: it would be 19 reads."""


@dataclass(frozen=True, slots=True)
class ByRecord:
    """The prior by kind and age, and what the history says of each prefix. Without any it is the prior."""

    prior: Prior
    history: History

    def expected(self, request: RequestShape, ends: Sequence[Prefix]) -> Sequence[Reads]:
        """For each block the reads of the prefix that ends with it."""
        kinds = [block.kind for block in request.blocks]
        past = self.history.past(ends)
        before = session(past, request)
        usual = self.prior.expected(kinds)
        figures = []
        known = ends[len(past) - 1].tokens if past else 0
        new = max(1, ends[-1].tokens - known) if ends else 1
        for i, kind in enumerate(kinds):
            five, hour = chance(usual[i].five_minutes), chance(usual[i].one_hour)
            if kind == "instruction":
                figures.append(NEVER)
            elif i < len(past):
                seen = past[i]
                figures.append(_counted(five, hour, seen.uses, (seen.returned, seen.later), request.at - seen.last))
            elif before is not None:
                turns = (before.soon, before.number)
                went_on = _counted(five, hour, before.number + 1, turns, request.at - before.at)
                left = 1 - SLOPE * (ends[i].tokens - known) / new
                figures.append(Reads(went_on.five_minutes * left, went_on.one_hour * left))
            elif kind == "conversation" and past and "tools" not in kinds:
                # Others began in the same way: it is one that begins
                opening = self.prior.reads.get("opening", NEVER)
                five, hour = min(five, chance(opening.five_minutes)), min(hour, chance(opening.one_hour))
                figures.append(Reads(reads(five), max(reads(five), reads(hour))))
            else:
                figures.append(usual[i])
        return figures

    def sent(self, request: RequestShape, ends: Sequence[Prefix]) -> None:
        """Nothing: the history hears of it from who knows what was billed."""


def _counted(five: float, hour: float, tries: int, came: tuple[int, int], pause: float) -> Reads:
    """The prior's chances with what was observed: of the tries so many came within five minutes and within an hour.

    The last of them is this one, after `pause` seconds.
    """
    soon = (BELIEF * five + came[0] + (pause <= FIVE_MINUTES)) / (BELIEF + tries)
    later = (BELIEF * hour + came[1] + (pause <= LIFETIME["1h"])) / (BELIEF + tries)
    return Reads(reads(soon), max(reads(soon), reads(later)))


def chance(reads: float) -> float:
    """The chance of one more read where so many are expected: every read makes the next as likely."""
    return reads / (1 + reads)


def reads(chance: float, caution: float = CAUTION) -> float:
    """The reads to expect where each has that chance after the one before, with caution."""
    held = min(chance, MOST)
    return caution * held / (1 - held)
