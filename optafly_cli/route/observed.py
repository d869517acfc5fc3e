"""The heuristic estimate: counts of what came again, within five minutes and within an hour.

The prior for the kind of a block is worth a few observations of that kind and age, and what came of those is worth a
few of the prefix's own, or of the session's for what is new in it. So a new user is met with the prior, his habits take
over within some dozen requests, and a prefix that differs from its kind within some more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from optafly_cli.route.history import FIVE_MINUTES, History, Tally, groups_of, session
from optafly_cli.route.reuse import NEVER, Prior, Reads
from optafly_cli.route.shape import LIFETIME, Prefix, RequestShape

OF_THE_PRIOR = 4.0
"""Observations of a kind and age that the prior counts for."""

OF_THE_KIND = 8.0
"""Observations of a prefix, or of a session, that those of its kind and age count for."""

CAUTION = 0.85
"""What of the odds counts as expected reads: odds suppose that every read makes the next as likely. This and the other
three figures were chosen on public traces (docs/reuse.md)."""

SLOPE = 0.3
"""By so much is the end of what was never sent less likely to be sent again than its beginning: others may branch off
between, and where two places are as likely the planner marks the last only."""

MOST = 0.95
"""No chance is taken for larger: it would be 19 reads."""


@dataclass(frozen=True, slots=True)
class ByRecord:
    """The prior by kind, and what the history says of kinds, prefixes and sessions. Without any it is the prior."""

    prior: Prior
    history: History

    def expected(self, request: RequestShape, ends: Sequence[Prefix]) -> Sequence[Reads]:
        """For each block the reads of the prefix that ends with it."""
        usual = self.prior.expected([block.kind for block in request.blocks])
        tallies = self.history.tallies()
        if not tallies:
            return usual
        past = self.history.past(ends)
        before = session(past, request)
        known = ends[len(past) - 1].tokens if past else 0
        new = max(1, ends[-1].tokens - known) if ends else 1
        figures = []
        for i, group in enumerate(groups_of(past, request)):
            alike = tallies.get(group, Tally())
            own, pause, left = Tally(), 0.0, 1.0
            if i < len(past):
                own, pause = Tally(past[i].uses, past[i].returned, past[i].later), request.at - past[i].last
            else:
                left = 1 - SLOPE * (ends[i].tokens - known) / new
                if before is not None:
                    own, pause = Tally(before.number + 1, before.soon, before.number), request.at - before.at
            figures.append(NEVER if group[0] == "instruction" else _counted(usual[i], alike, own, pause, left))
        return figures


def _counted(usual: Reads, alike: Tally, own: Tally, pause: float, left: float) -> Reads:
    """The prior's chance with what was counted. The last of `own` is this one, which came after `pause` seconds.

    An hour is taken for no likelier than five minutes until that was seen: it is dear where it is wrong.
    """
    prior = chance(usual.five_minutes)
    soon = (OF_THE_PRIOR * prior + alike.soon) / (OF_THE_PRIOR + alike.sent)
    later = (OF_THE_PRIOR * prior + alike.later) / (OF_THE_PRIOR + alike.sent)
    if own.sent:
        soon = (OF_THE_KIND * soon + own.soon + (pause <= FIVE_MINUTES)) / (OF_THE_KIND + own.sent)
        later = (OF_THE_KIND * later + own.later + (pause <= LIFETIME["1h"])) / (OF_THE_KIND + own.sent)
    return Reads(reads(soon, CAUTION) * left, reads(max(soon, later), CAUTION) * left)


def chance(reads: float) -> float:
    """The chance of one more read where so many are expected: every read makes the next as likely."""
    return reads / (1 + reads)


def reads(chance: float, caution: float) -> float:
    """The reads to expect where each has that chance after the one before, of the odds only so much."""
    held = min(chance, MOST)
    return caution * held / (1 - held)
