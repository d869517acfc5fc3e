"""Anchors for a request that a client made: after tools, system blocks and earlier turns. Pure but for the token table.

Blocks are marked and nothing else: none is split, merged, moved or added; a text that stood alone becomes one block.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optafly_cli.config.settings import RouteSettings
from optafly_cli.errors import UnknownModelError
from optafly_cli.models import Model, catalogue
from optafly_cli.route.messages import BodyBlock, blocks_of, shape_of, with_marks
from optafly_cli.route.planner import place
from optafly_cli.route.pricing import rates
from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import ByKind, Reads, shipped_prior
from optafly_cli.route.shape import minimum_for, prefixes


def anchored(
    body: Mapping[str, Any], raw: bytes, settings: RouteSettings, count: Callable[[Model, str], int]
) -> tuple[bytes, int]:
    """The bytes to be sent and how many anchors were placed; the client's own bytes where none was.

    `count` gives the tokens of a text. A client that marks anything itself is left alone, and so is a model that the
    data file does not have.
    """
    if not (settings.enabled and settings.anchors) or has_own_marks(body):
        return raw, 0
    try:
        model = catalogue().get(body["model"])
    except UnknownModelError:
        return raw, 0
    # A token has at least a byte: most requests need no counting
    if len(raw) < minimum_for(model):
        return raw, 0
    blocks = blocks_of(body)
    request = shape_of(body, blocks, lambda text: count(model, text))
    ends = prefixes(request)
    expected = ByKind(shipped_prior()).expected(request, ends)
    live = _turn_before(blocks, expected, rates(model, request.tokens).threshold("5m"))
    marks = place(request, ends, expected, model=model, live=live, ttl="5m", max_anchors=settings.max_anchors)
    return (encoded(with_marks(body, blocks, marks)), len(marks)) if marks else (raw, 0)


def _turn_before(blocks: Sequence[BodyBlock], expected: Sequence[Reads], pays: float) -> dict[int, Ttl]:
    """The end of the request before this one, if this is a conversation that goes on: it was marked if that paid."""
    turns = {block.way[0]: block.role for block in blocks if block.field == "messages"}
    answer = max((turn for turn, role in turns.items() if role == "assistant"), default=0)
    before = max((i for i, b in enumerate(blocks) if b.field == "messages" and b.way[0] < answer), default=None)
    return {} if before is None or expected[before].five_minutes <= pays else {before: "5m"}


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
