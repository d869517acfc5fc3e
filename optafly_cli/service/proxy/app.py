"""The door: the ASGI application. Lets requests in, and turns what goes wrong into an error of the API's shape."""

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optafly_cli._version import __version__
from optafly_cli.cache.digest import sha256
from optafly_cli.config.settings import Settings
from optafly_cli.provider.endpoint import DEFAULT_URL
from optafly_cli.service.proxy.call import Origin
from optafly_cli.service.proxy.client import Client, Receive, Send
from optafly_cli.service.proxy.desk import Desk
from optafly_cli.service.proxy.guard import Guard
from optafly_cli.service.proxy.handler import Handler
from optafly_cli.service.proxy.metrics import CONTENT_TYPE
from optafly_cli.service.proxy.problems import ClientGone, Problem, Refused
from optafly_cli.service.proxy.upstream import Upstream, UpstreamFailed

if TYPE_CHECKING:
    from optafly_cli.cache.engine.protocol import Engine

MAX_IN_FLIGHT = 512


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """What a proxy is made from. `upstream` may hold a password and is never shown, `shown` is.

    `extra` are headers of our own environment: credentials and ANTHROPIC_CUSTOM_HEADERS. `remote`: clients of other
    machines are expected. An empty `token` asks for none. `engine` finds one that has the models already, and takes
    what is called with a sentence when that one is lost.
    """

    settings: Settings
    folder: Path
    upstream: str
    shown: str
    extra: Mapping[bytes, bytes]
    token: str = ""
    remote: bool = False
    engine: "Callable[[Callable[[str], None]], Engine | None]" = lambda _: None


class Proxy:
    """The application. Make it and close it on the event loop that it runs on; `say` takes one line for the log.

    `detail` takes one line for each request, without any of its content.
    """

    def __init__(
        self,
        made_from: ProxySettings,
        say: Callable[[str], None],
        detail: Callable[[str], None] = lambda _: None,
    ) -> None:
        settings = made_from.settings
        mark = secrets.token_hex(8)
        self._desk = Desk(settings, made_from.folder, _origin(made_from), made_from.engine)
        self._upstream = Upstream(
            made_from.upstream, made_from.shown, settings.provider, keep=settings.service.connection_pool
        )
        self._handler = Handler(settings, self._desk, self._upstream, mark, dict(made_from.extra), say)
        self._guard = Guard(mark, made_from.token, made_from.remote)
        self._patience_s = settings.provider.timeout_s
        self._say = say
        self._detail = detail

    async def warm_up(self) -> None:
        """Load what the first answers would wait for."""
        await self._desk.warm_up()

    async def close(self) -> None:
        """Finish what goes on after replies, and let go of connections and store."""
        await self._handler.close()
        await self._upstream.close()
        await asyncio.to_thread(self._desk.close)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        client = Client(scope, receive, send, self._patience_s)
        metrics = self._handler.metrics
        begun = time.monotonic()
        metrics.in_flight += 1
        try:
            await self._answer(client)
        finally:
            metrics.in_flight -= 1
            path = client.path.decode("latin-1")[:200]
            self._detail(f"{client.method} {path} {client.status or 'gone'} {(time.monotonic() - begun) * 1000:.1f} ms")

    async def _answer(self, client: Client) -> None:
        """Answer, or say why not. A reply that was begun can only be cut: the client must not take it for whole."""
        problem: Problem | None = None
        try:
            await self._dispatch(client)
        except ClientGone:
            pass
        except Refused as refused:
            problem = refused.problem
        except UpstreamFailed as failed:
            self._handler.metrics.count("optafly_upstream_errors_total", "status", "no reply")
            problem = Problem(failed.status, f"optafly: {failed.message}")
        except Exception as error:  # noqa: BLE001 - the door: one request fails, and the others go on
            self._say(f"a fault in the proxy: {type(error).__name__} at {_place(error)}")
            problem = Problem(500, "optafly: a fault in the proxy; its log says where")
        if problem and not client.status:
            await client.refuse(problem)

    async def _dispatch(self, client: Client) -> None:
        handler, path = self._handler, client.path
        try:
            self._guard.check(client.headers, path)
        except Refused:
            handler.metrics.count("optafly_requests_total", "route", "refused")
            raise
        if handler.metrics.in_flight > MAX_IN_FLIGHT:
            raise Refused(529, f"over {MAX_IN_FLIGHT} requests are under way")
        if path in (b"/healthz", b"/metrics"):
            await self._own(client)
        elif path == b"/v1/messages" and client.method == "POST":
            handler.metrics.count("optafly_requests_total", "route", "messages")
            await handler.messages(client)
        else:
            handler.metrics.count("optafly_requests_total", "route", "passed")
            await handler.pass_on(client)

    async def _own(self, client: Client) -> None:
        if client.method not in ("GET", "HEAD"):
            raise Refused(405, f"{client.path.decode()} can be read only")
        if client.path == b"/healthz":
            kind, body = b"application/json", json.dumps({"status": "ok", "version": __version__}).encode()
        else:
            kind, body = CONTENT_TYPE, self._handler.metrics.text()
        await client.reply(200, [(b"content-type", kind), (b"content-length", b"%d" % len(body))], body)


def _origin(made_from: ProxySettings) -> Origin:
    from optafly_cli.cache.embedder import EmbedderUnavailable, embedder_identity

    cache = made_from.settings.cache
    try:
        embedder = embedder_identity(cache.embedding_model)
    except EmbedderUnavailable:
        embedder = ""
    # Our own headers may send a request elsewhere; credentials among them are the namespace's business
    added = [(name, value) for name, value in made_from.extra.items() if name not in (b"x-api-key", b"authorization")]
    upstream = sha256(f"{made_from.shown}\0{sorted(added)}")
    endpoint = "" if made_from.shown == DEFAULT_URL and not added else upstream
    return Origin(upstream, cache.namespace, embedder, endpoint)


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
