"""What holds for every request that `route` makes, whatever goes in."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.config.settings import RouteSettings
from optafly_cli.models import Model, catalogue
from optafly_cli.refine.result import Section
from optafly_cli.route.anchors import plan
from optafly_cli.route.blocks import arrange
from optafly_cli.route.body import build
from optafly_cli.route.engine import route
from optafly_cli.route.pricing import request_cost
from optafly_cli.route.result import RoutedRequest
from optafly_cli.route.reuse import ByKind, Prior
from optafly_cli.tokens.counter import counter_for
from tests.fakes import prompt_cache, rules
from tests.route import making

TtlChoice = Literal["5m", "1h", "auto"]
ttls = st.sampled_from(["5m", "1h", "auto"])
systems = st.one_of(st.none(), making.texts)
limits = st.integers(0, 6)


def _route(
    sections: tuple[Section, ...], system: str | None, ttl: TtlChoice, model: Model, settings: RouteSettings
) -> RoutedRequest:
    return route(
        making.refined(*sections),
        model=model,
        system=system,
        max_tokens=100,
        ttl=ttl,
        settings=settings,
        counter=counter_for(model),
    )


def _unmarked(body: Mapping[str, Any]) -> dict[str, Any]:
    plain = deepcopy(dict(body))
    for block in [*plain.get("system", []), *plain["messages"][0]["content"]]:
        block.pop("cache_control", None)
    return plain


@settings(max_examples=60, deadline=None)
@given(making.sections, systems, ttls, making.models, limits)
def test_route_keeps_every_rule(
    sections: tuple[Section, ...], system: str | None, ttl: TtlChoice, model: Model, limit: int
) -> None:
    """Every body passes the API's rules, markers are all that anchors add, and tokens and costs add up."""
    routed = _route(sections, system, ttl, model, RouteSettings(max_anchors=limit))
    plain = _route(sections, system, ttl, model, RouteSettings(anchors=False))
    known = model if model.id in catalogue().models else catalogue().get("claude-sonnet-5")
    rules.check({**routed.body, "model": known.id}, version="2026-10-21")

    blocks = [*routed.body.get("system", []), *routed.body["messages"][0]["content"]]
    marked = [i for i, block in enumerate(blocks) if "cache_control" in block]
    assert len(marked) <= min(4, limit)
    assert len(blocks) - 1 not in marked
    assert [anchor.index for anchor in routed.anchors if anchor.cacheable] == marked
    assert all(bool(anchor.why_not) != anchor.cacheable for anchor in routed.anchors)
    assert json.dumps(_unmarked(routed.body)) == json.dumps(plain.body)

    minimum = 4096 if model.min_cacheable is None else model.min_cacheable
    assert all(routed.anchors[i].cumulative_tokens >= minimum for i in marked)
    assert routed.tokens.input == routed.tokens.cacheable + routed.tokens.volatile == plain.tokens.input
    assert routed.use_cache == bool(marked)
    assert routed.cost.uncached == plain.cost.uncached == plain.cost.this_request


@settings(max_examples=150, deadline=None)
@given(
    making.sections,
    systems,
    ttls,
    making.priors,
    limits,
    st.sampled_from([model for model in catalogue().models.values() if model.prices]),
)
def test_the_simulated_prompt_cache_bills_what_was_announced(
    sections: tuple[Section, ...], system: str | None, ttl: TtlChoice, prior: Prior, limit: int, model: Model
) -> None:
    """Sent twice to a server that keeps Anthropic's rules, a request costs what `this` and `next` said it would."""
    # Three times as long, so that the larger minimums are passed too
    sections = tuple(replace(section, text=section.text * 3) for section in sections)
    blocks = arrange(sections, system)
    tokens = [prompt_cache.count_tokens(block.text) for block in blocks]
    anchors = plan(blocks, tokens, model=model, ttl=ttl, max_anchors=limit, reuse=ByKind(prior))
    body = build(blocks, anchors, model=model.id, max_tokens=100)
    rules.check(body, version="2026-10-21")
    marks = [(anchor.cumulative_tokens, anchor.ttl) for anchor in anchors if anchor.cacheable]
    cost = request_cost(model, sum(tokens), marks, currency="USD")

    server = prompt_cache.PromptCache()
    first = server.plan(body, 0.0)
    server.commit(first)
    second = server.plan(body, 60.0)
    assert cost.this_request == pytest.approx(_billed(first.usage, model))
    assert cost.next_request == pytest.approx(_billed(second.usage, model))


def _billed(usage: Mapping[str, Any], model: Model) -> float:
    total = sum(usage[k] for k in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"))
    tier = next(tier for tier in model.prices if tier.up_to is None or total <= tier.up_to)
    return (
        float(
            usage["input_tokens"] * tier.input
            + usage["cache_creation"]["ephemeral_5m_input_tokens"] * tier.write_5m
            + usage["cache_creation"]["ephemeral_1h_input_tokens"] * tier.write_1h
            + usage["cache_read_input_tokens"] * tier.read
        )
        / 1_000_000
    )
