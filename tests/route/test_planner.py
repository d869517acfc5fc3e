"""The planner against trying everything, and rule by rule."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optafly_cli.models import Model
from optafly_cli.route.envelope import Envelope
from optafly_cli.route.planner import allowed, place, placeable, situation
from optafly_cli.route.pricing import Rates, rates
from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import Reads
from optafly_cli.route.shape import BlockShape, RequestShape, prefixes
from optafly_cli.route.simulator.prompt_cache import PromptCache
from optafly_cli.route.simulator.rules import RuleBrokenError, check
from tests.route.making import DOLLAR, SMALL, request, text

OFTEN = Reads(5.0, 5.0)


def placed(blocks: Sequence[BlockShape], reads: Sequence[Reads] | Reads = OFTEN, **options: Any) -> dict[int, Ttl]:
    """The anchors of a request of these blocks."""
    shape = request(*blocks)
    expected = [reads] * len(blocks) if isinstance(reads, Reads) else reads
    return place(shape, prefixes(shape), expected, **{"model": SMALL, "ttl": "5m", **options})


def test_the_end_of_what_is_read_alike_is_marked() -> None:
    """Of blocks that are expected to be read as often the last is enough."""
    assert placed(text(200, 200, 200)) == {2: "5m"}


def test_each_kind_gets_its_own_anchor_where_there_is_room() -> None:
    """It costs nothing, and another request may share the system prompt and no more."""
    assert placed([*text(200, kind="system"), *text(0, 200, 200)[1:]]) == {0: "5m", 2: "5m"}


def test_nothing_is_placed_at_or_behind_an_instruction() -> None:
    """What follows text that changes every time is never read again, whatever an estimate says."""
    blocks = [*text(200), *text(200, kind="instruction", name="ask"), *text(200, name="more")]
    assert placed(blocks) == {0: "5m"}


def test_thinking_and_empty_texts_get_no_anchor() -> None:
    """The block before them does."""
    thinking = BlockShape("t", 200, "conversation", "thinking")
    assert placed([*text(200), thinking, *text(0)]) == {0: "5m"}


@pytest.mark.parametrize(("entry", "needed"), [(19, 2), (29, 2), (30, 1)])
def test_an_entry_that_is_too_far_back_gets_an_anchor(entry: int, needed: int) -> None:
    """The tail's look-back ends after 20 positions: what lies before that is found from an anchor of its own."""
    blocks = text(*[100] * 50)
    cache = PromptCache()
    cache.send(request(*blocks[: entry + 1]), {entry: "5m"}, SMALL)
    anchors = placed(blocks, live={entry: "5m"}, max_anchors=needed)
    assert cache.send(request(*blocks, at=1), anchors, SMALL).read == (entry + 1) * 100
    assert 49 in anchors


def test_what_is_in_the_cache_costs_nothing_to_mark() -> None:
    """An entry that is there is read even where writing it would not have paid."""
    seldom = Reads(0.1, 0.1)
    assert placed(text(200, 200), seldom) == {}
    assert placed(text(200, 200), seldom, live={0: "5m"}) == {0: "5m"}


def test_an_hour_behind_what_is_read_carries_it_on() -> None:
    """What lives for five minutes and comes again within the hour is worth a few more tokens written for it."""
    later = Reads(0.0, 1.0)
    assert placed(text(200, 200), later, ttl="auto") == {}
    assert placed(text(200, 200), later, ttl="auto", live={0: "5m"}, max_anchors=1) == {1: "1h"}


def test_the_clients_own_markers_stay_and_take_their_places() -> None:
    """Two of the client's leave two, and the order of the TTLs holds among all of them."""
    blocks = text(*[200] * 6)
    blocks[1], blocks[3] = replace(blocks[1], mark="1h"), replace(blocks[3], mark="5m")
    falling = [Reads(9 - i, 99 - i) for i in range(6)]
    assert placed(blocks, falling, ttl="auto") == {1: "1h", 2: "1h", 3: "5m", 5: "5m"}


