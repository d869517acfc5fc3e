"""Where the prompt-cache breakpoints go: after the blocks whose prefix is worth writing.

The rules are Anthropic's: at most four, a minimum prefix per model, 1h never after 5m. The choice is by price: writing
a prefix pays exactly when it is expected to be read more than (w - 1) / (1 - r) times before it expires, w and r being
the write and read prices over the input price. Of more boundaries than allowed, those that save the most are taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

from optafly_cli.models import SAFE_MINIMUM, Model
from optafly_cli.route.blocks import Block, BlockKind
from optafly_cli.route.pricing import Rates, rates
from optafly_cli.route.result import Anchor, AnchorKind, Ttl
from optafly_cli.route.reuse import Prior, Reads
from optafly_cli.wording import counted

MAX_ANCHORS = 4
"""The API answers 400 to a fifth."""

LONG_LIVED = ("system", "project_context")
"""Kinds for which a TTL of `auto` may become 1h."""

_SPAN: dict[Ttl, str] = {"5m": "5 min", "1h": "1 h"}


@dataclass(frozen=True, slots=True)
class _Place:
    """A block boundary under consideration; `saving` is per token and request, in input prices."""

    block: Block
    tokens: int
    cumulative: int
    ttl: Ttl
    reads: float
    saving: float
    why_not: str | None


def plan(
    blocks: Sequence[Block],
    tokens: Sequence[int],
    *,
    model: Model,
    ttl: Literal["5m", "1h", "auto"],
    max_anchors: int,
    prior: Prior,
) -> tuple[Anchor, ...]:
    """Every block boundary in the body's order, with the verdict on each.

    `tokens[i]` are those of `blocks[i]`. The `cacheable` anchors are to carry `cache_control`; the others say why not.
    """
    expected = prior.expected([block.kind for block in blocks])
    price = rates(model, sum(tokens))
    ttls = [
        _choose_ttl(block, reads, price) if ttl == "auto" else ttl
        for block, reads in zip(blocks, expected, strict=True)
    ]
    return _place(blocks, tokens, ttls, expected, model=model, max_anchors=max_anchors)


def replan(
    anchors: Sequence[Anchor], tokens: Sequence[int], *, model: Model, max_anchors: int = MAX_ANCHORS
) -> tuple[Anchor, ...]:
    """The same boundaries judged again with other token counts; TTLs and expected reads stay as they were."""
    blocks = [Block("instruction" if a.kind == "conversation" else a.kind, a.block, a.label, "") for a in anchors]
    expected = [Reads(anchor.expected_reads, anchor.expected_reads) for anchor in anchors]
    return _place(blocks, tokens, [a.ttl for a in anchors], expected, model=model, max_anchors=max_anchors)


def _place(
    blocks: Sequence[Block],
    tokens: Sequence[int],
    ttls: Sequence[Ttl],
    expected: Sequence[Reads],
    *,
    model: Model,
    max_anchors: int,
) -> tuple[Anchor, ...]:
    price = rates(model, sum(tokens))
    places = [
        _judge(block, own, upto, reads, model, price, ttl)
        for block, own, upto, reads, ttl in zip(blocks, tokens, accumulate(tokens), expected, ttls, strict=True)
    ]
    places = _promote(places, expected, price)
    return _rank(_select(places, max(0, min(max_anchors, MAX_ANCHORS))))


def _judge(
    block: Block,
    tokens: int,
    cumulative: int,
    expected: Reads,
    model: Model,
    price: Rates,
    ttl: Ttl,
) -> _Place:
    reads = expected.within(ttl)
    why_not = None
    if block.kind == "instruction":
        why_not = "the instruction changes every time"
    elif cumulative < (SAFE_MINIMUM if model.min_cacheable is None else model.min_cacheable):
        why_not = f"below the {minimum_of(model)} ({cumulative:,} tokens up to here)"
    elif reads <= price.threshold(ttl):
        why_not = f"expected {reads:.1f} reads in {_SPAN[ttl]}: writing costs more than it saves"
    return _Place(block, tokens, cumulative, ttl, reads, price.saving(reads, ttl), why_not)


def minimum_of(model: Model) -> str:
    """The model's minimum cacheable prefix in words, saying so where it had to be assumed."""
    if model.min_cacheable is None:
        return f"{SAFE_MINIMUM:,} minimum assumed for {model.id}, whose own is not published"
    return f"{model.min_cacheable:,} minimum of {model.id}"


