"""Who is let in: no web page of another site, no name that was made to point here, no circle, none without token."""

import pytest

from optafly_cli.service.proxy.guard import Guard
from optafly_cli.service.proxy.problems import Refused
from tests.fakes.messages_api import MessagesApi
from tests.proxy.conftest import QUESTION, RunningProxy, StartProxy
from tests.proxy.raw import RawServer


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8443", "127.0.0.1:1", "[::1]:8443", "127.8.9.1", "localhost."]
)
def test_names_of_this_machine_are_fine(proxy: RunningProxy, host: str) -> None:
    """With any port: it may be forwarded."""
    assert proxy.ask(None, {"host": host}, method="GET", path="/healthz").status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8443", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.1", "[::1", "a b"],
)
def test_other_names_are_refused(proxy: RunningProxy, api: MessagesApi, host: str) -> None:
    """A page of evil.example whose name points to 127.0.0.1 gets nothing (DNS rebinding)."""
    for path in ("/v1/messages", "/healthz", "/v1/models"):
        got = proxy.ask(QUESTION, {"host": host}, path=path)
        assert (got.status, got.json["error"]["type"]) == (403, "permission_error")
    assert not api.requests


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}, {"origin": "localhost"}],
)
def test_web_pages_of_other_sites_are_refused(proxy: RunningProxy, api: MessagesApi, headers: dict[str, str]) -> None:
    """Whatever they ask for; a page of this machine may."""
    assert proxy.ask(QUESTION, headers).status == 403
    assert not api.requests
    assert proxy.ask(QUESTION, {"origin": "http://localhost:3000"}).status == 200


def test_letting_remote_clients_in_takes_a_token_to_trust_names() -> None:
    """Without one, names are checked as before: a page of another site could come under any."""
    headers = [(b"host", b"build-box")]
    with pytest.raises(Refused):
        Guard("mark", "", remote=True).check(headers, b"/v1/models")
    token = (b"x-optafly-token", b"a-token-of-16-chars")
    Guard("mark", "a-token-of-16-chars", remote=True).check([*headers, token], b"/v1/models")


def test_a_token_is_asked_for_and_not_sent_on(start: StartProxy, api: MessagesApi) -> None:
    """By everything but /healthz."""
    proxy = start(token="a-token-of-16-chars")
    for headers in ({}, {"x-optafly-token": "another-token-16-ch"}):
        got = proxy.ask(QUESTION, headers)
        assert (got.status, got.json["error"]["type"]) == (401, "authentication_error")
    assert proxy.ask(None, method="GET", path="/metrics").status == 401
    assert proxy.ask(None, method="GET", path="/healthz").status == 200
    assert not api.requests
    assert proxy.ask(QUESTION, {"x-optafly-token": "a-token-of-16-chars"}).status == 200
    assert "x-optafly-token" not in api.messages[0].headers


def test_a_circle_is_found(start: StartProxy) -> None:
    """A proxy behind which, under whatever name, the same proxy is: 508 and not requests without end."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
    with RawServer(answer) as server:
        proxy = start(upstream=server.url)
        proxy.ask(QUESTION)
        mark = server.heads[0].lower().split(b"x-optafly-via: ")[1].split(b"\r\n")[0].decode()
        got = proxy.ask(QUESTION, {"x-optafly-via": f"other, {mark}"})
        assert (got.status, "itself" in got.json["error"]["message"]) == (508, True)
        assert proxy.ask(QUESTION, {"x-optafly-via": "other"}).status == 200
        assert b"x-optafly-via: other, " + mark.encode() in server.heads[1].lower()
        assert len(server.heads) == 2


def test_two_proxies_in_a_row_work(start: StartProxy, api: MessagesApi) -> None:
    """One behind the other is no circle; each has its own say."""
    inner = start()
    outer = start(upstream=inner.url, cache={"enabled": False})
    assert outer.ask(QUESTION).cache == "bypass; reason=disabled"
    assert inner.ask(QUESTION).cache == "hit; tier=exact"


def test_a_key_of_ours_is_for_clients_without_one(start: StartProxy, api: MessagesApi) -> None:
    """As the SDK reads it from the environment; a client's own goes first, whichever header it is in."""
    ours = {b"x-api-key": api.key.encode(), b"x-team": b"blue", b"host": b"elsewhere", b"x-optafly-token": b"t"}
    proxy = start(extra=ours)
    assert proxy.ask(QUESTION, {"x-api-key": ""}).status == 200
    assert api.messages[0].headers["x-team"] == "blue"
    assert api.messages[0].headers["host"].startswith("127.0.0.1:")
    assert "x-optafly-token" not in api.messages[0].headers
    assert proxy.ask(QUESTION, {"x-api-key": ""}).cache == "hit; tier=exact"
    assert proxy.ask(QUESTION, {"x-api-key": "", "authorization": "Bearer sk-another"}).status == 401


def test_metrics_say_what_happened(start: StartProxy, api: MessagesApi) -> None:
    """In Prometheus' text format, without a word of a prompt."""
    proxy = start()
    proxy.ask(QUESTION)
    proxy.ask(QUESTION)
    proxy.ask(None, {"x-optafly-cache": "bypass"}, method="GET", path="/v1/models")
    got = proxy.ask(None, method="GET", path="/metrics")
    text = got.body.decode()
    assert got.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'optafly_requests_total{route="messages"} 2',
        'optafly_hits_total{tier="exact"} 1',
        'optafly_misses_total{reason="empty"} 1',
        'optafly_stored_total{result="stored"} 1',
        'optafly_request_seconds_count{cache="hit"} 1',
        'optafly_request_seconds_bucket{cache="miss",le="+Inf"} 1',
    ):
        assert line in text.splitlines(), text
    assert "optafly_saved_tokens_total 0" not in text
    assert "capital" not in text
    assert proxy.ask({}, path="/metrics").status == 405
