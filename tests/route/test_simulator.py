"""The simulated prompt cache, rule by rule, and held against the independent one of the tests' Messages API."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.models import catalogue
from optafly_cli.route.result import Ttl
from optafly_cli.route.shape import BlockShape, RequestShape
from optafly_cli.route.simulator.prompt_cache import Bill, PromptCache
from optafly_cli.route.simulator.rules import RuleBrokenError, check
from tests.fakes import prompt_cache, rules
from tests.route.making import SMALL, request, text

SONNET = catalogue().get("claude-sonnet-5-5")


def send(
    cache: PromptCache, blocks: Sequence[BlockShape], marks: Mapping[int, Ttl], at: float, after: float = 0
) -> Bill:
    """One request to a cache of the small model: its minimum is 100 tokens."""
    return cache.send(request(*blocks, at=at, begins_after=after), marks, SMALL)


def test_a_write_happens_only_at_a_breakpoint() -> None:
    """What was not marked is not there to be read, however often it was sent."""
    cache = PromptCache()
    assert send(cache, text(200, 200), {}, 0) == Bill(0, 0, 0, 400)
    assert send(cache, text(200, 200), {0: "5m"}, 1) == Bill(0, 0, 200, 200)
    assert send(cache, text(200, 200), {1: "5m"}, 2) == Bill(200, 0, 200, 0)
    assert send(cache, text(200, 200), {}, 3) == Bill(0, 0, 0, 400)


def test_any_change_before_a_breakpoint_is_a_miss() -> None:
    """The prefix is compared as a whole."""
    cache = PromptCache()
    send(cache, text(200, 200), {1: "5m"}, 0)
    assert send(cache, [*text(200, name="other"), *text(0, 200)[1:]], {1: "5m"}, 1).read == 0


def test_models_and_credentials_share_nothing() -> None:
    """An entry is of one model, and of one workspace."""
    cache = PromptCache()
    cache.send(request(*text(200)), {0: "5m"}, SMALL)
    assert cache.send(request(*text(200), credential="b"), {0: "5m"}, SMALL).read == 0
    assert cache.send(request(*text(200), model="another"), {0: "5m"}, SMALL).read == 0
    assert cache.send(request(*text(200)), {0: "5m"}, SMALL).read == 200


def test_below_the_minimum_nothing_is_written_and_nothing_refused() -> None:
    """The minimum is that of the whole prefix, and exactly it is enough."""
    cache = PromptCache()
    assert send(cache, text(99), {0: "5m"}, 0) == Bill(0, 0, 0, 99)
    assert send(cache, text(99), {0: "5m"}, 1) == Bill(0, 0, 0, 99)
    assert send(cache, text(99, 1), {0: "5m", 1: "5m"}, 2) == Bill(0, 0, 100, 0)


@pytest.mark.parametrize(("ttl", "life"), [("5m", 300), ("1h", 3600)])
def test_an_entry_lives_from_the_start_of_the_request_and_every_read_renews_it(ttl: Ttl, life: int) -> None:
    """Until just before its time is over, counted anew from each read."""
    cache = PromptCache()
    send(cache, text(200), {0: ttl}, 0, after=100)
    assert send(cache, text(200), {0: ttl}, life - 1).read == 200
    assert send(cache, text(200), {0: ttl}, 2 * life - 2).read == 200
    assert send(cache, text(200), {0: ttl}, 3 * life - 2).read == 0


def test_a_read_keeps_the_time_to_live_that_was_written() -> None:
    """Reading an entry of an hour with a breakpoint of five minutes leaves it an hour."""
    cache = PromptCache()
    send(cache, text(200), {0: "1h"}, 0)
    send(cache, text(200), {0: "5m"}, 10)
    assert send(cache, text(200), {0: "5m"}, 3000).read == 200


def test_what_costs_nothing_lives_no_longer_than_what_was_read() -> None:
    """A breakpoint of an hour within what is read for five minutes writes nothing, and gets no hour."""
    cache = PromptCache()
    send(cache, text(200, 200), {1: "5m"}, 0)
    assert send(cache, text(200, 200), {0: "1h", 1: "5m"}, 10) == Bill(400, 0, 0, 0)
    assert send(cache, text(200), {0: "5m"}, 1000).read == 0


def test_an_entry_can_be_read_once_the_answer_has_begun() -> None:
    """Requests that are sent side by side all miss."""
    cache = PromptCache()
    assert send(cache, text(200), {0: "5m"}, 0, after=2).read == 0
    assert send(cache, text(200), {0: "5m"}, 1.9, after=2).read == 0
    assert send(cache, text(200), {0: "5m"}, 2, after=2).read == 200


@pytest.mark.parametrize(("at", "found"), [(20, True), (21, False)])
def test_a_read_looks_back_over_twenty_positions(at: int, found: bool) -> None:
    """The breakpoint's own is the first: from the 20th block the first is seen, from the 21st it is not."""
    cache = PromptCache()
    blocks = text(*[100] * 21)
    send(cache, blocks[:1], {0: "5m"}, 0)
    assert bool(send(cache, blocks[:at], {at - 1: "5m"}, 1).read) is found


