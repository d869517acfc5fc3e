"""Where the prompt-cache breakpoints go, with the verdict on every block in words: what `route` shows.

The planner chooses (`route.planner`); here is why.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate

from optafly_cli.models import SAFE_MINIMUM, Model
from optafly_cli.route.blocks import Block, BlockKind
from optafly_cli.route.planner import Situation, TtlChoice, allowed, choose, situation
from optafly_cli.route.result import Anchor, AnchorKind, Ttl
from optafly_cli.route.reuse import Reads, Reuse
from optafly_cli.route.shape import MAX_ANCHORS, BlockShape, Marks, Prefix, RequestShape, minimum_for, prefixes
from optafly_cli.wording import counted

_SPAN: dict[Ttl, str] = {"5m": "5 min", "1h": "1 h"}


def plan(
    blocks: Sequence[Block],
    tokens: Sequence[int],
    *,
    model: Model,
    ttl: TtlChoice,
    max_anchors: int,
    reuse: Reuse,
    digests: Sequence[str] = (),
    at: float = 0.0,
    live: Callable[[Sequence[Prefix]], Marks] = lambda _: {},
) -> tuple[Anchor, ...]:
    """Every block boundary in the body's order, with the verdict on each.

    `tokens[i]` are those of `blocks[i]`. An estimate that knows what was sent before knows it by `digests`
    (`messages.digests_of`) and asks for the time, `at`; `live` gives the prefixes that are in the prompt cache. The
    `cacheable` anchors are to carry `cache_control`; the others say why not.
    """
    names = digests or [str(i) for i in range(len(blocks))]
    shapes = (BlockShape(n, own, block.kind) for n, own, block in zip(names, tokens, blocks, strict=True))
    request = RequestShape(model.id, tuple(shapes), at)
    ends = prefixes(request)
    expected = reuse.expected(request, ends)
    given = situation(request, ends, expected, model=model, live=live(ends), ttls=[allowed(ttl)] * len(ends))
    return _judged(given, [(block.place, block.label) for block in blocks], max_anchors)


def replan(
    anchors: Sequence[Anchor], tokens: Sequence[int], *, model: Model, max_anchors: int = MAX_ANCHORS
) -> tuple[Anchor, ...]:
    """The same boundaries judged again with other token counts; TTLs and expected reads stay as they were."""
    # In a body of `route` only the instruction is shown as conversation
    kinds: list[BlockKind] = ["instruction" if anchor.kind == "conversation" else anchor.kind for anchor in anchors]
    shapes = (BlockShape(str(i), own, kind) for i, (own, kind) in enumerate(zip(tokens, kinds, strict=True)))
    request = RequestShape(model.id, tuple(shapes))
    expected = [Reads(anchor.expected_reads, anchor.expected_reads) for anchor in anchors]
    given = situation(request, prefixes(request), expected, model=model, ttls=[(anchor.ttl,) for anchor in anchors])
    return _judged(given, [(anchor.block, anchor.label) for anchor in anchors], max_anchors)


def minimum_of(model: Model) -> str:
    """The model's minimum cacheable prefix in words, saying so where it had to be assumed."""
    if model.min_cacheable is None:
        return f"{SAFE_MINIMUM:,} minimum assumed for {model.id}, whose own is not published"
    return f"{model.min_cacheable:,} minimum of {model.id}"


def _judged(given: Situation, names: Sequence[tuple[str, str]], max_anchors: int) -> tuple[Anchor, ...]:
    marks = choose(given, max_anchors)
    ttls = [marks.get(i) or _likely(given, i) for i in range(len(names))]
    ranks = _ranks(given, marks, ttls)
    upto = accumulate(block.tokens for block in given.request.blocks)
    return tuple(
        Anchor(
            index=i,
            kind=_shown(block.kind),
            block=place,
            label=label,
            tokens=block.tokens,
            cumulative_tokens=cumulative,
            ttl=ttls[i],
            priority=ranks[i],
            cacheable=i in marks,
            why_not=None
            if i in marks
            else _why_not(given, i, ttls[i], marks, [name for _, name in names], max_anchors),
            expected_reads=given.expected[i].within(ttls[i]),
        )
        for i, (block, cumulative, (place, label)) in enumerate(zip(given.request.blocks, upto, names, strict=True))
    )


def _likely(given: Situation, index: int) -> Ttl:
    """The TTL that an anchor there would have had: 1h where that saves more than 5m would."""
    reads, price = given.expected[index], given.price
    return max(given.ttls[index], key=lambda ttl: (price.saving(reads.within(ttl), ttl), ttl))


def _why_not(given: Situation, index: int, ttl: Ttl, marks: Marks, labels: Sequence[str], max_anchors: int) -> str:
    block, end, reads = given.request.blocks[index], given.ends[index], given.expected[index].within(ttl)
    if block.kind == "instruction":
        return "the instruction changes every time"
    if end.tokens < minimum_for(given.model):
        return f"below the {minimum_of(given.model)} ({end.tokens:,} tokens up to here)"
    if reads <= given.price.threshold(ttl) and given.expected[index].held:
        return "what the last hour's anchors cost has not been saved yet"
    if reads <= given.price.threshold(ttl):
        return f"expected {reads:.1f} reads in {_SPAN[ttl]}: writing costs more than it saves"
    if not marks:
        return "no anchors are allowed (max_anchors is 0)"
    if len(marks) >= min(max_anchors, MAX_ANCHORS):
        names = ", ".join(labels[i] for i in marks)
        return f"only {counted(len(marks), 'anchor')}: more is saved after {names}"
    behind = next((labels[i] for i in marks if i > index), labels[max(marks)])
    return f"read as often as {behind}, whose anchor has it too"


def _shown(kind: BlockKind) -> AnchorKind:
    match kind:
        case "instruction" | "tool_results" | "opening":
            return "conversation"
        case _:
            return kind


def _ranks(given: Situation, marks: Marks, ttls: Sequence[Ttl]) -> list[int]:
    """Priority 1 for what saves the most: its own tokens since the anchor before it, times the saving per token."""
    worth: list[float] = []
    previous = 0
    for i, end in enumerate(given.ends):
        worth.append((end.tokens - previous) * given.price.saving(given.expected[i].within(ttls[i]), ttls[i]))
        if i in marks:
            previous = end.tokens
    order = sorted(range(len(worth)), key=lambda i: (i not in marks, -worth[i], i))
    return [rank for _, rank in sorted((i, rank) for rank, i in enumerate(order, start=1))]
