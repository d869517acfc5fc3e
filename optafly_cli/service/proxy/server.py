"""The process: an address to listen on, uvicorn around the application, and an end that finishes what is under way."""

import asyncio
import errno
import logging
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

from optafly_cli.errors import ConfigError, UsageError
from optafly_cli.service.proxy.app import Proxy, ProxySettings
from optafly_cli.service.proxy.guard import SHORTEST_TOKEN, is_loopback
from optafly_cli.service.proxy.protocol import protocol

if TYPE_CHECKING:
    import uvicorn

Stop = Callable[[], None]
GRACE_S = 30.0
_BACKLOG = 512
_DESCRIPTORS = 4_096
_HEAD_S = 30.0
"""How long a client may take for a request's line and headers."""
_MAKE_ONE = "set OPTAFLY_SERVICE_TOKEN (`openssl rand -hex 16` makes one)"


def listen(host: str, port: int, *, allow_remote: bool, token: str) -> socket.socket:
    """A socket that listens; port 0 takes any free one.

    Raises:
        UsageError: the address is none of this machine's, is taken, or others could reach it and nobody said so.
        ConfigError: others could reach it and there is no token, or a short one.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{host} is no address of this machine", remedy="give --host 127.0.0.1") from error
    if token and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token):
        raise ConfigError(
            f"[service] token needs {SHORTEST_TOKEN} characters or more, ASCII and no spaces", remedy=_MAKE_ONE
        )
    if not is_loopback(str(address[0])):
        if not allow_remote:
            raise UsageError(
                f"others could reach {host}", remedy="give --host 127.0.0.1, or --allow-remote and a token"
            )
        if not token:
            raise ConfigError(f"others could reach {host}, and there is no token to ask them for", remedy=_MAKE_ONE)
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise _no_address(host, port, error) from error
    return made


def check_upstream(url: str, shown: str, made: socket.socket) -> None:
    """See that the upstream is not the address that we listen on, under whatever name.

    Raises:
        ConfigError: it is.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    host, port = made.getsockname()[:2]
    if (parts.port or (443 if parts.scheme == "https" else 80)) != port:
        return
    try:
        found = {info[4][0] for info in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    if host in found or (everywhere and any(is_loopback(str(address)) for address in found)):
        raise ConfigError(
            f"the upstream {shown} is this proxy itself",
            remedy="give --upstream https://api.anthropic.com, or unset ANTHROPIC_BASE_URL",
        )


def serve(
    made_from: ProxySettings,
    made: socket.socket,
    *,
    ready: Callable[[Stop], None],
    say: Callable[[str], None],
    detail: Callable[[str], None],
    grace_s: float = GRACE_S,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is under way, `grace_s` seconds at most; a second signal ends it.

    `ready` is called once the first request can be answered, with a function that ends it as a signal does, from any
    thread. Signals are taken on the main thread only.
    """
    _allow_descriptors()
    asyncio.run(_serve(made_from, made, ready, say, detail, grace_s))


def _allow_descriptors() -> None:
    """Raise the soft limit, where that is lower: each request may take a client, a connection upstream and a lock."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(
    made_from: ProxySettings,
    made: socket.socket,
    ready: Callable[[Stop], None],
    say: Callable[[str], None],
    detail: Callable[[str], None],
    grace_s: float,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: detail(f"a connection failed: {context.get('message')}"))
    proxy = Proxy(made_from, say, detail)
    server = _server(proxy, grace_s, made_from.settings.provider.timeout_s)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _stop, server, number, say)
    warming = asyncio.ensure_future(proxy.warm_up())
    warming.add_done_callback(lambda done: done.cancelled() or done.exception())
    serving = asyncio.ensure_future(server.serve([made]))
    try:
        while not server.started and not serving.done():
            await asyncio.sleep(0.005)
        if server.started:
            ready(lambda: _soon(loop, server))
        await serving
    finally:
        await proxy.close()


def _server(proxy: Proxy, grace_s: float, patience_s: float) -> "uvicorn.Server":
    import uvicorn

    class Server(uvicorn.Server):
        """Leaves signals to `_serve`, which does not raise them again at the end."""

        def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
            return nullcontext()

    # asyncio warns of every part of a reply that a client did not wait for
    for name in ("uvicorn.error", "uvicorn.access", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return Server(
        uvicorn.Config(
            proxy,
            http=protocol(min(_HEAD_S, patience_s)),
            ws="none",
            loop="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=max(1, round(grace_s)),
        )
    )


def _stop(server: "uvicorn.Server", number: int, say: Callable[[str], None]) -> None:
    if server.should_exit:
        # What is in the store is on disk, and nothing else is worth waiting for
        os._exit(128 + number)
    server.should_exit = True
    if count := len(server.server_state.tasks):
        say(f"finishing {count} request{'' if count == 1 else 's'}; once more ends it at once")


def _soon(loop: asyncio.AbstractEventLoop, server: "uvicorn.Server") -> None:
    loop.call_soon_threadsafe(setattr, server, "should_exit", True)


def _no_address(host: str, port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(
            f"port {port} of {host} is taken", remedy="give another --port, or stop what is there", code="port_taken"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return UsageError(f"port {port} may not be used by you", remedy="give a --port of 1024 or more")
    return UsageError(f"{host} is no address of this machine", remedy="give --host 127.0.0.1")
