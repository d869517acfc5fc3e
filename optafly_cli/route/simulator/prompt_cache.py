"""The prompt cache: what one request reads, writes and pays at each price, given what was sent before it.

Source: Anthropic's prompt-caching page, read 2026-11-22. Two things that it does not say are taken to be so: an entry
lives while less than its TTL has passed, and an entry made at a breakpoint that lies within what was read, which costs
nothing, lives no longer than what was read does.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from optafly_cli.models import Model, PriceTier
from optafly_cli.route.pricing import DEFAULT_RATES, PER
from optafly_cli.route.result import Ttl
from optafly_cli.route.shape import LIFETIME, LOOK_BACK, Marks, Prefix, RequestShape, minimum_for, prefixes
from optafly_cli.route.simulator.rules import check

_SWEEP_EVERY = 4096


@dataclass(frozen=True, slots=True)
class Bill:
    """One request's input tokens by the price that they are charged; together they are all of them."""

    read: int
    written_1h: int
    written_5m: int
    plain: int

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.read + self.written_1h + self.written_5m + self.plain

    def cost(self, model: Model) -> float:
        """Dollars; millionths of its input price for a model whose price is not published. A price step bills all."""
        tier = tier_of(model, self.tokens)
        charged = (
            self.read * tier.read
            + self.written_1h * tier.write_1h
            + self.written_5m * tier.write_5m
            + self.plain * tier.input
        )
        return charged / PER


_ASSUMED = PriceTier(1.0, DEFAULT_RATES.write_5m, DEFAULT_RATES.write_1h, DEFAULT_RATES.read, 5.0)


def tier_of(model: Model, tokens: int) -> PriceTier:
    """The prices that bill a request of so many tokens: the usual multiples of 1 where none are published."""
    return model.price(tokens) or _ASSUMED


@dataclass(frozen=True, slots=True)
class _Entry:
    ttl: Ttl
    since: float

    def lives(self, now: float) -> bool:
        return now < self.since + LIFETIME[self.ttl]

    def renewed(self, by: "_Entry") -> "_Entry":
        """Reading or writing again what lives renews it for the time that it was written for."""
        return _Entry(self.ttl, max(self.since, by.since)) if self.lives(by.since) else by


class PromptCache:
    """All entries, for every model and credential of a trace. `model` is asked for by each request."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._pending: list[tuple[float, int, dict[str, _Entry]]] = []
        self._sent = 0

    def send(self, request: RequestShape, marks: Marks, model: Model) -> Bill:
        """Bill a request with these breakpoints, and remember what it wrote. Requests come in the order of `at`.

        Raises:
            RuleBrokenError: the API would refuse it.
        """
        check(request, marks)
        self._begin(request.at)
        ends = prefixes(request)
        minimum = minimum_for(model)
        marked = {i: ttl for i, ttl in marks.items() if ends[i].tokens >= minimum}
        hit = self._deepest(ends, sorted(marked, reverse=True), request.at)
        self._pend(request, ends, marked, hit)
        return _bill(ends, marked, hit)

    def live(self, request: RequestShape, ends: Sequence[Prefix]) -> dict[int, Ttl]:
        """The prefixes that have an entry which a request could read now, and their TTLs."""
        self._begin(request.at)
        found = ((i, self._entries.get(end.key)) for i, end in enumerate(ends))
        return {i: entry.ttl for i, entry in found if entry is not None and entry.lives(request.at)}

    def _begin(self, now: float) -> None:
        """Make readable what requests wrote whose answers have begun by now."""
        while self._pending and self._pending[0][0] <= now:
            for key, entry in heapq.heappop(self._pending)[2].items():
                known = self._entries.get(key)
                self._entries[key] = entry if known is None else known.renewed(entry)
        self._sent += 1
        if self._sent % _SWEEP_EVERY == 0:
            # What a request that is still waiting for its answer has read may have ended since
            self._entries = {key: entry for key, entry in self._entries.items() if entry.lives(now - LIFETIME["1h"])}

    def _deepest(self, ends: Sequence[Prefix], breakpoints: Sequence[int], now: float) -> int | None:
        """From the last breakpoint back over 20 positions, then from the one before it, the first that is found."""
        for start in breakpoints:
            lowest = ends[start].position - LOOK_BACK + 1
            for i in range(start, -1, -1):
                if ends[i].position < lowest:
                    break
                entry = self._entries.get(ends[i].key)
                if entry is not None and entry.lives(now):
                    return i
        return None

    def _pend(self, request: RequestShape, ends: Sequence[Prefix], marked: Marks, hit: int | None) -> None:
        found = None if hit is None else self._entries[ends[hit].key].ttl
        made = {
            ends[i].key: _Entry("5m" if hit is not None and i <= hit and found == "5m" else ttl, request.at)
            for i, ttl in marked.items()
        }
        if hit is not None and found is not None:
            made[ends[hit].key] = _Entry(found, request.at)
        if made:
            heapq.heappush(self._pending, (request.at + request.begins_after, self._sent, made))


def _bill(ends: Sequence[Prefix], marked: Marks, hit: int | None) -> Bill:
    """Up to the hit at the read price, to the last 1h breakpoint at its, to the last of all at the 5m price."""
    read = 0 if hit is None else ends[hit].tokens
    hour = max([read, *(ends[i].tokens for i, ttl in marked.items() if ttl == "1h")])
    last = max([read, *(ends[i].tokens for i in marked)])
    total = ends[-1].tokens if ends else 0
    return Bill(read, hour - read, last - hour, total - last)
