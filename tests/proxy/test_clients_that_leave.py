"""Clients that vanish, and clients that do not read: the upstream hears of it, and the others do not."""

import json
import socket
import struct
import threading
import time

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Reply
from tests.proxy.conftest import QUESTION, RunningProxy, StartProxy
from tests.proxy.raw import RawServer, exchange


def opened(proxy: RunningProxy, api: MessagesApi, **more: object) -> socket.socket:
    """A connection on which the question was asked, as a stream."""
    body = json.dumps({**QUESTION, "stream": True, **more}).encode()
    connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=60)
    connection.sendall(
        b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nanthropic-version: 2026-10-21\r\nx-api-key: %s\r\n"
        b"content-length: %d\r\n\r\n%s" % (api.key.encode(), len(body), body)
    )
    return connection


def test_a_client_that_vanishes_ends_the_request_upstream(proxy: RunningProxy, api: MessagesApi) -> None:
    """In the middle of its stream; nothing is kept, and the next one asks anew."""
    api.client_left.clear()
    api.stalled.clear()
    api.script(Reply("Paris it is", end="stall", after=1))
    with opened(proxy, api) as connection:
        got = b""
        while b"message_start" not in got:
            got += connection.recv(65536)
        assert api.stalled.wait(60)
    assert api.client_left.wait(60)
    assert proxy.ask(QUESTION).cache == "miss; reason=empty"
    api.client_left.clear()
    api.stalled.clear()


def test_clients_that_vanish_are_no_lines_in_the_log(
    proxy: RunningProxy, api: MessagesApi, caplog: pytest.LogCaptureFixture
) -> None:
    """In the middle of a long reply; asyncio would warn of each part that could not be sent."""
    text = "a long reply " * 2_000
    for number in range(10):
        api.script(Reply(text))
        with opened(proxy, api, max_tokens=30_000, system=str(number)) as connection:
            got = b""
            while b"content_block_delta" not in got:
                got += connection.recv(4096)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert proxy.ask(QUESTION).status == 200
    assert [record.getMessage() for record in caplog.records] == []
    assert proxy.lines == []


def test_one_that_waited_for_a_client_that_vanished_asks_for_itself(proxy: RunningProxy, api: MessagesApi) -> None:
    """And gets its answer."""
    api.stalled.clear()
    api.client_left.clear()
    api.script(Reply("Paris it is", end="stall", after=1))
    got: list[str] = []
    with opened(proxy, api):
        assert api.stalled.wait(60)
        waiting = threading.Thread(target=lambda: got.append(proxy.ask({**QUESTION, "stream": True}).body.decode()))
        waiting.start()
        time.sleep(0.3)
        assert len(api.messages) == 1
    waiting.join(60)
    assert "Paris." in got[0]
    assert len(api.messages) == 2
    api.client_left.clear()
    api.stalled.clear()


def test_a_client_that_vanishes_while_it_waits_disturbs_nobody(proxy: RunningProxy, api: MessagesApi) -> None:
    """The one that is asked for goes on, and is kept."""
    api.script(Reply("Paris.", delay_s=0.4))
    first = opened(proxy, api)
    while not api.messages:
        time.sleep(0.01)
    opened(proxy, api).close()
    with first:
        got = b""
        while b"message_stop" not in got:
            got += first.recv(65536)
    assert len(api.messages) == 1
    assert proxy.ask(QUESTION).cache == "hit; tier=exact"


def test_a_reader_that_stops_reading_is_let_go_in_the_end(start: StartProxy) -> None:
    """After [provider] timeout_s without a byte taken, and the upstream is let go with it."""
    left = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        try:
            while True:
                connection.sendall(b"d" * 65536)
        except OSError:
            left.set()

    with RawServer(talk=talk) as server:
        proxy = start(upstream=server.url, provider={"timeout_s": 0.5})
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection:
            connection.sendall(b"GET /v1/files/1 HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert left.wait(60)
            assert proxy.ask(None, method="GET", path="/healthz").status == 200
            connection.recv(10)


def test_a_client_that_vanishes_in_its_upload_ends_it(start: StartProxy) -> None:
    """The upstream does not wait for the rest."""
    ended = threading.Event()

    class Listener(RawServer):
        def _one(self, connection: socket.socket) -> None:
            connection.settimeout(60)
            while connection.recv(65536):
                continue
            ended.set()

    with Listener() as server:
        proxy = start(upstream=server.url)
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection:
            connection.sendall(b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\nabc")
            time.sleep(0.2)
        assert ended.wait(60)


def test_a_request_that_never_ends_is_given_up(start: StartProxy, api: MessagesApi) -> None:
    """After [provider] timeout_s without a byte: 408, and the upstream was not asked."""
    proxy = start(provider={"timeout_s": 0.3})
    head = b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nabc"
    got = exchange(proxy.port, head)
    assert got.startswith(b"HTTP/1.1 408 ")
    assert b"timeout_error" in got
    assert not api.messages
