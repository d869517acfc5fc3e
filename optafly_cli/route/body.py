"""The exact Messages body. The same input gives the same bytes, or the prompt cache would never be read."""

from collections.abc import Mapping, Sequence
from typing import Any

from optafly_cli.route.blocks import Block
from optafly_cli.route.result import Anchor, Ttl


def build(blocks: Sequence[Block], anchors: Sequence[Anchor], *, model: str, max_tokens: int) -> dict[str, Any]:
    """model, max_tokens, system (where there is one) and messages, in this order, without `stream`.

    Text is always a list of blocks, so that adding an anchor changes nothing but its `cache_control`.
    """
    system = [_text(block.text) for block in blocks if block.kind == "system"]
    content = [_text(block.text) for block in blocks if block.kind != "system"]
    body: dict[str, Any] = {"model": model, "max_tokens": max_tokens}
    if system:
        body["system"] = system
    body["messages"] = [{"role": "user", "content": content}]
    return marked(body, anchors)


def marked(body: Mapping[str, Any], anchors: Sequence[Anchor]) -> dict[str, Any]:
    """A copy of a body of `build` with these anchors and no others."""
    ttls = {anchor.block: anchor.ttl for anchor in anchors if anchor.cacheable}
    copy = dict(body)
    if "system" in copy:
        copy["system"] = [_mark(block, ttls.get(f"system[{i}]")) for i, block in enumerate(copy["system"])]
    copy["messages"] = [
        {
            "role": message["role"],
            "content": [
                _mark(block, ttls.get(f"messages[{number}].content[{i}]")) for i, block in enumerate(message["content"])
            ],
        }
        for number, message in enumerate(copy["messages"])
    ]
    return copy


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _mark(block: Mapping[str, Any], ttl: Ttl | None) -> dict[str, Any]:
    plain = {key: value for key, value in block.items() if key != "cache_control"}
    if ttl is None:
        return plain
    # 5m is the API's default; older endpoints of the same protocol know no `ttl`
    return {**plain, "cache_control": {"type": "ephemeral"} if ttl == "5m" else {"type": "ephemeral", "ttl": ttl}}
