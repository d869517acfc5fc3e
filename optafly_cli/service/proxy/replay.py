"""A stored message as the API would send it, with nothing billed: as JSON, or as the full sequence of events. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_PIECE = 4_096
"""Characters of a delta: a long answer reaches a terminal in steps."""
_AT_THE_END = ("stop_reason", "stop_sequence", "stop_details", "container", "context_management")
"""Fields that a stream brings with its message_delta."""


def as_json(message: Mapping[str, Any]) -> bytes:
    """The message, unstreamed."""
    return _dumped(unbilled(message))


def as_events(message: Mapping[str, Any]) -> bytes:
    """The message as server-sent events, from message_start to message_stop."""
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (event["type"].encode(), _dumped(event)) for event in events_of(message)
    )


def events_of(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The events that add up to the message with nothing billed."""
    whole = unbilled(message)
    usage = whole.get("usage") or {}
    end = {name: whole[name] for name in _AT_THE_END if name in whole}
    begun = {name: None if name in end else value for name, value in whole.items()}
    yield {"type": "message_start", "message": {**begun, "content": [], "stop_reason": None, "stop_sequence": None}}
    for index, block in enumerate(whole.get("content") or ()):
        start, deltas = _taken_apart(block)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": 0, **usage}}
    yield {"type": "message_stop"}


def unbilled(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message with every count of its usage 0, and without the diagnosis of the request that it answered."""
    usage = _zeros({"input_tokens": 0, "output_tokens": 0, **(message.get("usage") or {})})
    nothing_said = {"diagnostics": None} if "diagnostics" in message else {}
    return {**message, "usage": usage, **nothing_said}


def _zeros(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _zeros(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_zeros(item) for item in value]
    return 0 if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _taken_apart(block: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block begins, and the deltas that complete it."""
    kind = block.get("type")
    if kind == "text":
        start = {**block, "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
        if block.get("citations"):
            start["citations"] = []
            deltas += [{"type": "citations_delta", "citation": citation} for citation in block["citations"]]
        return start, deltas
    if kind == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(block.get("thinking") or "")]
        start = {**block, "thinking": ""}
        if block.get("signature"):
            start["signature"] = ""
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return start, deltas
    if isinstance(block.get("input"), dict):
        made = json.dumps(block["input"], ensure_ascii=False)
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": made}]
    return dict(block), []


def _pieces(text: str) -> list[str]:
    return [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]


def _dumped(value: object) -> bytes:
    # What stands in the store can be UTF-8: half surrogate pairs were replaced when it was received
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
