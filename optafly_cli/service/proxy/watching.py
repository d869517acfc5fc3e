"""Reads along while an answer passes by: is it complete, and may it be kept? Pure; it changes nothing."""

import json
import zlib
from typing import Any

from optafly_cli.errors import ProviderError
from optafly_cli.provider.ending import answer_of, usage_of
from optafly_cli.provider.events import BadEvent, ErrorEvent, EventReader, MessageBuilder
from optafly_cli.provider.result import Answer, Usage

MAX_BYTES = 16 << 20
"""An answer that is longer than this, unpacked, is passed on and not kept."""
_LAST_EVENT = b"message_stop"


class Undecodable(Exception):
    """The body cannot be unpacked here."""


class Unpacker:
    """Undoes the content codings that the standard library knows; identity costs nothing.

    Raises:
        Undecodable: another coding, or bytes that are not in it.
    """

    def __init__(self, coding: str) -> None:
        name = coding.strip().lower()
        self._undo: Any = None
        if name in ("gzip", "x-gzip"):
            self._undo = zlib.decompressobj(zlib.MAX_WBITS | 16)
        elif name == "deflate":
            self._undo = zlib.decompressobj()
        elif name not in ("", "identity"):
            raise Undecodable(name)

    @property
    def packed(self) -> bool:
        """Whether what is in a chunk can only be seen unpacked."""
        return self._undo is not None

    def feed(self, chunk: bytes, limit: int) -> bytes:
        """What the chunk unpacks to, `limit` bytes at most: more is not waited for.

        Raises:
            Undecodable: it is not in the coding that was announced, or is longer than the limit.
        """
        if self._undo is None:
            made = chunk
        else:
            try:
                made = self._undo.decompress(chunk, limit + 1)
            except zlib.error as error:
                raise Undecodable(str(error)) from error
        if len(made) > limit:
            raise Undecodable("too long")
        return made


class Watch:
    """Takes the chunks of one reply with status 200. `given_up`: why the answer cannot be kept, once known."""

    def __init__(self, *, stream: bool, coding: str) -> None:
        self.given_up = ""
        self.complete = False
        self._room = MAX_BYTES
        self._whole: list[bytes] = []
        self._reader = EventReader() if stream else None
        self._builder = MessageBuilder()
        self._may_end = True
        self._before = b""
        try:
            self._unpacker = Unpacker(coding)
            self._may_end = self._unpacker.packed
        except Undecodable:
            self.given_up = "encoding"

    def may_end_in(self, chunk: bytes) -> bool:
        """Whether a stream's message may end in the next chunk to be fed: from its `message_stop` on it may."""
        if not self._may_end:
            seen = self._before + chunk
            self._may_end = _LAST_EVENT in seen
            self._before = seen[1 - len(_LAST_EVENT) :]
        return self._may_end

    def feed(self, chunk: bytes, *, room: bool = True) -> None:
        """Take a chunk, if there is room for it; `complete` is true after the one that ends a stream's message."""
        if self.given_up or self.complete:
            return
        if not room:
            self.given_up = "room"
            self._whole.clear()
            return
        try:
            made = self._unpacker.feed(chunk, self._room)
            self._room -= len(made)
            if self._reader is None:
                self._whole.append(made)
                return
            for event in self._reader.feed(made):
                self._take(event)
        except (Undecodable, BadEvent, ErrorEvent):
            self.given_up = "unreadable"
            self._whole.clear()

    def _take(self, event: dict[str, Any]) -> None:
        self._builder.feed(event)
        block = event.get("content_block")
        if isinstance(block, dict) and block.get("type") == "tool_use":
            self.given_up = "tool_use"
        self.complete = self._builder.complete

    def answer(self, *, max_tokens: int, request_id: str | None) -> Answer | None:
        """The answer, when it is one that may be kept. To be called at the end, or when `complete`."""
        message = self._message()
        if message is None:
            return None
        blocks = message["content"]
        if any(block.get("type") == "tool_use" for block in blocks):
            self.given_up = "tool_use"
            return None
        text = "".join(block["text"] for block in blocks if block.get("type") == "text")
        try:
            return answer_of(message, text, max_tokens=max_tokens, request_id=request_id)
        except ProviderError as error:
            self.given_up = error.code
            return None

    def usage(self) -> Usage | None:
        """What the answer has reported so far, also of one that is not kept; None where nothing can be read."""
        message = self._builder.message() if self._reader is not None else _parsed(b"".join(self._whole))
        return usage_of(message) if isinstance(message, dict) and isinstance(message.get("usage"), dict) else None

    def _message(self) -> dict[str, Any] | None:
        if self.given_up or (self._reader is not None and not self.complete):
            self.given_up = self.given_up or "cut"
            return None
        message = self._builder.message() if self._reader is not None else _parsed(b"".join(self._whole))
        if not _well_formed(message):
            self.given_up = "unreadable"
            return None
        return message


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _well_formed(message: Any) -> bool:
    """Whether a replay of it would be a message: what a client relies on is there."""
    if not isinstance(message, dict) or message.get("type") != "message" or message.get("role") != "assistant":
        return False
    blocks = message.get("content")
    named = isinstance(message.get("id"), str) and isinstance(message.get("model"), str)
    named = named and isinstance(message.get("usage") or {}, dict)
    return named and isinstance(blocks, list) and all(_is_block(block) for block in blocks)


def _is_block(block: Any) -> bool:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return False
    return block["type"] != "text" or isinstance(block.get("text"), str)
