"""When it is tried again, how long it waits, and what it says meanwhile."""

from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.provider.retry import backoff, retry_after
from optafly_cli.provider.wording import duration, quoted
from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Failure, Reply


def test_each_wait_is_announced(api: MessagesApi, sender: Any) -> None:
    """Failures that pass are waited out with growing pauses, each with its reason and number."""
    api.script(Failure(529), Failure(429), Reply("late", end="cut", after=0))
    sender()
    assert sender.slept == [0.5, 1.0, 2.0]
    assert sender.statuses == [
        "overloaded (529): trying again in 0.5 s (1 of 3)",
        "rate limited (429): trying again in 1 s (2 of 3)",
        "connection cut: trying again in 2 s (3 of 3)",
    ]


def test_it_gives_up_after_the_configured_retries(api: MessagesApi, sender: Any) -> None:
    """`retries` further tries, then the last failure with their number."""
    api.script(*[Failure(529)] * 9)
    error = sender.failure(retries=2)
    assert error.message.endswith("(3 tries)")
    assert len(api.messages) == 3


def test_no_retries_means_one_request(api: MessagesApi, sender: Any) -> None:
    """`retries = 0` asks once and says nothing about tries."""
    api.script(Failure(500))
    assert "tries" not in sender.failure(retries=0).message
    assert (len(api.messages), sender.statuses) == (1, [])


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({"retry-after": "7"}, 7.0), ({"retry-after-ms": "250", "retry-after": "7"}, 0.25), ({"retry-after": "x"}, 0.5)],
)
def test_a_wait_that_is_asked_for_is_obeyed(
    api: MessagesApi, sender: Any, headers: dict[str, str], wait: float
) -> None:
    """retry-after-ms goes before retry-after; without a usable one the own pause applies."""
    api.script(Failure(429, headers))
    sender()
    assert sender.slept == [wait]


def test_too_long_a_wait_is_not_waited(api: MessagesApi, sender: Any) -> None:
    """A retry-after above `max_retry_wait_s` fails at once and says when to come back."""
    api.script(Failure(429, {"retry-after": "3600"}))
    error = sender.failure(max_retry_wait_s=60.0)
    assert (error.code, error.exit_code) == ("rate_limit", 3)
    assert "asks to wait 1 h" in error.message
    assert error.remedy == "run it again in 1 h"
    assert sender.slept == []


@pytest.mark.parametrize(("status", "wish", "tries"), [(529, "false", 1), (400, "true", 2)])
def test_the_endpoint_may_say_whether_to_try_again(
    api: MessagesApi, sender: Any, status: int, wish: str, tries: int
) -> None:
    """`x-should-retry` wins over the status."""
    api.script(Failure(status, {"x-should-retry": wish}), Failure(404))
    sender.failure()
    assert len(api.messages) == tries


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_eight_seconds(done: int, jitter: float) -> None:
    """Every pause is between three quarters of its step and the step; steps double from 0.5 s to 8 s."""
    step = min(0.5 * 2 ** min(done, 4), 8.0)
    assert 0.75 * step <= backoff(done, lambda: jitter) <= step


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_header_breaks_the_reading_of_retry_after(seconds: str, milliseconds: str) -> None:
    """Any header value gives None or a positive finite number of seconds."""
    wait = retry_after({"retry-after": seconds, "retry-after-ms": milliseconds}, 0.0)
    assert wait is None or 0 < wait < float("inf")


def test_retry_after_may_be_a_date() -> None:
    """An HTTP date is taken relative to now; one in the past asks for nothing."""
    now = 1_795_000_000.0
    assert retry_after({"retry-after": formatdate(now + 30, usegmt=True)}, now) == 30.0
    assert retry_after({"retry-after": formatdate(now - 30, usegmt=True)}, now) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.001, "0.1 s"),
        (0.5, "0.5 s"),
        (9.99, "10 s"),
        (12.2, "13 s"),
        (119, "119 s"),
        (121, "3 min"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (7199, "2 h"),
    ],
)
def test_durations_are_rounded_up_to_what_a_person_reads(seconds: float, words: str) -> None:
    """Two significant units at most, never less than the wait."""
    assert duration(seconds) == words


@given(st.text(), st.text(st.characters(categories=["L", "N"]), min_size=4, max_size=30))
def test_quotes_are_one_printable_line_without_the_secret(text: str, secret: str) -> None:
    """Whatever an endpoint says fits a sentence of ours and has no credential in it."""
    line = quoted(f"{text}{secret}{text}", (secret,))
    assert line.isprintable()
    assert len(line) <= 300
    assert secret not in line.replace("[key]", "")
