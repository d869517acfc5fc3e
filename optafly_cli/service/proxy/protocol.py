"""HTTP/1.1 on one connection: uvicorn's on h11, with limits, and refusals in the shape of the API's errors."""

import asyncio
from typing import Any

from optafly_cli.service.proxy.problems import Problem

MAX_CONNECTIONS = 1_024


def protocol(head_s: float) -> type[asyncio.Protocol]:
    """The protocol of a server that waits `head_s` seconds for a request's line and headers."""
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class ApiProtocol(H11Protocol):
        """One connection."""

        head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > MAX_CONNECTIONS:
                transport.abort()
            self.time_head()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self.head_timer is not None:
                self.head_timer.cancel()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.time_head()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self.time_head()

        def time_head(self) -> None:
            """Let the time run from the first byte of a head, or the beginning of the connection, to the head's end."""
            begun = self.conn.their_state is h11.IDLE and (self.cycle is None or bool(self.conn.trailing_data[0]))
            if begun and self.head_timer is None:
                self.head_timer = self.loop.call_later(head_s, self.head_is_late)
            elif not begun and self.head_timer is not None:
                self.head_timer.cancel()
                self.head_timer = None

        def head_is_late(self) -> None:
            """Hang up; whoever has said something is told why."""
            if self.conn.trailing_data[0]:
                self.refuse(Problem(408, "optafly: the headers did not arrive in time", close=True), b"Request Timeout")
            self.transport.close()

        def send_400_response(self, msg: str) -> None:
            """Refuse what is no HTTP, unless a reply is on its way: then only the end of the connection can."""
            self.refuse(Problem(400, f"optafly: {msg}", close=True), b"Bad Request")

        def refuse(self, problem: Problem, reason: bytes) -> None:
            """Send the problem, if nothing is being sent, and hang up."""
            if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                for event in (
                    h11.Response(status_code=problem.status, headers=problem.headers, reason=reason),
                    h11.Data(data=problem.body),
                    h11.EndOfMessage(),
                ):
                    self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

    return ApiProtocol
