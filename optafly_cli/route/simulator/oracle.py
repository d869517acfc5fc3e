"""The least that a trace could have cost: no placement of anchors, whatever it knows of the future, is billed less.

Every stretch of the prompt between two places that can be marked is decided alone: each request that holds it pays its
input, writes it, or reads it while what was written lives. Where the limits do not bind (four anchors, 20 positions,
the order of TTLs) and one TTL is used, that is also what can be reached; the tests hold it against trying everything.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from optafly_cli.models import Model
from optafly_cli.route.pricing import PER
from optafly_cli.route.result import Ttl
from optafly_cli.route.shape import LIFETIME, RequestShape, minimum_for, prefixes
from optafly_cli.route.simulator.prompt_cache import tier_of


@dataclass(frozen=True, slots=True)
class _Use:
    """One request that holds the stretch: when, from when on what it writes is readable, and prices per token."""

    at: float
    readable: float
    plain: float
    write_5m: float
    write_1h: float
    read: float


@dataclass(frozen=True, slots=True)
class _State:
    """What lives of a stretch: for how long, since when, readable from when on."""

    ttl: Ttl
    since: float
    readable: float

    @property
    def ends(self) -> float:
        return self.since + LIFETIME[self.ttl]


def least_cost(
    trace: Iterable[RequestShape], model_of: Callable[[str], Model], ttls: Sequence[Ttl] = ("5m", "1h")
) -> float:
    """Dollars, as `Bill.cost` counts them. `ttls` are those that may be used."""
    stretches: dict[str, tuple[int, list[_Use]]] = {}
    uses: dict[str, list[_Use]] = defaultdict(list)
    total = 0.0
    for request in trace:
        model = model_of(request.model)
        ends = prefixes(request)
        tier = tier_of(model, ends[-1].tokens)
        use = _Use(
            request.at,
            request.at + request.begins_after,
            tier.input / PER,
            tier.write_5m / PER,
            tier.write_1h / PER,
            tier.read / PER,
        )
        minimum, upto = minimum_for(model), 0
        for block, end in zip(request.blocks, ends, strict=True):
            if block.markable and end.tokens >= minimum:
                _, those = stretches.setdefault(end.key, (end.tokens - upto, uses[end.key]))
                those.append(use)
                upto = end.tokens
        total += (ends[-1].tokens - upto) * use.plain
    return total + sum(tokens * _cheapest(those, ttls) for tokens, those in stretches.values())


def _cheapest(uses: Sequence[_Use], ttls: Sequence[Ttl]) -> float:
    """Per token: the cheapest way through all uses, by dynamic programming over what lives."""
    if len(uses) == 1:
        return min(uses[0].plain, *(_write(uses[0], ttl) for ttl in ttls))
    costs: dict[_State | None, float] = {None: 0.0}
    for use in uses:
        following: dict[_State | None, float] = {}
        for state, cost in costs.items():
            if state is not None and use.at >= state.ends:
                state = None  # noqa: PLW2901 - it has ended
            _offer(following, state, cost + use.plain)
            # What was written before stays readable while the answer to this request has not begun
            readable = use.readable if state is None else min(use.readable, state.readable)
            for ttl in ttls:
                _offer(following, _State(ttl, use.at, readable), cost + _write(use, ttl))
            if state is not None and state.readable <= use.at:
                # A longer-lived anchor behind what is read carries it on for its own time, at no further charge
                for ttl in ttls:
                    longer = ttl if LIFETIME[ttl] > LIFETIME[state.ttl] else state.ttl
                    _offer(following, _State(longer, use.at, state.readable), cost + use.read)
        costs = _undominated(following)
    return min(costs.values())


def _offer(costs: dict[_State | None, float], state: _State | None, cost: float) -> None:
    if cost < costs.get(state, float("inf")):
        costs[state] = cost


def _undominated(costs: dict[_State | None, float]) -> dict[_State | None, float]:
    """Without the states that cost more than another that is readable as soon and lives as long."""
    kept: list[tuple[_State | None, float]] = []
    for state, cost in sorted(costs.items(), key=lambda item: item[1]):
        if not any(_covers(other, state) for other, _ in kept):
            kept.append((state, cost))
    return dict(kept)


def _covers(other: _State | None, state: _State | None) -> bool:
    if state is None:
        return True
    return (
        other is not None
        and other.ends >= state.ends
        and other.readable <= state.readable
        and LIFETIME[other.ttl] >= LIFETIME[state.ttl]
    )


def _write(use: _Use, ttl: Ttl) -> float:
    return use.write_1h if ttl == "1h" else use.write_5m
