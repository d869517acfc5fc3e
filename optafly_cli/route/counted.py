"""The estimate that counts: how often prefixes of a kind and an age came again, and how often this one did.

The prior for a kind is worth a few observations of that kind and age, and what came of those is worth a few of the
prefix's own. So a new user is met with the prior, his habits take over within some dozen requests, and a prefix that
differs from its kind within some more. An hour is taken for no likelier than five minutes until that was seen: it is
dear where it is wrong. No texts, and no clock of its own.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import NEVER, Prior, Reads
from optafly_cli.route.shape import LIFETIME, Prefix, RequestShape

OF_THE_PRIOR = 4.0
"""Observations of a kind and age that the prior counts for."""

OF_THE_KIND = 8.0
"""Observations of a prefix that those of its kind and age count for."""

MOST = 0.95
"""No chance is taken for larger: it would be 19 reads."""

Age = Literal["new", "minutes", "an hour", "old"]
"""When the prefix was sent last: never, within 5 minutes, within an hour, before."""


_Group = tuple[BlockKind, Age]


@dataclass(slots=True)
class Tally:
    """How often something was sent, and after how many of those it came again within five minutes and an hour."""

    sent: int = 0
    within: dict[Ttl, int] = field(default_factory=lambda: {"5m": 0, "1h": 0})

    def chance(self, ttl: Ttl, usual: float, weight: float) -> float:
        """That it comes again, with `weight` observations made up in which `usual` did."""
        return (weight * usual + self.within[ttl]) / (weight + self.sent)

    def came_after(self, seconds: float) -> None:
        """It came again so long after it was sent last."""
        for ttl, life in LIFETIME.items():
            self.within[ttl] += seconds < life


@dataclass(slots=True)
class _Known:
    last: float
    group: _Group
    tally: Tally = field(default_factory=Tally)


class ByCount:
    """A `Reuse` that learns from the requests it is told of, in the order of their times."""

    def __init__(self, prior: Prior) -> None:
        self._prior = prior
        self._prefixes: dict[str, _Known] = {}
        self._kinds: dict[_Group, Tally] = defaultdict(Tally)

    def expected(self, request: RequestShape, ends: Sequence[Prefix]) -> Sequence[Reads]:
        """For each block the reads of the prefix that ends with it."""
        usual = self._prior.expected([block.kind for block in request.blocks])
        return [
            NEVER if block.kind == "instruction" else self._counted(block.kind, end.key, request.at, reads.five_minutes)
            for block, end, reads in zip(request.blocks, ends, usual, strict=True)
        ]

    def sent(self, request: RequestShape, ends: Sequence[Prefix]) -> None:
        """Count what came again with it, and what is to come again."""
        for block, end in zip(request.blocks, ends, strict=True):
            if block.kind == "instruction":
                continue
            # What opens a conversation is another kind in the next turn
            group = block.kind, self._age(end.key, request.at)
            known = self._prefixes.get(end.key)
            if known is None:
                known = self._prefixes[end.key] = _Known(request.at, group)
            else:
                pause = request.at - known.last
                known.tally.came_after(pause)
                self._kinds[known.group].came_after(pause)
            known.last, known.group = request.at, group
            known.tally.sent += 1
            self._kinds[group].sent += 1

    def _counted(self, kind: BlockKind, key: str, now: float, usual: float) -> Reads:
        known = self._prefixes.get(key)
        alike = self._kinds[kind, self._age(key, now)]
        return Reads(_reads("5m", usual, alike, known), _reads("1h", usual, alike, known))

    def _age(self, key: str, now: float) -> Age:
        known = self._prefixes.get(key)
        if known is None:
            return "new"
        pause = now - known.last
        return "minutes" if pause < LIFETIME["5m"] else "an hour" if pause < LIFETIME["1h"] else "old"


def _reads(ttl: Ttl, usual: float, alike: Tally, known: _Known | None) -> float:
    """The reads to expect where each has the chance that was counted after the one before."""
    chance = alike.chance(ttl, usual / (1 + usual), OF_THE_PRIOR)
    if known is not None:
        chance = known.tally.chance(ttl, chance, OF_THE_KIND)
    return min(chance, MOST) / (1 - min(chance, MOST))
