"""`route`: from a refined prompt to a request that is ready to be sent, with its anchors and its price."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from optafly_cli.config.settings import RouteSettings
from optafly_cli.errors import UsageError
from optafly_cli.models import Model, catalogue
from optafly_cli.refine.result import RefinedPrompt
from optafly_cli.route.anchors import minimum_of, plan, replan
from optafly_cli.route.blocks import BlockKind, arrange
from optafly_cli.route.body import build, marked
from optafly_cli.route.history import Account, History, Sent, live
from optafly_cli.route.messages import blocks_of, digests_of
from optafly_cli.route.optimiser.run import optimise
from optafly_cli.route.pricing import naive_cost, request_cost
from optafly_cli.route.result import Anchor, Cost, RoutedRequest, TokenSummary, Ttl
from optafly_cli.route.reuse import ByKind, Reuse, shipped_prior
from optafly_cli.route.shape import LOOK_BACK, MAX_ANCHORS, BlockShape, Prefix, RequestShape, prefixes

if TYPE_CHECKING:
    from optafly_cli.tokens.counter import Counter


class OverWindow(UsageError):
    """The prompt has more tokens than the model's window."""


def route(
    refined: RefinedPrompt,
    *,
    model: Model,
    system: str | None,
    max_tokens: int,
    ttl: Literal["5m", "1h", "auto"],
    settings: RouteSettings,
    counter: "Counter",
    reuse: Reuse | None = None,
    history: History | None = None,
    at: float = 0.0,
    compress: bool = False,
) -> RoutedRequest:
    """Arrange the prompt for the prompt cache, place the anchors, and price the result.

    `reuse` is the estimate to plan by, the prior by kind unless given. It goes by the `history` of what was sent
    before the Unix time `at`; what of that lives in the prompt cache is read, and not written again.
    `compress`: take from context that the user did not name what can be missed, too.

    Raises:
        UsageError: nothing to ask, or a `max_tokens` that no request can have.
        OverWindow: a prompt over the model's window.
    """
    _check_max_tokens(max_tokens, model)
    sections, optimisation = optimise(
        refined,
        count=counter.count,
        lossless=settings.enabled and settings.token_optimisation,
        compress=compress,
    )
    blocks = arrange(sections, system)
    if not blocks or blocks[-1].kind != "instruction":
        raise UsageError("the prompt is empty", remedy="say what is to be done")
    tokens = [counter.count(block.text) for block in blocks]
    _check_window(sum(tokens), model)
    body = build(blocks, (), model=model.id, max_tokens=max_tokens)
    anchors: tuple[Anchor, ...] = ()
    kept: dict[int, Ttl] = {}

    def in_cache(ends: Sequence[Prefix]) -> dict[int, Ttl]:
        kept.update({} if history is None else live(history.past(ends), at))
        return kept

    if settings.enabled and settings.anchors:
        anchors = plan(
            blocks,
            tokens,
            model=model,
            ttl=ttl,
            max_anchors=settings.max_anchors,
            reuse=reuse or ByKind(shipped_prior()),
            digests=digests_of(body, blocks_of(body)),
            at=at,
            live=in_cache,
        )
    found = _found(anchors, kept)
    return RoutedRequest(
        model=model.id,
        body=marked(body, anchors),
        use_cache=any(anchor.cacheable for anchor in anchors),
        reason=_reason(anchors, model, settings),
        anchors=anchors,
        tokens=_summary(anchors, sum(tokens), optimisation.removed, counter.method, counter.margin, found),
        optimisation=optimisation,
        cost=_cost(anchors, sum(tokens), model, found, optimisation.removed),
    )


def recounted(routed: RoutedRequest, total: int, model: Model, *, max_anchors: int = MAX_ANCHORS) -> RoutedRequest:
    """The request with `total` input tokens, as the endpoint counted them, in place of the estimate.

    The blocks' estimates are scaled to that total, and the anchors judged again by the scaled counts.

    Raises:
        UsageError: the prompt turns out to be over the model's window.
    """
    _check_window(total, model)
    anchors = replan(routed.anchors, _scaled(routed.anchors, total), model=model, max_anchors=max_anchors)
    found = round(routed.tokens.in_cache * total / max(1, routed.tokens.input))
    return replace(
        routed,
        body=marked(routed.body, anchors),
        use_cache=any(anchor.cacheable for anchor in anchors),
        reason=_reason(anchors, model, RouteSettings()) if anchors else routed.reason,
        anchors=anchors,
        tokens=_summary(anchors, total, routed.tokens.removed, "count_tokens", 0.0, found),
        cost=_cost(anchors, total, model, found, routed.tokens.removed),
    )