def test_four_of_the_clients_leave_none() -> None:
    """Nor does an automatic one leave more than three."""
    blocks = [replace(block, mark="5m") for block in text(*[200] * 4)]
    assert placed([*blocks, *text(200, name="more")]) == dict.fromkeys(range(4), "5m")
    shape = request(*text(*[200] * 6), automatic="5m")
    falling = [Reads(9 - i, 9 - i) for i in range(6)]
    assert len(place(shape, prefixes(shape), falling, model=SMALL)) == 4


def test_an_hour_is_chosen_where_it_saves_more() -> None:
    """A system prompt that comes back after ten minutes, and a conversation that goes on at once."""
    blocks = [*text(500, kind="system"), *text(0, 500)[1:]]
    assert placed(blocks, [Reads(0.5, 9.0), Reads(0.5, 0.5)], ttl="auto") == {0: "1h", 1: "5m"}


FIGURES = st.sampled_from([chance / (64 - chance) for chance in (0, 6, 13, 14, 15, 21, 32, 35, 48, 61)])
"""Reads whose chances are 64ths, as the planner counts them."""
BLOCK = st.builds(
    BlockShape,
    st.just("d"),
    st.integers(0, 60),
    st.sampled_from(["system", "conversation", "conversation", "conversation", "instruction"]),
    st.sampled_from(["text", "text", "text", "tool_use", "thinking"]),
)
READS = st.builds(Reads, FIGURES, FIGURES)


@st.composite
def situations(draw: st.DrawFn) -> tuple[RequestShape, list[Reads], dict[int, Ttl]]:
    """A request of up to 7 blocks that may stand far apart, estimates, and entries in the cache."""
    blocks = draw(st.lists(BLOCK, min_size=1, max_size=7))
    expected = draw(st.lists(READS, min_size=len(blocks), max_size=len(blocks)))
    places = [i for i, block in enumerate(blocks) if block.markable]
    own = draw(st.dictionaries(st.sampled_from(places), TTLS, max_size=2)) if places else {}
    live = draw(st.dictionaries(st.sampled_from(places), TTLS, max_size=3)) if places else {}
    marked = tuple(replace(block, mark=own.get(i)) for i, block in enumerate(blocks))
    return RequestShape("small", marked), expected, live


TTLS: st.SearchStrategy[Ttl] = st.sampled_from(["5m", "1h"])
MODELS = st.sampled_from(
    [
        replace(SMALL, min_cacheable=0),
        replace(SMALL, min_cacheable=50),
        replace(SMALL, min_cacheable=0, prices=(replace(DOLLAR, read=0.025, write_1h=1.6),)),
    ]
)


def _carried_on() -> tuple[RequestShape, list[Reads], dict[int, Ttl]]:
    """What is read lives for 5 minutes: of the blocks behind it the first carries it on for an hour most cheaply."""
    blocks = (("system", 1), ("system", 1), ("system", 8), ("conversation", 1), ("conversation", 1))
    shape = RequestShape("small", tuple(BlockShape("d", tokens, kind) for kind, tokens in blocks))  # type: ignore[arg-type]
    return shape, [Reads(0.0, 3 / 29)] * 5, {0: "5m", 2: "5m"}


@example(_carried_on(), replace(SMALL, min_cacheable=0), 1, "auto", 1)
@settings(max_examples=300, deadline=None)
@given(situations(), MODELS, st.integers(0, 4), st.sampled_from(["auto", "5m", "1h"]), st.sampled_from([1, 4, 20]))
def test_the_choice_is_as_good_as_trying_everything(
    case: tuple[RequestShape, list[Reads], dict[int, Ttl]], model: Model, limit: int, ttl: Any, spread: int
) -> None:
    """No set of breakpoints that the rules allow is worth more by the planner's own figures."""
    shape, expected, live = case
    try:
        check(shape, shape.own_marks)
    except RuleBrokenError:
        return
    ends = [replace(end, position=end.position * spread) for end in prefixes(shape)]
    facts = situation(shape, ends, expected, model=model, live=live, ttls=[allowed(ttl)] * len(ends))
    free = [i for i in placeable(facts) if i not in shape.own_marks]
    ttls: Sequence[Ttl] = ("5m", "1h") if ttl == "auto" else (ttl,)
    places = sorted({*placeable(facts), *(i for i in shape.own_marks if ends[i].tokens >= (model.min_cacheable or 0))})
    values = []
    for size in range(min(limit, 4 - len(shape.own_marks), len(free)) + 1):
        for chosen in combinations(free, size):
            for times in product(ttls, repeat=size):
                marks = {**shape.own_marks, **dict(zip(chosen, times, strict=True))}
                if _allowed(shape, marks):
                    values.append(_worth(marks, facts.expected, ends, live, model, facts.ttls, places))
    got = place(shape, ends, expected, model=model, live=live, ttl=ttl, max_anchors=limit)
    check(shape, got)
    assert {i: got[i] for i in shape.own_marks} == shape.own_marks
    volatile = [i for i, block in enumerate(shape.blocks) if block.kind == "instruction"]
    assert all(i < min(volatile, default=99) for i in got if i not in shape.own_marks)
    assert _worth(got, facts.expected, ends, live, model, facts.ttls, places) == pytest.approx(max(values), abs=1e-4)