def _choose_ttl(block: Block, expected: Reads, price: Rates) -> Ttl:
    """1h where it pays for itself and saves more than 5m would."""
    pays = expected.one_hour > price.threshold("1h")
    better = price.saving(expected.one_hour, "1h") > price.saving(expected.five_minutes, "5m")
    return "1h" if block.kind in LONG_LIVED and pays and better else "5m"


def _promote(places: Sequence[_Place], expected: Sequence[Reads], price: Rates) -> list[_Place]:
    """1h for every boundary before one that has 1h: the API refuses the reverse order."""
    last = max((i for i, place in enumerate(places) if place.why_not is None and place.ttl == "1h"), default=-1)
    promoted = list(places)
    for i in range(last):
        reads = expected[i].one_hour
        promoted[i] = replace(places[i], ttl="1h", reads=reads, saving=price.saving(reads, "1h"))
    return promoted


def _select(places: Sequence[_Place], limit: int) -> list[_Place]:
    """At most `limit` boundaries without a `why_not`; the ones that lost say to whom."""
    worth = [i for i, place in enumerate(places) if place.why_not is None]
    chosen = {worth[j] for j in best([places[i].cumulative for i in worth], [places[i].saving for i in worth], limit)}
    names = ", ".join(places[i].block.label for i in sorted(chosen))
    reason = "no anchors are allowed (max_anchors is 0)"
    if chosen:
        reason = f"only {counted(len(chosen), 'anchor')}: more is saved after {names}"
    return [replace(p, why_not=reason) if i in worth and i not in chosen else p for i, p in enumerate(places)]


def best(cumulative: Sequence[int], savings: Sequence[float], limit: int) -> tuple[int, ...]:
    """The positions, at most `limit`, that save the most together.

    A token counts for the first chosen position at or after it: sum of (cumulative[i] - cumulative[previous]) *
    savings[i]. Exact, by dynamic programming over the last position, in O(limit * n^2).
    """
    if limit <= 0 or not cumulative:
        return ()
    plans: list[tuple[float, tuple[int, ...]]] = [
        (upto * saving, (i,)) for i, (upto, saving) in enumerate(zip(cumulative, savings, strict=True))
    ]
    for _ in range(min(limit, len(plans)) - 1):
        plans = [
            max(
                [plans[i]]
                + [
                    (value + (cumulative[i] - cumulative[chosen[-1]]) * savings[i], (*chosen, i))
                    for value, chosen in plans[:i]
                ],
                key=_value_then_count,
            )
            for i in range(len(plans))
        ]
    return max(plans, key=_value_then_count)[1]


def _value_then_count(plan: tuple[float, tuple[int, ...]]) -> tuple[float, int]:
    """A further breakpoint costs nothing and can only help a later request that shares less."""
    return plan[0], len(plan[1])


def _shown_kind(kind: BlockKind) -> AnchorKind:
    match kind:
        case "instruction" | "tool_results":
            return "conversation"
        case _:
            return kind


def _rank(places: Sequence[_Place]) -> tuple[Anchor, ...]:
    """Priority 1 for what saves the most: its own tokens since the anchor before it, times the saving per token."""
    worth: list[float] = []
    previous = 0
    for place in places:
        worth.append((place.cumulative - previous) * place.saving)
        if place.why_not is None:
            previous = place.cumulative
    order = sorted(range(len(places)), key=lambda i: (places[i].why_not is not None, -worth[i], i))
    priority = {i: rank for rank, i in enumerate(order, start=1)}
    return tuple(
        Anchor(
            index=i,
            kind=_shown_kind(place.block.kind),
            block=place.block.place,
            label=place.block.label,
            tokens=place.tokens,
            cumulative_tokens=place.cumulative,
            ttl=place.ttl,
            priority=priority[i],
            cacheable=place.why_not is None,
            why_not=place.why_not,
            expected_reads=place.reads,
        )
        for i, place in enumerate(places)
    )
