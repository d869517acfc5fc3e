"""The least that a trace can cost, against trying every placement, and as a bound on every policy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.models import Model
from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import ByKind, shipped_prior
from optafly_cli.route.shape import BlockShape, RequestShape
from optafly_cli.route.simulator.oracle import least_cost
from optafly_cli.route.simulator.policies import Planned, automatic, none, system_and_tail
from optafly_cli.route.simulator.prompt_cache import PromptCache
from optafly_cli.route.simulator.replay import replay
from tests.route.making import DOLLAR, SMALL, request, text

FREE = replace(SMALL, min_cacheable=0)
"""No minimum."""
GAPS = st.sampled_from([0, 10, 250, 299, 310, 900, 3500, 3700])


@st.composite
def traces(draw: st.DrawFn, requests: int = 4, blocks: int = 3, waits: bool = False) -> list[RequestShape]:
    """Requests of a small tree of prefixes, some of them with blocks that take no marker."""
    at = 0.0
    trace = []
    for _ in range(draw(st.integers(1, requests))):
        at += draw(GAPS)
        path = draw(st.lists(st.integers(0, 1), min_size=1, max_size=blocks))
        made = []
        for depth, branch in enumerate(path):
            kind = "thinking" if (depth, branch) == (1, 1) else "text"
            made.append(BlockShape(f"{depth}{branch}", 40 + 30 * depth + 7 * branch, "conversation", kind))
        trace.append(request(*made, at=at, begins_after=draw(st.sampled_from([0, 0, 20, 260])) if waits else 0.0))
    return trace


def ways(shape: RequestShape, ttls: Sequence[Ttl]) -> Iterator[dict[int, Ttl]]:
    """Every set of breakpoints that the API takes."""
    free = [i for i, block in enumerate(shape.blocks) if block.markable]
    for size in range(len(free) + 1):
        for chosen in combinations(free, size):
            for times in product(ttls, repeat=size):
                if "5m1h" not in "".join(times):
                    yield dict(zip(chosen, times, strict=True))


def cheapest(trace: Sequence[RequestShape], model: Model, ttls: Sequence[Ttl]) -> float:
    """Of all placements, by sending every one of them."""
    return min(
        _sent(trace, plan, model) for plan in product(*(list(ways(shape, ttls)) for shape in trace))
    )  # fmt: skip


def _sent(trace: Sequence[RequestShape], plan: Sequence[Mapping[int, Ttl]], model: Model) -> float:
    cache = PromptCache()
    return sum(cache.send(shape, marks, model).cost(model) for shape, marks in zip(trace, plan, strict=True))


MODELS = st.sampled_from(
    [FREE, replace(SMALL, min_cacheable=80), replace(FREE, prices=(replace(DOLLAR, read=0.02, write_1h=1.5),))]
)


@settings(max_examples=150, deadline=None)
@given(traces(), MODELS, st.sampled_from(["5m", "1h"]))
def test_with_one_ttl_it_is_what_trying_everything_finds(trace: list[RequestShape], model: Model, ttl: Ttl) -> None:
    """Where no limit binds, the least cost is reached by some placement and by none below it."""
    assert least_cost(trace, lambda _: model, [ttl]) == pytest.approx(cheapest(trace, model, [ttl]))


@settings(max_examples=60, deadline=None)
@given(traces(requests=3, waits=True), MODELS)
def test_nothing_is_cheaper(trace: list[RequestShape], model: Model) -> None:
    """With both TTLs, and answers that keep others waiting, it is a bound."""
    assert least_cost(trace, lambda _: model) <= cheapest(trace, model, ["5m", "1h"]) + 1e-12


@settings(max_examples=100, deadline=None)
@given(traces(requests=12, blocks=8, waits=True), MODELS)
def test_no_policy_is_below_it(trace: list[RequestShape], model: Model) -> None:
    """Nor do any of them place what the API refuses: `replay` would say so."""
    policies = (none, automatic, system_and_tail, Planned(ByKind(shipped_prior()), lambda _: model))
    least = least_cost(trace, lambda _: model)
    for policy in policies:
        assert replay(trace, policy, lambda _: model).cost >= least - 1e-12


def test_the_least_of_a_loop_is_to_write_once_and_read_ever_after() -> None:
    """Three requests that grow: each turn is written once, and the last is not."""
    trace = [request(*text(*[100] * n), at=n) for n in (1, 2, 3)]
    assert least_cost(trace, lambda _: SMALL) * 1e6 == pytest.approx(125 + (10 + 125) + (20 + 100))
