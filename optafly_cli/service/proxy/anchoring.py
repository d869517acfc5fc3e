"""Anchors for a request that a client made: after tools, system blocks and earlier turns. Pure but for the token table.

Blocks are marked and nothing else: none is split, merged, moved or added; a text that stood alone becomes one block.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optafly_cli.config.settings import RouteSettings
from optafly_cli.errors import UnknownModelError
from optafly_cli.models import SAFE_MINIMUM, Model, catalogue
from optafly_cli.route.anchors import plan
from optafly_cli.route.blocks import Block, BlockKind
from optafly_cli.route.reuse import shipped_prior

_MARKABLE = frozenset({"text", "image", "document", "tool_use", "tool_result", "search_result"})
_PICTURE_TOKENS = 1_500
"""Taken for an image or a document whose text is not there to be counted: about one page."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place for an anchor: the field, the numbers that lead to the block, and the values since the spot before it."""

    kind: BlockKind
    field: str
    way: tuple[int, ...]
    values: tuple[Any, ...]


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
    if len(raw) < (SAFE_MINIMUM if model.min_cacheable is None else model.min_cacheable):
        return raw, 0
    spots = [*_spots(body)]
    tokens = [_tokens(spot.values, model, count) for spot in spots]
    blocks = [Block(spot.kind, str(number), spot.field, "") for number, spot in enumerate(spots)]
    anchors = plan(
        blocks, tokens, model=model, ttl="5m", max_anchors=settings.max_anchors, prior=shipped_prior()
    )  # fmt: skip
    chosen = [spots[int(anchor.block)] for anchor in anchors if anchor.cacheable]
    return (encoded(_marked(body, chosen)), len(chosen)) if chosen else (raw, 0)


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


def _spots(body: Mapping[str, Any]) -> Iterator[_Spot]:
    """The places in the order of the prompt; the values between two spots that cannot be marked go to the next."""
    waiting: list[Any] = []
    for spot in (*_of_tools(body.get("tools")), *_of_system(body.get("system")), *_of_messages(body["messages"])):
        waiting += spot.values
        if spot.way:
            yield _Spot(spot.kind, spot.field, spot.way, tuple(waiting))
            waiting = []


def _of_tools(tools: Any) -> Iterator[_Spot]:
    if not isinstance(tools, list) or not tools:
        return
    marked = [number for number, tool in enumerate(tools) if isinstance(tool, dict) and not tool.get("defer_loading")]
    yield _Spot("tools", "tools", (marked[-1],) if marked else (), tuple(tools))


def _of_system(system: Any) -> Iterator[_Spot]:
    if isinstance(system, str):
        yield _Spot("system", "system", (0,) if system.strip() else (), (system,))
    elif isinstance(system, list):
        for number, block in enumerate(system):
            yield _Spot("system", "system", (number,) if _markable(block) else (), (block,))


def _of_messages(messages: Sequence[Mapping[str, Any]]) -> Iterator[_Spot]:
    """The end of the turns before the last one, and the end of the last one in a conversation that is under way."""
    if len(messages) < 2:
        yield _Spot("instruction", "messages", (), (messages,))
        return
    before = len(messages) - 2
    yield _Spot("conversation", "messages", _end_of(messages[before], before), tuple(messages[: before + 1]))
    last = len(messages) - 1
    content = messages[last].get("content")
    loop = isinstance(content, list) and any(_type(block) == "tool_result" for block in content)
    yield _Spot(
        "tool_results" if loop else "conversation", "messages", _end_of(messages[last], last), (messages[last],)
    )


def _end_of(turn: Mapping[str, Any], number: int) -> tuple[int, ...]:
    content = turn.get("content")
    if isinstance(content, str):
        return (number, 0) if content.strip() else ()
    if not isinstance(content, list):
        return ()
    marked = [at for at, block in enumerate(content) if _markable(block)]
    return (number, marked[-1]) if marked else ()


def _type(block: Any) -> str | None:
    """The type of a block; None of what is none."""
    kind = block.get("type") if isinstance(block, dict) else None
    return kind if isinstance(kind, str) else None


def _markable(block: Any) -> bool:
    if _type(block) not in _MARKABLE:
        return False
    return block["type"] != "text" or bool(str(block.get("text") or "").strip())


def _tokens(values: Sequence[Any], model: Model, count: Callable[[Model, str], int]) -> int:
    """Tokens of everything since the spot before, counted as one text: turns are many, and mostly short."""
    texts: list[str] = []
    others = sum(_gathered(value, texts) for value in values)
    return others + count(model, "\n".join(texts))


def _gathered(value: Any, texts: list[str]) -> int:
    """Add the texts of a value to the list; the tokens of what is no text."""
    if isinstance(value, str):
        texts.append(value)
        return 0
    if isinstance(value, (list, tuple)):
        return sum(_gathered(item, texts) for item in value)
    if not isinstance(value, dict):
        return 1
    if _type(value) in ("image", "document") and isinstance(value.get("source"), dict):
        return _PICTURE_TOKENS
    if "content" in value:
        return _gathered(value["content"], texts)
    text = value.get("text")
    texts.append(text if isinstance(text, str) else json.dumps(value))
    return 0


def _marked(body: Mapping[str, Any], spots: Sequence[_Spot]) -> dict[str, Any]:
    made = dict(body)
    for spot in spots:
        made[spot.field] = _with_mark(made[spot.field], spot.way, spot.field == "messages")
    return made


def _with_mark(value: Any, way: tuple[int, ...], turns: bool) -> Any:
    """A copy in which the block that the way leads to is marked; everything beside the way is shared."""
    if isinstance(value, str):
        value = [{"type": "text", "text": value}]
    copy = list(value)
    at, *rest = way
    if turns:
        copy[at] = {**copy[at], "content": _with_mark(copy[at]["content"], tuple(rest), turns=False)}
    else:
        copy[at] = {**copy[at], "cache_control": {"type": "ephemeral"}}
    return copy
