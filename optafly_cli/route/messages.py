"""A Messages body as the planner sees it: its blocks in the order in which the prompt cache hashes them."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.result import Ttl
from optafly_cli.route.shape import BlockShape, Marks, RequestShape

_PICTURE_TOKENS = 1_500
"""Taken for an image or a document whose text is not there to be counted: about one page."""

_OF_MESSAGES = ("tool_choice", "thinking", "output_config")
"""Parameters that change what the messages are hashed with; tools and system stay as they are."""


class BodyBlock(NamedTuple):
    """One block: its `field` ("tools", "system", "messages") and the numbers that lead to it there.

    A text that stands alone is block 0. `role` is that of the turn, or the field's name; `others` are the tokens of
    what has no text.
    """

    field: str
    way: tuple[int, ...]
    role: str
    kind: BlockKind
    value: Any
    texts: tuple[str, ...]
    others: int

    @property
    def type(self) -> str:
        """As in `BlockShape`; a text that is blank, which the API refuses, is an empty one."""
        if self.field == "tools":
            deferred = isinstance(self.value, dict) and self.value.get("defer_loading")
            return "deferred_tool" if deferred or not isinstance(self.value, dict) else "tool"
        return type_of(self.value) or "unknown"


def blocks_of(body: Mapping[str, Any]) -> list[BodyBlock]:
    """All blocks of a body that has `messages`. What is no block is one that cannot be marked."""
    return [*_of_tools(body.get("tools")), *_of_system(body.get("system")), *_of_messages(body)]


def shape_of(
    body: Mapping[str, Any],
    blocks: Sequence[BodyBlock],
    count: Callable[[str], int],
    *,
    digests: bool = False,
    at: float = 0.0,
    credential: str = "",
) -> RequestShape:
    """The request without its texts. `blocks` are those of `blocks_of`.

    Texts are counted once for each field, and the tokens shared out by length: turns are many, and mostly short.
    Without `digests`, for which every byte is hashed, its prefixes can be compared with no others.
    """
    tokens = _counted(blocks, count)
    names = digests_of(body, blocks) if digests else [str(i) for i in range(len(blocks))]
    return RequestShape(
        model=str(body["model"]),
        blocks=tuple(
            BlockShape(name, own, block.kind, block.type, _mark(block.value))
            for name, own, block in zip(names, tokens, blocks, strict=True)
        ),
        at=at,
        credential=credential,
        automatic=_mark(body),
    )


def digests_of(body: Mapping[str, Any], blocks: Sequence[BodyBlock]) -> list[str]:
    """One for each block, its role and what it is hashed with: the same whether and wherever anything is marked."""
    parameters = json.dumps([body.get(name) for name in _OF_MESSAGES], sort_keys=True)
    speed = json.dumps(body.get("speed"))
    found = []
    begun: set[str] = set()
    for block in blocks:
        salt = ["" if block.field in begun else {"messages": parameters + speed, "system": speed}.get(block.field, "")]
        begun.add(block.field)
        raw = json.dumps([*salt, block.role, _unmarked(block.value)], sort_keys=True).encode()
        found.append(hashlib.blake2b(raw, digest_size=16).hexdigest())
    return found


def with_marks(body: Mapping[str, Any], blocks: Sequence[BodyBlock], marks: Marks) -> dict[str, Any]:
    """A copy of the body in which these blocks are marked too; a text that stands alone becomes a block.

    A block's own marker stays as it is. 5m is the API's default, and is not said.
    """
    made = dict(body)
    for number, ttl in marks.items():
        block = blocks[number]
        marker = {"type": "ephemeral"} if ttl == "5m" else {"type": "ephemeral", "ttl": ttl}
        made[block.field] = _with_mark(made[block.field], block.way, marker, block.field == "messages")
    return made


def _with_mark(value: Any, way: Sequence[int], marker: Mapping[str, str], turns: bool) -> Any:
    """A copy in which the block that the way leads to is marked; everything beside the way is shared."""
    if isinstance(value, str):
        value = [{"type": "text", "text": value}]
    copy = list(value)
    at, *rest = way
    if turns:
        copy[at] = {**copy[at], "content": _with_mark(copy[at]["content"], rest, marker, turns=False)}
    elif "cache_control" not in copy[at]:
        copy[at] = {**copy[at], "cache_control": marker}
    return copy


def type_of(block: Any) -> str | None:
    """The type of a block; None of what is none."""
    kind = block.get("type") if isinstance(block, dict) else None
    return kind if isinstance(kind, str) else None


def _of_tools(tools: Any) -> Iterator[BodyBlock]:
    for number, tool in enumerate(tools if isinstance(tools, list) else ()):
        yield _block("tools", (number,), "tools", "tools", tool)


def _of_system(system: Any) -> Iterator[BodyBlock]:
    for number, block in enumerate(_listed(system)):
        yield _block("system", (number,), "system", "system", block)


def _of_messages(body: Mapping[str, Any]) -> Iterator[BodyBlock]:
    """Turns of a conversation. The first may be the last as well, unless there are tools: then their results follow."""
    turns = body["messages"]
    last = len(turns) - 1
    alone: BlockKind = "conversation" if body.get("tools") else "opening"
    for number, turn in enumerate(turns):
        role = str(turn.get("role")) if isinstance(turn, dict) else ""
        blocks = _listed(turn.get("content") if isinstance(turn, dict) else None)
        kind: BlockKind = "conversation" if last else alone
        if number == last and any(type_of(block) == "tool_result" for block in blocks):
            kind = "tool_results"
        for at, block in enumerate(blocks):
            yield _block("messages", (number, at), role, kind, block)


def _listed(content: Any) -> Sequence[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else ()


def _block(field: str, way: tuple[int, ...], role: str, kind: BlockKind, value: Any) -> BodyBlock:
    texts: list[str] = []
    others = _gathered(value, texts)
    return BodyBlock(field, way, role, kind, value, tuple(texts), others)


def _gathered(value: Any, texts: list[str]) -> int:
    """Add the texts of a value to the list; the tokens of what is no text."""
    if isinstance(value, str):
        texts.append(value)
        return 0
    if isinstance(value, (list, tuple)):
        return sum(_gathered(item, texts) for item in value)
    if not isinstance(value, dict):
        return 1
    if type_of(value) in ("image", "document") and isinstance(value.get("source"), dict):
        return _PICTURE_TOKENS
    if type_of(value) == "text":
        text = value.get("text")
        texts.append(text if isinstance(text, str) and text.strip() else "")
        return 0
    if "content" in value:
        return _gathered(value["content"], texts)
    texts.append(json.dumps(_unmarked(value)))
    return 0


def _counted(blocks: Sequence[BodyBlock], count: Callable[[str], int]) -> list[int]:
    """Tokens of each block, which add up to the counts of the fields."""
    tokens: list[int] = []
    for field in ("tools", "system", "messages"):
        those = [block for block in blocks if block.field == field]
        texts = [text for block in those for text in block.texts]
        total = count("\n".join(texts)) if texts else 0
        length = sum(map(len, texts))
        upto = given = 0
        for block in those:
            upto += sum(map(len, block.texts))
            share = total * upto // length - given if length else 0
            given += share
            # A text of one character is not an empty one
            tokens.append(block.others + max(share, int(any(block.texts))))
    return tokens


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict) and "cache_control" in value:
        return {name: item for name, item in value.items() if name != "cache_control"}
    return value


def _mark(value: Any) -> Ttl | None:
    """The TTL of a marker, where the value carries one."""
    marker = value.get("cache_control") if isinstance(value, Mapping) else None
    if not isinstance(marker, Mapping):
        return None
    return "1h" if marker.get("ttl") == "1h" else "5m"
