"""Anchors for a request that a client made: after tools, system blocks and earlier turns. Pure but for the token table.

Blocks are marked and nothing else: none is split, merged, moved or added; a text that stood alone becomes one block.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from optafly_cli.config.settings import RouteSettings
from optafly_cli.errors import UnknownModelError
from optafly_cli.models import Model, catalogue
from optafly_cli.pipeline.sent_before import SentBefore
from optafly_cli.route.history import Sent, bill, live
from optafly_cli.route.messages import BodyBlock, blocks_of, shape_of, with_marks
from optafly_cli.route.planner import place
from optafly_cli.route.pricing import Rates, rates
from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import ByKind, Reads, shipped_prior
from optafly_cli.route.shape import minimum_for, prefixes


@dataclass(frozen=True, slots=True)
class Anchored:
    """The bytes to be sent and how many anchors were placed; the client's own bytes where none was.

    `sent` is what a history keeps of it, None of a request that could not be cached anyway.
    """

    raw: bytes
    anchors: int = 0
    sent: Sent | None = None


def anchored(
    body: Mapping[str, Any],
    raw: bytes,
    settings: RouteSettings,
    count: Callable[[Model, str], int],
    before: SentBefore | None = None,
    credential: str = "",
) -> Anchored:
    """Place anchors by what was sent `before`, by the kinds of blocks where that is not known.

    `count` gives the tokens of a text. A client that marks anything itself is left alone, and so is a model that the
    data file does not have. `credential` names whoever asks.
    """
    own = has_own_marks(body)
    if not (settings.enabled and settings.anchors):
        return Anchored(raw)
    try:
        model = catalogue().get(body["model"])
    except UnknownModelError:
        return Anchored(raw)
    # A token has at least a byte: most requests need no counting
    if len(raw) < minimum_for(model):
        return Anchored(raw)
    blocks = blocks_of(body)
    known = before is not None
    at = before.now if before else 0.0
    request = shape_of(body, blocks, partial(count, model), digests=known, at=at, credential=credential)
    ends = prefixes(request)
    marks: Mapping[int, Ttl] = request.own_marks
    if not own:
        estimate = before.estimate(settings.strategy, model) if before else ByKind(shipped_prior())
        expected = estimate.expected(request, ends)
        past = before.past(ends) if before else ()
        written = live(past, at) if past else _turn_before(blocks, expected, rates(model, request.tokens))
        marks = place(request, ends, expected, model=model, live=written, ttl="5m", max_anchors=settings.max_anchors)
    sent = Sent(request, ends, marks, 0, bill(before.past(ends), request, ends, marks)) if before else None
    if own or not marks:
        return Anchored(raw, sent=sent)
    return Anchored(encoded(with_marks(body, blocks, marks)), len(marks), sent)


def _turn_before(blocks: Sequence[BodyBlock], expected: Sequence[Reads], price: Rates) -> dict[int, Ttl]:
    """The end of the request before this one, if this is a conversation that goes on: it was marked if that paid."""
    turns = {block.way[0]: block.role for block in blocks if block.field == "messages"}
    answer = max((turn for turn, role in turns.items() if role == "assistant"), default=0)
    before = max((i for i, b in enumerate(blocks) if b.field == "messages" and b.way[0] < answer), default=None)
    pays = before is not None and expected[before].five_minutes > price.threshold("5m")
    return {before: "5m"} if before is not None and pays else {}


def has_own_marks(body: Mapping[str, Any]) -> bool:
    """Whether the client set `cache_control` anywhere: for the whole request, or on a tool or a block in it."""
    todo: list[Any] = [body.get("tools"), body.get("system"), body.get("messages")]
    if "cache_control" in body:
        return True
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            # A tool's own arguments may have a field of that name
            if "cache_control" in item:
                return True
            todo += [value for name, value in item.items() if name in ("content", "source")]
        elif isinstance(item, list):
            todo += item
    return False


def encoded(value: object) -> bytes:
    """Compact JSON; half a surrogate pair, which UTF-8 cannot hold, is escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
