"""`route`: from a refined prompt to a request that is ready to be sent, with its anchors and its price."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from optafly_cli.config.settings import RouteSettings
from optafly_cli.errors import UsageError
from optafly_cli.models import Model, catalogue
from optafly_cli.refine.result import RefinedPrompt
from optafly_cli.route.anchors import MAX_ANCHORS, minimum_of, plan, replan
from optafly_cli.route.blocks import arrange
from optafly_cli.route.body import build, marked
from optafly_cli.route.optimise import lossless
from optafly_cli.route.pricing import request_cost
from optafly_cli.route.result import Anchor, Cost, Optimisation, RoutedRequest, TokenSummary
from optafly_cli.route.reuse import shipped_prior

if TYPE_CHECKING:
    from optafly_cli.tokens.counter import Counter


def route(
    refined: RefinedPrompt,
    *,
    model: Model,
    system: str | None,
    max_tokens: int,
    ttl: Literal["5m", "1h", "auto"],
    settings: RouteSettings,
    counter: "Counter",
    sure: bool = False,
) -> RoutedRequest:
    """Arrange the prompt for the prompt cache, place the anchors, and price the result.

    `sure`: whoever asks knows that what comes before the instruction will be sent again while the prompt cache has it.

    Raises:
        UsageError: nothing to ask, a `max_tokens` that no request can have, or a prompt over the model's window.
    """
    _check_max_tokens(max_tokens, model)
    sections = refined.sections
    removed = 0
    if settings.enabled and settings.token_optimisation:
        sections, removals = lossless(sections)
        removed = sum(counter.count(r.before) - (counter.count(r.after) if r.after else 0) for r in removals)
    blocks = arrange(sections, system)
    if not blocks or blocks[-1].kind != "instruction":
        raise UsageError("the prompt is empty", remedy="say what is to be done")
    tokens = [counter.count(block.text) for block in blocks]
    _check_window(sum(tokens), model)
    anchors: tuple[Anchor, ...] = ()
    if settings.enabled and settings.anchors:
        prior = shipped_prior().at_least_once() if sure else shipped_prior()
        anchors = plan(blocks, tokens, model=model, ttl=ttl, max_anchors=settings.max_anchors, prior=prior)
    return RoutedRequest(
        model=model.id,
        body=build(blocks, anchors, model=model.id, max_tokens=max_tokens),
        use_cache=any(anchor.cacheable for anchor in anchors),
        reason=_reason(anchors, model, settings),
        anchors=anchors,
        tokens=_summary(anchors, sum(tokens), removed, counter.method, counter.margin),
        optimisation=Optimisation(removed_redundancy=removed, compressed_context=0, chunks=1),
        cost=_cost(anchors, sum(tokens), model),
    )


def recounted(routed: RoutedRequest, total: int, model: Model, *, max_anchors: int = MAX_ANCHORS) -> RoutedRequest:
    """The request with `total` input tokens, as the endpoint counted them, in place of the estimate.

    The blocks' estimates are scaled to that total, and the anchors judged again by the scaled counts.

    Raises:
        UsageError: the prompt turns out to be over the model's window.
    """
    _check_window(total, model)
    anchors = replan(routed.anchors, _scaled(routed.anchors, total), model=model, max_anchors=max_anchors)
    return replace(
        routed,
        body=marked(routed.body, anchors),
        use_cache=any(anchor.cacheable for anchor in anchors),
        reason=_reason(anchors, model, RouteSettings()) if anchors else routed.reason,
        anchors=anchors,
        tokens=_summary(anchors, total, routed.tokens.removed, "count_tokens", 0.0),
        cost=_cost(anchors, total, model),
    )


def _scaled(anchors: Sequence[Anchor], total: int) -> list[int]:
    """Token counts in the anchors' proportions that add up to `total`."""
    estimate = anchors[-1].cumulative_tokens if anchors else 0
    ends = [0, *(round(anchor.cumulative_tokens * total / estimate) for anchor in anchors)]
    return [end - start for start, end in pairwise(ends)]


def _summary(anchors: Sequence[Anchor], total: int, removed: int, method: str, margin: float) -> TokenSummary:
    cacheable = max((anchor.cumulative_tokens for anchor in anchors if anchor.cacheable), default=0)
    return TokenSummary(total, cacheable, total - cacheable, removed, method, margin)


def _cost(anchors: Sequence[Anchor], total: int, model: Model) -> Cost:
    marks = [(anchor.cumulative_tokens, anchor.ttl) for anchor in anchors if anchor.cacheable]
    return request_cost(model, total, marks, currency=catalogue().currency)


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
        raise UsageError(
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