def test_the_look_back_goes_on_from_the_breakpoint_before() -> None:
    """A second breakpoint near the entry finds it, however far behind the last one is."""
    cache = PromptCache()
    blocks = text(*[100] * 60)
    send(cache, blocks[:1], {0: "5m"}, 0)
    assert send(cache, blocks, {19: "5m", 59: "5m"}, 1).read == 100


def test_a_run_of_tool_blocks_is_one_position() -> None:
    """Consecutive calls count as one, consecutive results too, and texts each for themselves."""
    cache = PromptCache()
    calls = [BlockShape(f"c{i}", 10, "conversation", "tool_use") for i in range(30)]
    results = [BlockShape(f"r{i}", 10, "tool_results", "tool_result") for i in range(30)]
    send(cache, text(200), {0: "5m"}, 0)
    assert send(cache, [*text(200), *calls, *results], {60: "5m"}, 1).read == 200


def test_mixed_times_are_billed_in_three_stretches() -> None:
    """Up to the hit at the read price, to the last of an hour at that price, to the last at the price of 5 minutes."""
    cache = PromptCache()
    send(cache, text(100), {0: "1h"}, 0)
    assert send(cache, text(100, 200, 300, 400), {1: "1h", 2: "5m"}, 1) == Bill(100, 200, 300, 400)


def test_a_long_prompts_price_bills_all_of_it() -> None:
    """One token over the step, and what is read and written costs the higher price too."""
    haiku = catalogue().get("claude-haiku-5-5")
    assert Bill(50_000, 0, 25_000, 25_000).cost(haiku) == pytest.approx((50 * 0.01 + 25 * 0.125 + 25 * 0.1) / 1e3)
    assert Bill(50_001, 0, 25_000, 25_000).cost(haiku) == pytest.approx((50.001 * 0.05 + 25 * 0.625 + 25 * 0.5) / 1e3)


@pytest.mark.parametrize(
    ("blocks", "marks", "said"),
    [
        (text(*[1] * 5), dict.fromkeys(range(5), "5m"), "A maximum of 4 blocks with cache_control may be provided"),
        (text(1, 1), {0: "5m", 1: "1h"}, "a ttl='1h' cache_control block must not come after a ttl='5m'"),
        (text(0), {0: "5m"}, "cache_control cannot be set for empty text blocks"),
        ([BlockShape("t", 9, "conversation", "thinking")], {0: "5m"}, "cannot be set for thinking blocks"),
        (text(1), {1: "5m"}, "there is no block 1"),
    ],
)
def test_what_the_api_refuses_is_refused(blocks: Sequence[BlockShape], marks: Mapping[int, Ttl], said: str) -> None:
    """With the API's own sentences."""
    with pytest.raises(RuleBrokenError, match=said):
        check(request(*blocks), marks)


