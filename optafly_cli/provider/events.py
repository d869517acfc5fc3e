"""The event stream of a Messages answer: bytes to events, events to the message as it would be unstreamed.

Our own, and not the SDK's, because a replayed answer must be the very JSON that was sent: the SDK's models drop or
reword what they do not know. Pure: no I/O, and nothing imported but the standard library.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

_LINE_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)
_TEXT_OF_DELTA = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


class BadEvent(Exception):
    """The stream breaks the protocol."""


class ErrorEvent(Exception):
    """The endpoint reported an error after it had answered with status 200."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def iter_events(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON of each server-sent event, wherever the chunks were cut.

    An event that the stream ends in the middle of is dropped, as the standard says.

    Raises:
        BadEvent: for data that is not a JSON object.
        ErrorEvent: for an error event.
    """
    reader = EventReader()
    for chunk in chunks:
        yield from reader.feed(chunk)


class EventReader:
    """`iter_events` for who is given the chunks one by one."""

    def __init__(self) -> None:
        self._pending = b""
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The JSON of each event that ends in this chunk.

        Raises:
            BadEvent, ErrorEvent: as for `iter_events`.
        """
        # Not str.splitlines: U+2028 and U+0085 may stand unescaped inside a JSON string
        *whole, self._pending = _LINE_END.split(self._pending + chunk)
        for line in whole:
            if line:
                self._take(line.decode("utf-8", "replace"))
                continue
            name, data = self._name, self._data
            self._name, self._data = "", []
            if data and data != ["[DONE]"]:
                yield _event(name, "\n".join(data))

    def _take(self, line: str) -> None:
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "data":
            self._data.append(value)
        elif key == "event":
            self._name = value


def _event(name: str, data: str) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadEvent(f"an event is not JSON: {data[:80]!r}") from error
    if not isinstance(event, dict):
        raise BadEvent(f"an event is not an object: {data[:80]!r}")
    kind = event.setdefault("type", name)
    if kind == "error" or (not kind and "error" in event):
        details = event.get("error")
        details = details if isinstance(details, dict) else {"message": str(details or "")}
        raise ErrorEvent(str(details.get("type") or "api_error"), str(details.get("message") or "no details given"))
    return event


class MessageBuilder:
    """Collects the events of one answer. `complete` is True once message_stop was seen."""

    def __init__(self) -> None:
        self.complete = False
        self._message: dict[str, Any] | None = None
        self._blocks: dict[int, dict[str, Any]] = {}
        self._parts: dict[int, dict[str, list[str]]] = {}

    def feed(self, event: Mapping[str, Any]) -> str:
        """Takes one event and returns the answer text that it adds ("" for most). Unknown events are ignored.

        Raises:
            BadEvent: for a known event that lacks what it must have, or comes out of order.
        """
        kind = event.get("type")
        try:
            if kind == "message_start":
                self._message = deepcopy(dict(event["message"]))
            elif kind == "content_block_start":
                return self._start(event["index"], dict(event["content_block"]))
            elif kind == "content_block_delta":
                return self._delta(event["index"], event["delta"])
            elif kind == "message_delta":
                self._finish(event)
            elif kind == "message_stop":
                self.complete = self._message is not None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadEvent(f"the event {kind} is malformed or out of order") from error
        return ""

    @property
    def text(self) -> str:
        """The text blocks so far, joined."""
        return "".join(
            "".join(self._parts[index]["text"]) for index in sorted(self._blocks) if self._is_text(index)
        )  # fmt: skip

    def message(self) -> dict[str, Any]:
        """The message so far, as the API would return it unstreamed; {} before message_start."""
        if self._message is None:
            return {}
        return {**deepcopy(self._message), "content": [self._block(index) for index in sorted(self._blocks)]}

    def _is_text(self, index: int) -> bool:
        return self._blocks[index].get("type") == "text"

    def _start(self, index: int, block: dict[str, Any]) -> str:
        if self._message is None or not isinstance(index, int):
            raise KeyError("message_start")
        self._blocks[index] = deepcopy(block)
        text = _encodable(block.get("text") or "")
        self._parts[index] = {
            "text": [text] if text else [],
            "thinking": [block.get("thinking") or ""],
            "partial_json": [],
        }
        return text if self._is_text(index) else ""

    def _delta(self, index: int, delta: Mapping[str, Any]) -> str:
        block, kind = self._blocks[index], delta["type"]
        if kind in _TEXT_OF_DELTA:
            name = _TEXT_OF_DELTA[kind]
            piece = _encodable(delta[name])
            self._parts[index][name].append(piece)
            return piece if kind == "text_delta" and self._is_text(index) else ""
        if kind == "signature_delta":
            block["signature"] = delta["signature"]
        elif kind == "citations_delta":
            block["citations"] = [*(block.get("citations") or []), delta["citation"]]
        return ""

    def _finish(self, event: Mapping[str, Any]) -> None:
        if self._message is None:
            raise KeyError("message_start")
        self._message.update(deepcopy(dict(event["delta"])))
        # Cumulative totals: they replace those of message_start, except where they are left out
        usage = {name: value for name, value in (event.get("usage") or {}).items() if value is not None}
        self._message["usage"] = {**(self._message.get("usage") or {}), **deepcopy(usage)}

    def _block(self, index: int) -> dict[str, Any]:
        block, parts = deepcopy(self._blocks[index]), self._parts[index]
        for name in ("text", "thinking"):
            if name in block:
                block[name] = "".join(parts[name])
        if parts["partial_json"]:
            try:
                block["input"] = json.loads("".join(parts["partial_json"]))
            except ValueError:
                # Cut by max_tokens: what the API returns then is the input so far, here that of the block's start
                return block
        return block


def _encodable(text: str) -> str:
    """Half a surrogate pair, which JSON can carry, becomes U+FFFD: it could be neither printed nor stored."""
    if not isinstance(text, str):
        raise TypeError("text")
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