def sent(routed: RoutedRequest, at: float) -> Sent | None:
    """What a history keeps of a request that was sent at the Unix time `at`; None of one without anchors."""
    if not routed.anchors:
        return None
    digests = digests_of(routed.body, blocks_of(routed.body))
    blocks = []
    for digest, anchor in zip(digests, routed.anchors, strict=True):
        # In a body of `route` only the instruction is shown as conversation
        kind: BlockKind = "instruction" if anchor.kind == "conversation" else anchor.kind
        blocks.append(BlockShape(digest, anchor.tokens, kind))
    request = RequestShape(routed.model, tuple(blocks), at)
    marks = {anchor.index: anchor.ttl for anchor in routed.anchors if anchor.cacheable}
    return Sent(request, prefixes(request), marks, 0, Account())


def _scaled(anchors: Sequence[Anchor], total: int) -> list[int]:
    """Token counts in the anchors' proportions that add up to `total`."""
    estimate = anchors[-1].cumulative_tokens if anchors else 0
    ends = [0, *(round(anchor.cumulative_tokens * total / estimate) for anchor in anchors)]
    return [end - start for start, end in pairwise(ends)]


def _found(anchors: Sequence[Anchor], kept: Collection[int]) -> int:
    """Tokens up to the deepest of the entries that a read from one of the anchors comes to."""
    marks = [anchor.index for anchor in anchors if anchor.cacheable]
    reached = (i for i in kept if any(0 <= mark - i < LOOK_BACK for mark in marks))
    return max((anchors[i].cumulative_tokens for i in reached), default=0)


def _summary(
    anchors: Sequence[Anchor], total: int, removed: int, method: str, margin: float, found: int
) -> TokenSummary:
    cacheable = max((anchor.cumulative_tokens for anchor in anchors if anchor.cacheable), default=0)
    return TokenSummary(total, cacheable, total - cacheable, removed, method, margin, min(found, cacheable))


def _cost(anchors: Sequence[Anchor], total: int, model: Model, found: int, removed: int) -> Cost:
    marks = [(anchor.cumulative_tokens, anchor.ttl) for anchor in anchors if anchor.cacheable]
    cost = request_cost(model, total, marks, currency=catalogue().currency, in_cache=found)
    return replace(cost, naive=naive_cost(model, total + removed))


def _check_max_tokens(max_tokens: int, model: Model) -> None:
    if max_tokens < 1:
        raise UsageError(f"max_tokens is {max_tokens}, and an answer needs at least 1", remedy="raise --max-tokens")
    if max_tokens > model.context_window:
        raise UsageError(
            f"max_tokens is {max_tokens:,}, more than the {model.context_window:,}-token window of {model.id}",
            remedy="lower --max-tokens",
        )


def _check_window(total: int, model: Model) -> None:
    if total > model.context_window:
        raise OverWindow(
            f"the prompt has about {total:,} tokens, more than the {model.context_window:,}-token window of {model.id}",
            remedy="name fewer files or line ranges (--file F:10-80), or choose a model with a larger window",
        )


def _reason(anchors: Sequence[Anchor], model: Model, settings: RouteSettings) -> str:
    """One sentence: what the prompt cache is used for, or why it is not, and what had to be assumed."""
    if not settings.enabled:
        return "routing is off ([route] enabled = false)"
    if not settings.anchors:
        return "anchors are off ([route] anchors = false)"
    placed = [anchor for anchor in anchors if anchor.cacheable]
    if not placed:
        return _why_none(anchors)
    end = placed[-1].cumulative_tokens
    places = ", ".join(f"{anchor.label} ({anchor.ttl})" for anchor in placed)
    said = f"{end:,} of {anchors[-1].cumulative_tokens:,} tokens can be read again, up to: {places}"
    if model.min_cacheable is None:
        said += f"; the {minimum_of(model)}"
    if not model.prices:
        said += f"; the prices of {model.id} are not published, the usual multiples are assumed"
    return said


def _why_none(anchors: Sequence[Anchor]) -> str:
    """The verdict on the longest prefix before the instruction."""
    if len(anchors) == 1:
        return "nothing stands before the instruction, which changes every time"
    last = anchors[-2]
    return f"{last.label}: {last.why_not}"
