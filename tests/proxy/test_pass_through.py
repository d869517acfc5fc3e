"""Everything but POST /v1/messages: untouched in both directions, whatever the method, the path and the size."""

import gzip
import http.client
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.proxy.conftest import QUESTION, RunningProxy, StartProxy
from tests.proxy.raw import RawServer, exchange

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
def test_any_method_and_path_go_through_byte_for_byte(start: StartProxy, method: str) -> None:
    """Method, target with its escapes, headers and body arrive as they were sent, and nothing is added to the reply."""
    body = bytes(range(256)) if method in ("POST", "PUT", "PATCH") else b""
    with RawServer(OK + b"") as server:
        got = start(upstream=server.url + "/base").ask(
            body or None,
            {"x-custom": "a  b", "x-optafly-anything": "ours", "connection": "x-custom-hop", "x-custom-hop": "1"},
            method=method,
            path="/v1/files/%2e%2E/a%20b//?beta=true&q=%C3%A9",
        )
        assert (got.status, got.body, dict(got.headers)) == (200, b"hi", {"content-length": "2"})
        line, *headers = server.heads[0].decode().split("\r\n")
        assert line == f"{method} /base/v1/files/%2e%2E/a%20b//?beta=true&q=%C3%A9 HTTP/1.1"
        assert "x-custom: a  b" in headers
        assert f"host: 127.0.0.1:{server.port}" in headers
        assert not any(line.startswith(("x-optafly-anything", "x-custom-hop", "connection:")) for line in headers)
        assert server.bodies[0] == body


def test_models_and_token_counts_come_from_the_upstream(proxy: RunningProxy, api: MessagesApi) -> None:
    """With the SDK, and without a word from the cache."""
    client = proxy.sdk(api)
    assert client.models.list().data
    assert client.messages.count_tokens(model=QUESTION["model"], messages=QUESTION["messages"]).input_tokens
    got = proxy.ask(None, method="GET", path="/v1/models")
    assert "x-optafly-cache" not in got.headers
    assert proxy.ask({}, path="/v1/messages/batches").status == 404


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-trailer: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n", 304, b""),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, 200, b"hi"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (CHUNKED, 200, b"hi"),
        (b"HTTP/1.1 529 \r\ncontent-length: 0\r\n\r\n", 529, b""),
    ],
    ids=["204", "304", "103", "HTTP/1.0", "chunked", "529"],
)
def test_every_kind_of_reply_arrives(start: StartProxy, answer: bytes, status: int, body: bytes) -> None:
    """Without a body, with an unknown length, after a hint."""
    with RawServer(answer) as server:
        got = start(upstream=server.url).ask(None, method="GET", path="/v1/files/1")
        assert (got.status, got.body) == (status, body)


