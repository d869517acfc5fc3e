"""What the fake is told to do with one request: a `Reply` (well or badly ended) or a `Failure` (an error status)."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.fakes.prompt_cache import count_tokens

THINKING_TOKENS = 12
"""Output tokens that the fake's hidden thinking costs."""

End = Literal["stop", "cut", "reset", "eof", "stall", "error"]

ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("invalid_request_error", "the request is not valid"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "your credit balance is too low"),
    403: ("permission_error", "your API key does not have permission to use the specified resource"),
    404: ("not_found_error", "the requested resource could not be found"),
    408: ("timeout_error", "request timed out"),
    409: ("conflict_error", "the resource is in use"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "this request would exceed your rate limit"),
    500: ("api_error", "Internal server error"),
    503: ("api_error", "service unavailable"),
    504: ("timeout_error", "the request timed out"),
    529: ("overloaded_error", "Overloaded"),
}


@dataclass(frozen=True)
class Failure:
    """An error status instead of a reply; `body` replaces the API's error JSON (a proxy's HTML, say)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str | None = None
    body: bytes | None = None
    content_type: str = "application/json"

    def payload(self, request_id: str) -> bytes:
        """The response body."""
        if self.body is not None:
            return self.body
        kind, text = ERRORS.get(self.status, ("api_error", "error"))
        return error_json(kind, self.message or text, request_id)


@dataclass(frozen=True)
class Reply:
    """A reply. `text` may be a function of the request body.

    `end` says how a stream ends: `stop` as it should; `cut` in mid-body; `reset` by a TCP reset; `eof` as if it were
    complete but without message_stop; `stall` waits, until the test releases the server or the client leaves, and
    goes on; `error` with an error event of type `error`. All but `stop` happen after `after` text deltas (None: all).
    `slice_bytes` cuts what is written into pieces of that size, through characters too. `delay_s` is per text delta,
    `think_s` comes before the reply's head.
    """

    text: str | Callable[[Mapping[str, Any]], str] = "Hello from the fake."
    stop_reason: str | None = "end_turn"
    stop_sequence: str | None = None
    stop_details: Mapping[str, Any] | None = None
    thinking: bool = True
    extra_blocks: tuple[Mapping[str, Any], ...] = ()
    end: End = "stop"
    after: int | None = None
    error: str = "overloaded_error"
    unknown_events: bool = False
    delta_chars: int = 8
    slice_bytes: int | None = None
    delay_s: float = 0.0
    think_s: float = 0.0
    content_type: str = "text/event-stream; charset=utf-8"


Step = Reply | Failure


def error_json(kind: str, message: str, request_id: str) -> bytes:
    """The API's error body."""
    error = {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
    return json.dumps(error).encode()


def message_of(reply: Reply, body: Mapping[str, Any], usage: Mapping[str, Any], message_id: str) -> dict[str, Any]:
    """The whole message, as it is returned when it is not streamed. A text over `max_tokens` is cut there."""
    text = reply.text(body) if callable(reply.text) else reply.text
    thinking = THINKING_TOKENS if reply.thinking else 0
    room = max(0, body["max_tokens"] - thinking)
    stop_reason = reply.stop_reason
    if count_tokens(text) > room:
        text = text.encode()[: math.floor(room * 3.5)].decode(errors="ignore")
        stop_reason = "max_tokens"
    content: list[dict[str, Any]] = []
    if reply.thinking and body["max_tokens"]:
        content.append({"type": "thinking", "thinking": "", "signature": "c2lnbmF0dXJl"})
    if text:
        content.append({"type": "text", "text": text})
    content += [dict(block) for block in reply.extra_blocks]
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": reply.stop_sequence,
        "stop_details": dict(reply.stop_details) if reply.stop_details else None,
        "usage": {**usage, "output_tokens": min(body["max_tokens"], thinking + count_tokens(text))},
    }


def events_of(message: Mapping[str, Any], delta_chars: int = 8) -> Iterator[dict[str, Any]]:
    """The documented event sequence of a message, ping included, ended by message_stop."""
    usage = message["usage"]
    unfinished: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    yield {"type": "message_start", "message": {**message, **unfinished, "usage": {**usage, "output_tokens": 1}}}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        start, deltas = _start_and_deltas(block, delta_chars)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ends = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    yield {"type": "message_delta", "delta": ends, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


def _start_and_deltas(block: Mapping[str, Any], size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "text":
        pieces = [block["text"][at : at + size] for at in range(0, len(block["text"]), size)]
        return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]
    if block["type"] == "thinking":
        pieces = [block["thinking"][at : at + size] for at in range(0, len(block["thinking"]), size)]
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
        signature = {"type": "signature_delta", "signature": block["signature"]}
        return {**block, "thinking": "", "signature": ""}, [*deltas, signature]
    if block["type"] == "tool_use":
        raw = json.dumps(block["input"])
        pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return dict(block), []


def sse(event: Mapping[str, Any]) -> bytes:
    """One event on the wire. Characters are sent as they are, U+2028 and U+0085 included, as JSON allows."""
    return f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
