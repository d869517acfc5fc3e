"""One client's connection to the proxy, by hand: any bytes can be sent, and everything that comes back is looked at."""

import asyncio
import json
import struct
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

KEY = "sk-ant-api03-soak"
VERSION = "2026-10-21"
PATIENCE_S = 60.0
LEFT_OPEN_S = 70.0
"""An idle connection is the client's for at least this long (uvicorn is told 75)."""


class WrongAnswerError(Exception):
    """What came back is not what it must be."""


@dataclass(frozen=True)
class Got:
    """A whole reply, headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def cache(self) -> str:
        """What the proxy says of its store."""
        return self.headers.get("x-optafly-cache", "")

    def json(self) -> Any:
        """The body.

        Raises:
            WrongAnswerError: it is no JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise WrongAnswerError(f"no JSON: {self.body[:200]!r}") from error

    def message(self) -> dict[str, Any]:
        """The message, from JSON or put together from its events, its text as `text`.

        Raises:
            WrongAnswerError: there is no whole message.
        """
        if self.status != 200:
            raise WrongAnswerError(f"{self.status}: {self.body[:200]!r}")
        if not self.headers.get("content-type", "").startswith("text/event-stream"):
            message = self.json()
            return {**message, "text": _text(block.get("text", "") for block in message["content"])}
        events = [json.loads(line[6:]) for line in self.body.decode().split("\n") if line.startswith("data: ")]
        if not events or events[0]["type"] != "message_start" or events[-1]["type"] != "message_stop":
            raise WrongAnswerError(f"no whole stream: {self.body[-200:]!r}")
        ends = next(event for event in events if event["type"] == "message_delta")
        deltas = (event["delta"] for event in events if event["type"] == "content_block_delta")
        text = _text(delta.get("text", "") for delta in deltas)
        return {**events[0]["message"], **ends["delta"], "text": text}


def _text(parts: Iterable[str]) -> str:
    return "".join(parts)


class Line:
    """A kept-alive connection, opened when it is needed; counts what it has sent."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self._port = port
        self._last = 0.0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"", *, chunked: bool = False, **headers: str) -> Got:
        """Send one request, and the whole reply. A header's underscores are dashes; an empty one is left out.

        Raises:
            OSError, EOFError, TimeoutError: there was none.
        """
        return await self.exchange(request(method, path, body, chunked=chunked, **headers), head=method == "HEAD")

    async def exchange(self, raw: bytes, *, head: bool = False) -> Got:
        """Send these bytes, and the whole reply to them."""
        async with asyncio.timeout(PATIENCE_S):
            reader = await self.begin(raw)
            got = await _reply(reader, head)
        self._last = time.monotonic()
        if got.headers.get("connection", "") == "close":
            self.hang_up()
        return got

    async def begin(self, raw: bytes) -> asyncio.StreamReader:
        """Send these bytes, and where the reply will come."""
        if self._streams is not None and self._streams[0].at_eof():
            idle_s = time.monotonic() - self._last
            self.hang_up()
            if idle_s < LEFT_OPEN_S:
                raise WrongAnswerError(f"hung up on after {idle_s:.1f} s")
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        self.sent += 1
        self._streams[1].write(raw)
        await self._streams[1].drain()
        return self._streams[0]

    def hang_up(self, *, reset: bool = False) -> None:
        """End the connection, also in the middle of something; with `reset` as a process that is killed may."""
        streams, self._streams = self._streams, None
        if streams is None:
            return
        if reset:
            with suppress(OSError):
                made = streams[1].get_extra_info("socket")
                made.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        streams[1].transport.abort()


def request(method: str, path: str, body: bytes = b"", *, chunked: bool = False, **headers: str) -> bytes:
    """The bytes of a request as any client of the API sends it, with these headers more, or others."""
    given = {"host": "localhost", "x-api-key": KEY, "anthropic-version": VERSION, "content-type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    if chunked:
        given["transfer-encoding"] = "chunked"
        half = len(body) // 2
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:], b""))
    elif body:
        given["content-length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items() if value), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


async def _reply(reader: asyncio.StreamReader, head: bool) -> Got:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first.split()[1])
    if head:
        body = b""
    elif "chunked" in headers.get("transfer-encoding", ""):
        parts = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            parts.append((await reader.readexactly(size + 2))[:-2])
        await reader.readexactly(2)
        body = b"".join(parts)
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read()
    return Got(status, headers, body)
