"""The dynamic program behind the planner: the best at most four of many places for a breakpoint.

What an anchor adds is linear in the tokens before the anchor that precedes it, so the best predecessor is found on an
envelope of lines, and n places take O(n log n).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from optafly_cli.route.envelope import Envelope
from optafly_cli.route.result import Ttl

SPARE = 1e-6
"""What an anchor is worth that saves nothing: it costs nothing, and helps a request that shares less."""

_State = tuple[int, Ttl]
"""How many anchors were placed, and the TTL of the last breakpoint: after 5m the API takes no 1h."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A place for a breakpoint, or one of the client's own, which stays.

    `later` is what a breakpoint with that TTL spares the next request, per token up to it. `within`: it lies before
    the end of what is read now. `finds`: as the first breakpoint at or behind that end it is near enough to find it.
    """

    index: int
    tokens: int
    later: Mapping[Ttl, float]
    own: bool = False
    within: bool = False
    finds: bool = False


class Chain(NamedTuple):
    """Breakpoints, the last of them first. `value` is what they save, in tokens at the input price."""

    value: float
    block: int = -1
    ttl: Ttl = "1h"
    before: "Chain | None" = None

    def marks(self) -> dict[int, Ttl]:
        """In the order of the blocks."""
        return {} if self.before is None else self.before.marks() | {self.block: self.ttl}


class Program:
    """One choice. `premium` is what a token costs that is written, `room` how many anchors may be added.

    `read` are the tokens of the entry that is to be read, with which all that is before it costs nothing, and
    `spared` what reading it saves; 0 where none is.
    """

    def __init__(self, premium: Mapping[Ttl, float], room: int, read: int = 0, spared: float = 0.0) -> None:
        self._premium = premium
        self._room = room
        self._read = read
        start = Chain(spared)
        self._within: dict[_State, Envelope[Chain]] = {}
        self._behind: dict[_State, Envelope[Chain]] = {}
        self._best = None if read else start
        self._add(self._within if read else self._behind, (0, "1h"), 0, start)

    def best(self, stops: Sequence[Stop]) -> Chain | None:
        """The breakpoints that save the most, those of the client among them; None where none would find the entry."""
        for stop in stops:
            made = [
                (used + (not stop.own), chain)
                for ttl, later in stop.later.items()
                for used in range(self._room + stop.own)
                if (chain := self._through(stop, ttl, later, used)) is not None
            ]
            if stop.own:
                self._within, self._behind, self._best = {}, {}, None
            for used, chain in made:
                self._add(self._within if stop.within else self._behind, (used, chain.ttl), stop.tokens, chain)
                if not stop.within and (self._best is None or chain.value > self._best.value):
                    self._best = chain
        return self._best

    def _through(self, stop: Stop, ttl: Ttl, later: float, used: int) -> Chain | None:
        """The best chain of `used` anchors, and one here."""
        premium = self._premium[ttl]
        found: tuple[float, Chain] | None = None
        # Where both save the same, the cheaper one: an entry that is believed to be there may be gone
        for before in ("1h",) if ttl == "1h" else ("5m", "1h"):
            state: _State = (used, before)  # type: ignore[assignment]  # mypy widens the literals
            if stop.within or stop.finds:
                unread = 0 if stop.within else stop.tokens - self._read
                found = _better(found, self._within.get(state), later, stop.tokens * later - unread * premium)
            if not stop.within:
                net = later - premium
                found = _better(found, self._behind.get(state), net, stop.tokens * net)
        if found is None:
            return None
        value, before_it = found
        return Chain(value + (0.0 if stop.own else SPARE), stop.index, ttl, before_it)

    @staticmethod
    def _add(side: dict[_State, Envelope[Chain]], state: _State, tokens: int, chain: Chain) -> None:
        side.setdefault(state, Envelope()).add(tokens, chain.value, chain)


def _better(
    found: tuple[float, Chain] | None, lines: Envelope[Chain] | None, x: float, constant: float
) -> tuple[float, Chain] | None:
    best = lines.best(x) if lines is not None else None
    if best is None or (found is not None and found[0] >= best[0] + constant):
        return found
    return best[0] + constant, best[1]
