"""Two proxies over one store: the same question at the same time is one request, whichever of them is asked."""

import http.client
import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Reply
from tests.proxy.conftest import QUESTION, Serve, port_of

SLOW = Reply("Paris, on the Seine, as ever.", delta_chars=4, delay_s=0.3)


class Asked(threading.Thread):
    """One client with one question; `body` and `cache` are what it got."""

    def __init__(self, port: int, key: str, *, stream: bool = True, text: str = "") -> None:
        super().__init__()
        self.port, self.key, self.stream = port, key, stream
        self.question = {**QUESTION, "messages": [{"role": "user", "content": text}]} if text else QUESTION
        self.status, self.body, self.cache = 0, b"", ""
        self.start()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"x-api-key": self.key, "anthropic-version": "2026-10-21"}
        connection.request("POST", "/v1/messages", json.dumps({**self.question, "stream": self.stream}), headers)
        got = connection.getresponse()
        self.status, self.cache = got.status, got.headers.get("x-optafly-cache", "")
        try:
            self.body = got.read()
        except http.client.HTTPException as cut:
            self.body = getattr(cut, "partial", b"")
        connection.close()


def until(happened: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.02)


def two(serve: Serve) -> tuple[int, int]:
    one, other = serve("--port", "0", "--json"), serve("--port", "0", "--json")
    return port_of(one), port_of(other)


def test_the_same_question_through_two_proxies_is_one_request(serve: Serve, api: MessagesApi, tmp_path: Path) -> None:
    """Six clients, three at each; one of them asked, all have its answer, and no file is left of it."""
    one, other = two(serve)
    api.script(SLOW)
    first = Asked(one, api.key)
    until(lambda: len(api.messages) == 1)
    rest = [Asked(port, api.key, stream=stream) for port in (other, one) for stream in (True, False, True)]
    for client in (first, *rest):
        client.join()
    assert len(api.messages) == 1
    assert first.cache == "miss; reason=empty"
    assert {client.cache for client in rest} == {"hit; tier=exact"}
    assert all(b"end_turn" in client.body for client in (first, *rest))
    assert not [*(tmp_path / "optafly").rglob("flights/*")]


def test_when_the_proxy_that_asks_is_killed_the_other_asks(serve: Serve, api: MessagesApi) -> None:
    """kill -9 in the middle of the stream: the kernel lets go of the question, and whoever waits is answered."""
    process = serve("--port", "0", "--json")
    one, other = port_of(process), port_of(serve("--port", "0", "--json"))
    api.script(SLOW)
    first = Asked(one, api.key)
    until(lambda: len(api.messages) == 1)
    second = Asked(other, api.key)
    time.sleep(0.3)
    assert len(api.messages) == 1
    process.send_signal(signal.SIGKILL)
    second.join()
    first.join()
    assert (len(api.messages), second.status) == (2, 200)
    assert b"message_stop" in second.body


def test_what_the_other_could_not_get_is_asked_again(serve: Serve, api: MessagesApi) -> None:
    """A failure is no answer for those who wait at the other proxy."""
    one, other = two(serve)
    api.script(Reply("Never", stop_reason="refusal", delay_s=0.8))
    first = Asked(one, api.key)
    until(lambda: len(api.messages) == 1)
    second = Asked(other, api.key)
    for client in (first, second):
        client.join()
    assert b"refusal" in first.body
    assert b"end_turn" in second.body
    assert len(api.messages) == 2


def test_other_questions_go_their_way(serve: Serve, api: MessagesApi) -> None:
    """Nobody waits for an answer that is to another question."""
    one, other = two(serve)
    api.script(Reply("Paris it is", end="stall", after=1))
    first = Asked(one, api.key)
    assert api.stalled.wait(60)
    second = Asked(other, api.key, text="What is the capital of Spain?")
    second.join()
    assert second.status == 200
    assert first.is_alive()
    api.client_left.clear()
    api.stalled.clear()
