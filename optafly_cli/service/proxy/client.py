"""One request of a client, over ASGI: its body as it comes, its reply as it goes, and whether it is still there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from optafly_cli.service.proxy.headers import Headers, first, has
from optafly_cli.service.proxy.problems import ClientGone, Problem, Refused

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
_DRAINED = 64 << 20
_DRAIN_S = 2.0


class Room:
    """The bytes of all bodies, or replies, that are held at the same time: never more than `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.used = 0

    def take(self, size: int) -> None:
        """Hold so many more.

        Raises:
            Refused: there is no room.
        """
        if self.used + size > self._limit:
            raise Refused(529, "too many large requests at the same time", close=True)
        self.used += size

    def give(self, size: int) -> None:
        """Hold so many fewer."""
        self.used -= size

    @contextmanager
    def share(self) -> Iterator[Callable[[int], bool]]:
        """A function that holds so many more bytes until the block ends, or says that there is no room for them."""
        taken = 0

        def take(size: int) -> bool:
            nonlocal taken
            if self.used + size > self._limit:
                return False
            self.used += size
            taken += size
            return True

        try:
            yield take
        finally:
            self.give(taken)


class Client:
    """A request and the reply to it. `patience_s` is how long a client may send nothing, or read nothing."""

    def __init__(self, scope: Any, receive: Receive, send: Send, patience_s: float) -> None:
        self.method: str = scope["method"]
        self.path: bytes = scope["raw_path"]
        self.query: bytes = scope["query_string"]
        self.headers: Headers = scope["headers"]
        self.address = str((scope.get("client") or ("",))[0])
        self.status = 0
        self.held = 0
        self._receive = receive
        self._send = send
        self._patience_s = patience_s
        self._more = True
        self._ended = False

    @property
    def target(self) -> bytes:
        """The path and the query as they came."""
        return self.path + b"?" + self.query if self.query else self.path

    @property
    def has_body(self) -> bool:
        """Whether the request announces a body."""
        return has(self.headers, b"transfer-encoding") or first(self.headers, b"content-length") not in ("", "0")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes; the client is read no faster than this is.

        Raises:
            ClientGone: it hung up before the end.
            Refused: it sent nothing for too long.
        """
        while self._more:
            try:
                async with asyncio.timeout(self._patience_s):
                    event = await self._receive()
            except TimeoutError:
                raise Refused(408, "the rest of the request did not arrive in time", close=True) from None
            if event["type"] == "http.disconnect":
                raise ClientGone
            self._more = bool(event.get("more_body"))
            if chunk := event.get("body"):
                yield chunk

    async def body(self, limit: int, room: Room) -> bytes:
        """The whole body. What is held is counted in `held`, for whoever gives the room back.

        Raises:
            ClientGone: it hung up before the end.
            Refused: over `limit` bytes, or no room.
        """
        announced = first(self.headers, b"content-length")
        if announced.isdigit() and int(announced) > limit:
            raise _too_large(limit)
        parts: list[bytes] = []
        async for chunk in self.chunks():
            if self.held + len(chunk) > limit:
                raise _too_large(limit)
            room.take(len(chunk))
            self.held += len(chunk)
            parts.append(chunk)
        return b"".join(parts)

    async def gone(self) -> None:
        """Return when the client has hung up, or its reply is complete. Only once the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            continue

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers."""
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, chunk: bytes) -> None:
        """Send a part of the reply, when there is room for it on the way.

        Raises:
            ClientGone: it has read nothing for too long.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            raise ClientGone from None

    async def end(self, chunk: bytes = b"") -> None:
        """Send the last part."""
        self._ended = True
        await self._send({"type": "http.response.body", "body": chunk, "more_body": False})

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole reply."""
        await self.start(status, headers)
        await self.end(body)

    async def refuse(self, problem: Problem) -> None:
        """Say what the problem is. A client that is still sending is read on for a moment, or it would not hear it."""
        await self.start(problem.status, problem.headers)
        if problem.close and self._more:
            await self.write(problem.body)
            with suppress(TimeoutError, ClientGone, Refused):
                async with asyncio.timeout(_DRAIN_S):
                    drained = 0
                    async for chunk in self.chunks():
                        drained += len(chunk)
                        if drained > _DRAINED:
                            break
            await self.end()
        else:
            await self.end(problem.body)

    async def while_there(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work, and stop it when the client hangs up.

        Raises:
            ClientGone: it did.
        """
        task = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(self.gone())
        try:
            await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and not self._ended:
                raise ClientGone
            await asyncio.wait({task})
        finally:
            for running in (task, watch):
                running.cancel()
            await asyncio.wait({task, watch})
        task.result()


def _too_large(limit: int) -> Refused:
    return Refused(413, f"the request is larger than {limit:,} bytes", close=True)
