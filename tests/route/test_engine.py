"""`route` from a refined prompt to the body, with the real token counter."""

import json
from dataclasses import replace

import pytest

from optafly_cli.config.settings import RouteSettings
from optafly_cli.errors import UsageError
from optafly_cli.models import Model, catalogue
from optafly_cli.refine.result import Section
from optafly_cli.route.engine import recounted, route
from optafly_cli.route.result import RoutedRequest
from optafly_cli.tokens.counter import counter_for
from tests.fakes import rules
from tests.route.making import prose, refined

SONNET = catalogue().get("claude-sonnet-5")
ASK = Section("instruction", "prompt", "fix this bug")
PROJECT = Section("project_context", "project", prose(2000, "outline"))
FILE = Section("file_reference", "src/main.rs", prose(2000, "code"))


def _route(
    *sections: Section,
    model: Model = SONNET,
    system: str | None = None,
    max_tokens: int = 1000,
    settings: RouteSettings | None = None,
) -> RoutedRequest:
    return route(
        refined(*sections),
        model=model,
        system=system,
        max_tokens=max_tokens,
        ttl="auto",
        settings=settings or RouteSettings(),
        counter=counter_for(model),
    )


def test_lone_instruction_is_a_plain_request() -> None:
    """A prompt without context is one text block, without anchors, and the reason says why."""
    routed = _route(ASK)
    assert routed.body == {
        "model": "claude-sonnet-5",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "fix this bug"}]}],
    }
    assert not routed.use_cache
    assert routed.reason == "nothing stands before the instruction, which changes every time"
    assert routed.cost.this_request == routed.cost.uncached


def test_stable_context_is_anchored() -> None:
    """System, project context and file get an anchor each; the instruction stays outside of the cached prefix."""
    routed = _route(PROJECT, FILE, ASK, system=prose(1500, "rule"))
    marked = [block.get("cache_control") for block in routed.body["messages"][0]["content"]]
    assert routed.body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert marked == [{"type": "ephemeral"}, {"type": "ephemeral"}, None]
    assert routed.use_cache
    assert routed.reason.endswith("up to: system prompt (5m), project (5m), src/main.rs (5m)")
    assert routed.tokens.cacheable == routed.anchors[2].cumulative_tokens
    rules.check(dict(routed.body), version="2026-10-21")


def test_an_hour_is_written_in_the_marker() -> None:
    """With a TTL of one hour the marker says `ttl: 1h`."""
    routed = route(
        refined(ASK),
        model=SONNET,
        system=prose(3000),
        max_tokens=10,
        ttl="1h",
        settings=RouteSettings(),
        counter=counter_for(SONNET),
    )
    assert routed.body["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_short_context_says_that_it_is_below_the_minimum() -> None:
    """A prefix below the minimum is not marked, and the reason names block, minimum, model and tokens."""
    routed = _route(Section("file_reference", "a.py", "x = 1"), ASK)
    tokens = routed.anchors[0].cumulative_tokens
    assert routed.reason == f"a.py: below the 1,024 minimum of claude-sonnet-5 ({tokens} tokens up to here)"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (RouteSettings(anchors=False), "anchors are off ([route] anchors = false)"),
        (RouteSettings(enabled=False), "routing is off ([route] enabled = false)"),
    ],
)
def test_settings_switch_anchors_off(settings: RouteSettings, reason: str) -> None:
    """Without anchors nothing is marked and the price is the plain one."""
    routed = _route(PROJECT, FILE, ASK, system=prose(2000), settings=settings)
    assert (routed.use_cache, routed.anchors, routed.reason) == (False, (), reason)
    assert "cache_control" not in json.dumps(routed.body)
    assert routed.cost.break_even_requests is None


def test_repeated_sections_are_counted_as_removed() -> None:
    """What the optimiser leaves out is missing from the body and reported in tokens."""
    again = replace(FILE, kind="code_block", label="src/main.rs:1-9")
    routed = _route(FILE, again, ASK)
    assert len(routed.body["messages"][0]["content"]) == 2
    assert routed.tokens.removed == routed.optimisation.removed_redundancy == counter_for(SONNET).count(FILE.text)


def test_optimisation_can_be_switched_off() -> None:
    """With token_optimisation off, or routing off, every section is sent as it is."""
    again = replace(FILE, kind="code_block", label="src/main.rs:1-9")
    for settings in (RouteSettings(token_optimisation=False), RouteSettings(enabled=False)):
        routed = _route(FILE, again, ASK, settings=settings)
        assert len(routed.body["messages"][0]["content"]) == 3
        assert routed.tokens.removed == 0


