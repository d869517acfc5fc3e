"""Clients that mean harm, or are broken: each gets an error or is let go, and the others notice nothing."""

import json
import socket
import time
from typing import Any

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.proxy.conftest import QUESTION, RunningProxy, StartProxy
from tests.proxy.raw import RawServer, exchange

HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nanthropic-version: 2026-10-21\r\nconnection: close\r\n"


def sent(proxy: RunningProxy, body: bytes) -> bytes:
    """The answer to a body, whatever it is."""
    return exchange(proxy.port, HEAD + b"x-api-key: k\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


LONG = "word " * 3_000
STRANGE: dict[str, Any] = {
    "a type that is an object": {"system": [{"type": "text", "text": LONG}, {"type": {}, "text": 1}]},
    "a type that is a list": {"messages": [{"role": "user", "content": [{"type": ["text"], "text": LONG}]}]},
    "blocks that are none": {"system": [LONG, None, 1], "tools": [None, 1, {"input_schema": 3}]},
    "turns without content": {"messages": [{"role": "user"}, {}, {"role": "assistant", "content": None}]},
    "a role that is a list": {"system": LONG, "messages": [{"role": ["user"], "content": "x"}] * 3},
    "a source that is text": {"messages": [{"role": "user", "content": [{"type": "image", "source": LONG}]}] * 3},
}


@pytest.mark.parametrize("name", STRANGE)
def test_json_of_another_shape_is_the_upstreams_to_refuse(start: StartProxy, name: str) -> None:
    """Byte for byte, and never a fault of the proxy."""
    with RawServer(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\nno") as server:
        proxy = start(upstream=server.url)
        body = json.dumps({**QUESTION, **STRANGE[name]}).encode()
        assert sent(proxy, body).endswith(b"\r\n\r\nno")
        assert proxy.lines == []
        assert len(server.bodies) == 1


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 5_000])
def test_a_number_that_is_too_large_is_sent_on(start: StartProxy, number: bytes) -> None:
    """It is the upstream's to refuse."""
    with RawServer(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\nno") as server:
        proxy = start(upstream=server.url)
        body = json.dumps(QUESTION).encode().replace(b"200", number)
        assert sent(proxy, body).endswith(b"\r\n\r\nno")
        assert server.bodies == [body]
        assert proxy.lines == []


@pytest.mark.parametrize("path", [b"/v1/messages", b"/v1/files"])
def test_a_body_with_two_lengths_is_refused(proxy: RunningProxy, api: MessagesApi, path: bytes) -> None:
    """Chunked and with a content-length: who is in front of the proxy may have read another end of it."""
    head = b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n" % path
    got = exchange(proxy.port, head + b"3\r\nabc\r\n0\r\n\r\nGET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 400 ")
    assert got.count(b"HTTP/1.1") == 1
    assert api.requests == []


@pytest.mark.parametrize("head", [b"", b"POST /v1/messages HTT", b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\n"])
def test_a_head_that_never_ends_is_let_go(start: StartProxy, head: bytes) -> None:
    """Also one that grows byte by byte: its time runs from its beginning."""
    proxy = start(provider={"timeout_s": 0.4})
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection:
        connection.sendall(head)
        try:
            give_up = time.monotonic() + 60
            while time.monotonic() < give_up:
                connection.sendall(b"x")
                connection.settimeout(0.05)
                try:
                    if not connection.recv(65536):
                        break
                except TimeoutError:
                    continue
        except ConnectionError:
            return
        assert time.monotonic() < give_up


def test_a_second_head_that_never_ends_is_let_go_too(start: StartProxy) -> None:
    """On a connection that was answered before."""
    proxy = start(provider={"timeout_s": 0.4})
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET /heal")
        got = b""
        while chunk := connection.recv(65536):
            got += chunk
    assert got.count(b'"ok"') == 1


def test_a_request_that_takes_its_time_is_not_a_slow_head(start: StartProxy) -> None:
    """The time is for the head; an idle connection may be used again after it."""
    proxy = start(provider={"timeout_s": 0.4})
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection:
        for _ in range(2):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
            got = b""
            while b'"ok"' not in got:
                got += connection.recv(65536)
            time.sleep(0.8)


@pytest.mark.parametrize(
    "host", [b"evil.com@localhost", b"localhost/evil", b"localhost?x", b"localhost#x", b"a\\localhost"]
)
def test_a_host_that_is_more_than_a_name_is_refused(proxy: RunningProxy, api: MessagesApi, host: bytes) -> None:
    """No client that means well sends one."""
    got = exchange(proxy.port, b"GET /v1/models HTTP/1.1\r\nhost: %s\r\n\r\n" % host)
    assert got.startswith(b"HTTP/1.1 403 ")
    assert api.requests == []


def test_a_header_that_stays_here_is_no_scope(proxy: RunningProxy, api: MessagesApi) -> None:
    """`Connection` names it, so the upstream never saw it, and who sends it along gets no answer from without."""
    beta = {"anthropic-beta": "context-1m-2026-08-07"}
    assert proxy.ask(QUESTION, {**beta, "connection": "close, anthropic-beta"}).cache == "miss; reason=empty"
    assert "anthropic-beta" not in api.messages[0].headers
    assert proxy.ask(QUESTION, beta).cache == "miss; reason=empty"
    assert proxy.ask(QUESTION).cache == "hit; tier=exact"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    start: StartProxy, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """HTTP_PROXY is for what is far: the key would go to it in clear text, and it could not reach us."""
    with RawServer(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nup") as upstream, RawServer() as other:
        monkeypatch.setenv("HTTP_PROXY", other.url)
        monkeypatch.setenv("http_proxy", other.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        proxy = start(upstream=f"http://{host}:{upstream.port}")
        assert proxy.ask(None, method="GET", path="/v1/models").body == b"up"
        assert other.heads == []