def _allowed(shape: RequestShape, marks: Mapping[int, Ttl]) -> bool:
    try:
        check(shape, marks)
    except RuleBrokenError:
        return False
    return True


def _worth(
    marks: Mapping[int, Ttl],
    expected: Sequence[Reads],
    ends: Sequence[Any],
    live: Mapping[int, Ttl],
    model: Model,
    ttls: Sequence[Sequence[Ttl]],
    places: Sequence[int],
) -> float:
    """In tokens at the input price: what is read now, less the premium of what is written, and what is spared later."""
    price: Rates = rates(model, ends[-1].tokens)
    minimum = model.min_cacheable or 0
    marks = {i: ttl for i, ttl in sorted(marks.items()) if ends[i].tokens >= minimum}
    found = [
        entry
        for entry in live
        if ends[entry].tokens >= minimum
        and any(entry <= i and ends[i].position - 19 <= ends[entry].position for i in marks)
    ]
    hit = max(found, default=None)
    read = 0 if hit is None else ends[hit].tokens
    worth = read * (1 - price.read)
    before = 0
    for i, ttl in marks.items():
        lasts: Ttl = live.get(i, "5m" if hit is not None and i <= hit and live[hit] == "5m" else ttl)
        # No less than it would be worth in a longer prefix
        worth += (ends[i].tokens - before) * max(_entry(expected[j], lasts, ttls[j], price) for j in places if j >= i)
        worth -= max(0, ends[i].tokens - max(before, read)) * (price.write(ttl) - 1)
        before = ends[i].tokens
    return worth


def _entry(reads: Reads, lasts: Ttl, ttls: Sequence[Ttl], price: Rates) -> float:
    """What an entry saves of the requests to come, per token: by following both courses until they are alike.

    Whoever finds it pays r and leaves it again; whoever does not pays w and leaves one of the best TTL, or pays 1 and
    leaves none where no TTL saves anything.
    """
    best = max(ttls, key=lambda ttl: price.saving(reads.within(ttl), ttl))
    pays = price.saving(reads.within(best), best) > 1e-12
    chance = reads.within(lasts) / (1 + reads.within(lasts))
    fresh = reads.within(best) / (1 + reads.within(best)) * (price.write(best) - price.read) if pays else 0.0
    without = price.write(best) - fresh if pays else 1.0
    worth, before = 0.0, -1.0
    while worth - before > 1e-9:
        worth, before = chance * (without - price.read + worth), worth
    return worth


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(-100, 100)), min_size=1, max_size=30),
    st.lists(st.integers(-20, 20), min_size=1, max_size=5),
)
def test_an_envelope_is_the_highest_of_its_lines(lines: list[tuple[int, int]], places: list[int]) -> None:
    """Wherever it is asked, and whatever was added in between."""
    envelope: Envelope[tuple[int, int]] = Envelope()
    added: list[tuple[int, int]] = []
    assert envelope.best(0) is None
    for slope, value in sorted(lines):
        envelope.add(slope, value, (slope, value))
        added.append((slope, value))
        for x in places:
            best = envelope.best(x)
            assert best is not None
            assert best[0] == max(value - slope * x for slope, value in added)
            assert best[1] in added
