"""Long texts that were never seen are looked through for secrets while the answer comes: nothing is kept before."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from optafly_cli.service.proxy.scanning import holds_secret
from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Reply
from tests.proxy.conftest import QUESTION, RunningProxy
from tests.proxy.test_clients_that_leave import opened
from tests.proxy.test_messages import SECRET

LATE = ("bypass; reason=secret", "miss; reason=empty")


def streamed(number: int, secret: str = SECRET) -> dict[str, Any]:
    """A question with a long text that no other test has."""
    return {**QUESTION, "system": f"test_unseen {number} " * 500 + secret, "stream": True}


def counted(proxy: RunningProxy) -> Mapping[str, float]:
    """The metrics by name and label."""
    lines = proxy.ask(None, method="GET", path="/metrics").body.decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


def test_an_answer_that_comes_at_once_is_not_kept(proxy: RunningProxy, api: MessagesApi) -> None:
    """Its head may say miss, as nobody has looked yet; the next one says what is the matter."""
    bypassed = 'optafly_bypasses_total{reason="secret"}'
    before = counted(proxy).get(bypassed, 0.0)
    assert proxy.ask(streamed(1)).cache in LATE
    assert proxy.ask(streamed(1)).cache == "bypass; reason=secret"
    assert counted(proxy)[bypassed] == before + 2
    assert len(api.messages) == 2
    assert proxy.entries() == 0
    assert proxy.logged() == []


def test_the_head_of_an_answer_that_takes_its_time_says_it(proxy: RunningProxy, api: MessagesApi) -> None:
    """The request was looked through before the endpoint began."""
    bypassed = 'optafly_bypasses_total{reason="secret"}'
    before = counted(proxy).get(bypassed, 0.0)

    def when_it_was_looked_through(_: Mapping[str, Any]) -> str:
        give_up = time.monotonic() + 60
        while counted(proxy).get(bypassed, 0.0) == before and time.monotonic() < give_up:
            time.sleep(0.005)
        return "Paris."

    api.script(Reply(when_it_was_looked_through))
    assert proxy.ask(streamed(2)).cache == "bypass; reason=secret"
    assert proxy.entries() == 0


@pytest.mark.parametrize(("secret", "kept"), [(SECRET, 0), ("", 1)])
def test_a_reply_begins_before_that_is_over(
    proxy: RunningProxy, api: MessagesApi, monkeypatch: pytest.MonkeyPatch, secret: str, kept: int
) -> None:
    """What was sent cannot be called back; its end waits, and only then it is kept or not."""
    seen = threading.Event()

    def slowly(value: object) -> bool:
        assert seen.wait(60)
        return holds_secret(value)

    monkeypatch.setattr("optafly_cli.service.proxy.desk.holds_secret", slowly)
    api.script(Reply("Paris it is", end="stall", after=1))
    try:
        with opened(proxy, api, **streamed(3, secret)) as connection:
            got = b""
            while b"message_start" not in got:
                got += connection.recv(65_536)
            api.release.set()
            seen.set()
            while b"message_stop" not in got:
                got += connection.recv(65_536)
    finally:
        seen.set()
        api.release.clear()
        api.stalled.clear()
    assert proxy.entries() == kept


def test_whole_replies_say_what_was_found(proxy: RunningProxy) -> None:
    """They are held until that is known."""
    assert proxy.ask({**streamed(4), "stream": False}).cache == "bypass; reason=secret"
    assert proxy.entries() == 0