def test_the_automatic_breakpoint_is_the_last_block_that_can_be_marked() -> None:
    """It takes one of the four places, steps over what cannot be marked, and agrees with a mark that is there."""
    thinking = BlockShape("t", 9, "conversation", "thinking")
    assert request(*text(1, 1), thinking, automatic="5m").own_marks == {1: "5m"}
    marked = BlockShape("m", 9, "conversation", mark="5m")
    assert request(*text(1), marked, automatic="5m").own_marks == {1: "5m"}
    with pytest.raises(RuleBrokenError, match="the last block already has a cache_control with a different ttl"):
        check(request(*text(1), marked, automatic="1h"), {1: "5m"})


MARKS = st.sampled_from([None, None, "5m", "1h"])
BLOCKS = st.one_of(
    st.tuples(st.just("text"), st.sampled_from([300, 900, 2000, 5000]), MARKS),
    st.tuples(st.sampled_from(["tool_use", "tool_result"]), st.sampled_from([300, 2000]), MARKS),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 100, 299, 300, 301, 2000, 3599, 3600]),
        st.sampled_from([0, 0, 5, 400]),
        st.integers(0, 3),
        st.lists(BLOCKS, min_size=1, max_size=6),
        st.integers(0, 30),
        st.sampled_from([None, None, None, "5m", "1h"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.sampled_from(["claude-sonnet-5-5", "claude-sonnet-5", "claude-opus-4-6", "claude-haiku-5-5"]))
def test_both_simulations_bill_the_same(steps: list[Any], model: str) -> None:
    """This one and the tests' Messages API, written apart, agree on every request of every trace, and on every 400."""
    ours, theirs = PromptCache(), prompt_cache.PromptCache()
    waiting: list[tuple[float, int, prompt_cache.Plan]] = []
    now = 0.0
    for number, (gap, after, tree, blocks, filler, automatic) in enumerate(steps):
        now += gap
        waiting.sort(key=lambda item: item[:2])
        while waiting and waiting[0][0] <= now:
            theirs.commit(waiting.pop(0)[2])
        body = _body(tree, blocks, filler, automatic, model)
        shape = _shape(body, now, after)
        try:
            rules._breakpoints(body)
        except rules.Rejected:
            with pytest.raises(RuleBrokenError):
                check(shape, shape.own_marks)
            continue
        plan = theirs.plan(body, now)
        waiting.append((now + after, number, plan))
        assert ours.send(shape, shape.own_marks, catalogue().get(model)) == _bill(plan.usage)


def _body(tree: int, blocks: Any, filler: int, automatic: Any, model: str) -> dict[str, Any]:
    """A body whose blocks are the same for every request of the same `tree`, and small ones before the last."""
    content: list[dict[str, Any]] = []
    for i, (kind, size, mark) in enumerate([*blocks[:-1], *[("text", 4, None)] * filler, blocks[-1]]):
        word = f"{tree}-{i}-"
        block: dict[str, Any] = {"type": kind}
        match kind:
            case "text":
                block["text"] = word * (size // len(word) + 1)
            case "tool_use":
                block |= {"id": "t", "name": "look", "input": {"a": word * size}}
            case _:
                block |= {"tool_use_id": "t", "content": word * size}
        content.append(block | ({"cache_control": {"type": "ephemeral", "ttl": mark}} if mark else {}))
    body: dict[str, Any] = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": content}]}
    return body | ({"cache_control": {"type": "ephemeral", "ttl": automatic}} if automatic else {})


def _shape(body: Mapping[str, Any], at: float, after: float) -> RequestShape:
    blocks = []
    for path, _, block in rules.all_blocks(body):
        plain = {name: value for name, value in block.items() if name != "cache_control"}
        mark = (block.get("cache_control") or {}).get("ttl")
        tokens = prompt_cache.block_tokens(block)
        blocks.append(BlockShape(f"{path}{plain}", tokens, "conversation", block["type"], mark))
    automatic = (body.get("cache_control") or {}).get("ttl")
    return RequestShape(body["model"], tuple(blocks), at, after, automatic=automatic)


def _bill(usage: Mapping[str, Any]) -> Bill:
    written = usage["cache_creation"]
    return Bill(
        usage["cache_read_input_tokens"],
        written["ephemeral_1h_input_tokens"],
        written["ephemeral_5m_input_tokens"],
        usage["input_tokens"],
    )
