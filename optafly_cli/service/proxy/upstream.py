"""Connections to the upstream: bytes in, bytes out, nothing unpacked, nothing followed, nothing tried twice.

On httpcore2 and not httpx2, which would add headers, tidy the target and unpack the body.
"""

import ssl
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from optafly_cli.config.settings import ProviderSettings
from optafly_cli.service.proxy.guard import is_loopback
from optafly_cli.service.proxy.headers import Headers

if TYPE_CHECKING:
    import httpcore2

_CONNECT_S = 10.0
_IDLE_S = 30.0
MAX_CONNECTIONS = 512


class UpstreamFailed(Exception):
    """No answer came, or not all of it. The message is one sentence that names no credential."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply whose body is still to come; `body` raises `UpstreamFailed` where it ends early."""

    status: int
    headers: Headers
    body: AsyncIterator[bytes]


class Upstream:
    """One upstream, all connections to it. `shown` is its address without user, password and query."""

    def __init__(self, url: str, shown: str, settings: ProviderSettings, *, keep: int) -> None:
        import httpcore2

        parts = urlsplit(url)
        self.shown = shown
        self._timeout_s = settings.timeout_s
        self._prefix = parts.path.rstrip("/").encode("ascii", "ignore")
        host = (parts.hostname or "").encode("idna")
        default = 443 if parts.scheme == "https" else 80
        port = parts.port or default
        self._origin = (parts.scheme.encode(), host, port)
        bracketed = b"[%s]" % host if b":" in host else host
        self.host = bracketed if port == default else b"%s:%d" % (bracketed, port)
        self._pool = httpcore2.AsyncConnectionPool(
            proxy=_environment_proxy(parts.scheme, parts.netloc.rpartition("@")[2]),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=keep,
            keepalive_expiry=_IDLE_S,
        )

    async def close(self) -> None:
        """Let go of all connections."""
        await self._pool.aclose()

    @asynccontextmanager
    async def send(
        self, method: str, target: bytes, headers: Headers, body: bytes | AsyncIterable[bytes]
    ) -> AsyncIterator[Reply]:
        """The reply to a request; leaving the block before the body's end drops the connection.

        Raises:
            UpstreamFailed: nothing could be sent, or no reply came.
        """
        import httpcore2

        scheme, host, port = self._origin
        url = httpcore2.URL(scheme=scheme, host=host, port=port, target=self._prefix + target)
        limits = {"connect": min(_CONNECT_S, self._timeout_s)}
        limits |= dict.fromkeys(("read", "write", "pool"), self._timeout_s)
        request = httpcore2.Request(
            method.encode("ascii"), url, headers=list(headers), content=body, extensions={"timeout": limits}
        )
        try:
            response = await self._pool.handle_async_request(request)
        except _failures() as error:
            raise self._failed(error) from None
        try:
            yield Reply(response.status, response.headers, self._chunks(response))
        finally:
            await response.aclose()

    async def _chunks(self, response: "httpcore2.Response") -> AsyncIterator[bytes]:
        try:
            async for chunk in response.aiter_stream():
                yield chunk
        except _failures() as error:
            raise self._failed(error) from None

    def _failed(self, error: Exception) -> UpstreamFailed:
        """What happened, without the error's own text where that may quote a header."""
        import httpcore2

        if isinstance(error, httpcore2.ConnectTimeout):
            return UpstreamFailed(504, f"{self.shown} did not accept a connection in time")
        if isinstance(error, httpcore2.TimeoutException):
            return UpstreamFailed(504, f"nothing went to or came from {self.shown} for {self._timeout_s:g} s")
        if isinstance(error, httpcore2.ConnectError | httpcore2.ProxyError | ssl.SSLError):
            reason = " ".join(str(error).split())[:200] or "no reason given"
            return UpstreamFailed(502, f"{self.shown} cannot be reached ({reason})")
        if isinstance(error, httpcore2.LocalProtocolError | httpcore2.UnsupportedProtocol):
            return UpstreamFailed(502, f"the request cannot be sent to {self.shown} as it is")
        return UpstreamFailed(502, f"{self.shown} broke the connection off")


def _failures() -> tuple[type[Exception], ...]:
    import httpcore2

    return (
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.ProxyError,
        httpcore2.TimeoutException,
        httpcore2.UnsupportedProtocol,
        ssl.SSLError,
    )


def _environment_proxy(scheme: str, netloc: str) -> "httpcore2.Proxy | None":
    """The HTTP proxy that the environment names for this address, as every client of the API would take it."""
    from urllib.request import getproxies, proxy_bypass

    import httpcore2

    found = getproxies()
    address = found.get(scheme) or found.get("all")
    # What is this machine's never leaves it: another host has another 127.0.0.1
    if not address or proxy_bypass(netloc) or is_loopback(urlsplit(f"//{netloc}").hostname or ""):
        return None
    parts = urlsplit(address if "://" in address else f"http://{address}")
    auth = (parts.username, parts.password or "") if parts.username else None
    bare = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return httpcore2.Proxy(bare, auth=auth)