def test_prompt_over_the_window_is_refused() -> None:
    """A prompt that the model cannot read is a usage error that names both sizes."""
    tiny = replace(SONNET, context_window=500)
    with pytest.raises(UsageError, match=r"the prompt has about [\d,]+ tokens, more than the 500-token window of") as e:
        _route(FILE, ASK, model=tiny, max_tokens=10)
    assert e.value.remedy


@pytest.mark.parametrize("max_tokens", [0, -5, 2_000_000])
def test_impossible_max_tokens_is_refused(max_tokens: int) -> None:
    """An answer of less than one token, or of more than the window, cannot be asked for."""
    with pytest.raises(UsageError, match="max_tokens"):
        _route(ASK, max_tokens=max_tokens)


@pytest.mark.parametrize("sections", [(), (FILE,), (FILE, Section("instruction", "prompt", " \n"))])
def test_nothing_to_ask_is_refused(sections: tuple[Section, ...]) -> None:
    """Context without an instruction is no question."""
    with pytest.raises(UsageError, match="the prompt is empty"):
        _route(*sections)


def test_what_is_not_published_is_said() -> None:
    """For a model without a published minimum or price, the reason says what was assumed."""
    unknown = replace(SONNET, id="claude-next", min_cacheable=None, prices=())
    routed = _route(Section("file_reference", "a.py", prose(6000)), ASK, model=unknown)
    assert routed.use_cache
    assert "the 4,096 minimum assumed for claude-next, whose own is not published" in routed.reason
    assert "the prices of claude-next are not published" in routed.reason
    assert routed.cost.uncached is None


def test_same_input_gives_the_same_bytes() -> None:
    """Two identical calls make byte-identical bodies, and another instruction leaves the prefix's bytes alone."""
    first, second = (_route(PROJECT, FILE, ASK, system=prose(900)) for _ in range(2))
    assert json.dumps(first.body) == json.dumps(second.body)
    other = _route(PROJECT, FILE, replace(ASK, text="explain this"), system=prose(900))
    stop = json.dumps(first.body).index("fix this bug")
    assert json.dumps(other.body)[:stop] == json.dumps(first.body)[:stop]


def test_recount_with_the_estimate_changes_nothing_but_the_method() -> None:
    """When the endpoint counts what was estimated, body, anchors and price stay; the method is count_tokens."""
    routed = _route(PROJECT, FILE, ASK, system=prose(1500, "rule"))
    exact = recounted(routed, routed.tokens.input, SONNET)
    assert exact == replace(routed, tokens=replace(routed.tokens, method="count_tokens", margin=0.0))


def test_recount_bills_the_endpoints_total() -> None:
    """Blocks are scaled to the endpoint's total, and the price is of that total."""
    routed = _route(PROJECT, FILE, ASK)
    total = routed.tokens.input * 2 + 1
    exact = recounted(routed, total, SONNET)
    assert exact.tokens.input == exact.anchors[-1].cumulative_tokens == sum(a.tokens for a in exact.anchors) == total
    assert exact.cost.uncached == pytest.approx(total * 2 / 1e6)
    assert exact.body == routed.body


def test_recount_moves_anchors_across_the_minimum() -> None:
    """A prefix that turns out to be below the minimum loses its marker, one that turns out above it gains one."""
    routed = _route(Section("file_reference", "a.py", prose(2000)), ASK)
    assert routed.use_cache
    short = recounted(routed, 900, SONNET)
    assert not short.use_cache
    assert short.anchors[0].why_not is not None
    assert short.anchors[0].why_not.startswith("below the 1,024 minimum")
    assert "cache_control" not in json.dumps(short.body)
    assert recounted(short, routed.tokens.input, SONNET).body == routed.body


def test_recount_without_anchors_keeps_the_body() -> None:
    """Where anchors are off a recount changes the figures and not the request."""
    routed = _route(FILE, ASK, settings=RouteSettings(anchors=False))
    exact = recounted(routed, 5000, SONNET)
    assert (exact.body, exact.reason, exact.tokens.input) == (routed.body, routed.reason, 5000)


def test_recount_over_the_window_is_refused() -> None:
    """A prompt that was estimated to fit and does not is refused like any other."""
    with pytest.raises(UsageError, match="more than the 1,000,000-token window"):
        recounted(_route(ASK), 1_000_001, SONNET)