def test_a_head_request_has_headers_and_no_body(start: StartProxy) -> None:
    """As HTTP has it, and the connection goes on."""
    with RawServer(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\nx-a: b\r\n\r\n") as server:
        got = start(upstream=server.url).ask(None, method="HEAD", path="/v1/models")
        assert (got.status, got.headers["content-length"], got.headers["x-a"], got.body) == (200, "20", "b", b"")


def test_packed_bodies_stay_packed(start: StartProxy) -> None:
    """Nothing is unpacked, and what the client accepts is not touched."""
    packed = gzip.compress(b"x" * 1000)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    with RawServer(head + packed) as server:
        got = start(upstream=server.url).ask(None, {"accept-encoding": "br"}, method="GET", path="/v1/files/1/content")
        assert got.body == packed
        assert b"accept-encoding: br\r\n" in server.heads[0].lower()


def test_redirects_are_the_clients_business(start: StartProxy) -> None:
    """None is followed: it could lead anywhere, back here too."""
    with RawServer(
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    ) as s:
        got = start(upstream=s.url).ask(None, method="GET", path="/v1/models")
        assert (got.status, got.headers["location"]) == (307, "http://127.0.0.1:1/")


def test_an_upload_streams_through(start: StartProxy) -> None:
    """In chunks as in chunks, larger than any buffer, and while it is still being sent."""
    seen = threading.Event()
    size = 0

    def talk(connection: socket.socket) -> None:
        seen.set()
        connection.sendall(OK)

    with RawServer(talk=talk) as server:
        proxy = start(upstream=server.url)
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection:
            connection.sendall(b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
            chunk = b"10000\r\n" + b"u" * 0x10000 + b"\r\n"
            for _ in range(64):
                connection.sendall(chunk)
                size += 0x10000
            deadline = time.monotonic() + 5
            while not server.heads and time.monotonic() < deadline:
                time.sleep(0.01)
            assert server.heads
            assert not seen.is_set()
            connection.sendall(b"0\r\n\r\n")
            assert b"200 OK" in connection.recv(1000)
        assert b"transfer-encoding: chunked" in server.heads[0].lower()
        assert server.bodies[0].count(b"u") == size


def test_a_slow_reader_slows_the_upstream_down(start: StartProxy) -> None:
    """Back-pressure: what nobody reads is not fetched into memory."""
    sent = 0
    done = threading.Event()

    def talk(connection: socket.socket) -> None:
        nonlocal sent
        connection.settimeout(1.0)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        try:
            while sent < 100_000_000:
                sent += connection.send(b"d" * 65536)
        except OSError:
            done.set()

    with RawServer(talk=talk) as server:
        proxy = start(upstream=server.url)
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection:
            connection.sendall(b"GET /v1/files/1 HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert done.wait(60)
            assert sent < 30_000_000


def test_expect_continue_is_answered_here(start: StartProxy) -> None:
    """The client is told to go on, and the upstream is not asked."""
    with RawServer(OK) as server:
        proxy = start(upstream=server.url)
        head = b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection:
            connection.sendall(head)
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
            connection.sendall(b"abc")
            assert b"200 OK" in connection.recv(1000)
        assert b"expect" not in server.heads[0].lower()


def test_pipelined_requests_are_answered_in_their_order(proxy: RunningProxy, api: MessagesApi) -> None:
    """Two in one packet, two replies."""
    one = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
    two = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    got = exchange(proxy.port, one + two)
    assert got.count(b"HTTP/1.1 200") == 2
    assert got.index(b'"status"') < got.index(b"optafly_requests_total")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"h" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"GET http://example.com/ HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ],
    ids=["no HTTP", "huge header", "no host", "two hosts", "two lengths", "two codings", "another's address"],
)
def test_what_is_no_request_for_us_is_refused(proxy: RunningProxy, request_bytes: bytes) -> None:
    """With the API's error, and the connection is closed."""
    got = exchange(proxy.port, request_bytes)
    assert got.split(b" ")[1][:1] in (b"4", b"5"), got
    assert b'"type": "error"' in got


def test_an_upstream_that_is_down_is_said_to_be(start: StartProxy) -> None:
    """502 in the shape of the API's errors, for either kind of request."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    proxy = start(upstream=f"http://127.0.0.1:{port}")
    for path in ("/v1/messages", "/v1/models"):
        got = proxy.ask(QUESTION, path=path)
        assert (got.status, got.json["type"], got.json["error"]["type"]) == (502, "error", "api_error")
        assert f"http://127.0.0.1:{port} cannot be reached" in got.json["error"]["message"]


def test_an_upstream_that_says_nothing_times_out(start: StartProxy) -> None:
    """504 after [provider] timeout_s."""
    with RawServer(talk=lambda connection: time.sleep(0.6)) as server:
        got = start(upstream=server.url, provider={"timeout_s": 0.2}).ask(QUESTION)
        assert (got.status, got.json["error"]["type"]) == (504, "timeout_error")


def test_a_reply_that_breaks_off_breaks_off_at_the_client(proxy: RunningProxy, api: MessagesApi) -> None:
    """It must not look like a whole one."""
    from tests.fakes.script import Reply

    api.script(Reply("Paris it is", end="cut", after=1), Reply("Paris", end="reset"))
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        proxy.ask({**QUESTION, "stream": True})
    assert proxy.ask(QUESTION).status == 502
    assert proxy.ask(QUESTION).cache == "miss; reason=empty"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program to make a certificate")
def test_an_upstream_behind_tls_is_checked(start: StartProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A self-signed certificate is a 502 that says so, until SSL_CERT_FILE names it."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*new, "-keyout", key, "-out", certificate, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with MessagesApi(tls=context) as api:
        got = start(upstream=api.url).ask(QUESTION)
        assert (got.status, "self-signed certificate" in got.json["error"]["message"]) == (502, True)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert start(upstream=api.url).ask(QUESTION).cache == "miss; reason=empty"
