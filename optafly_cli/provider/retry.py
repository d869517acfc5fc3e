"""Trying again: our own loop, capped and announced, because the SDK's obeys a `retry-after` of an hour in silence."""

import math
from collections.abc import Callable, Mapping
from itertools import count
from typing import TypeVar

from optafly_cli.config.settings import ProviderSettings
from optafly_cli.provider.failures import Failed
from optafly_cli.provider.wording import duration

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
"""The SDK's own backoff (anthropic 2.12.0, `_constants.py`)."""

T = TypeVar("T")


def backoff(done: int, jitter: Callable[[], float]) -> float:
    """Seconds before retry number `done` + 1: 0.5, 1, 2, 4, 8, 8, …, up to a quarter less. `jitter` is in [0, 1)."""
    return min(FIRST_WAIT_S * 2.0 ** min(done, 10), LONGEST_WAIT_S) * (1.0 - 0.25 * jitter())


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that `retry-after-ms` or `retry-after` (seconds or an HTTP date) asks for; None when unusable."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        return seconds if math.isfinite(seconds) and seconds > 0 else None
    from email.utils import parsedate_to_datetime

    try:
        seconds = parsedate_to_datetime(headers["retry-after"]).timestamp() - now
    except (KeyError, ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def with_retries(
    attempt: Callable[[], T],
    settings: ProviderSettings,
    *,
    on_status: Callable[[str], None],
    sleep: Callable[[float], None],
    jitter: Callable[[], float],
    clock: Callable[[], float],
) -> T:
    """The result of `attempt`, called again after failures that are worth it, `settings.retries` times at most.

    Each wait is announced ("overloaded (529): trying again in 2 s (1 of 3)"). A wait that the endpoint asks for is
    obeyed up to `settings.max_retry_wait_s`.

    Raises:
        OptaflyError: the last failure's; at once when it is not worth a retry or the asked wait is too long.
    """
    for done in count():
        try:
            return attempt()
        except Failed as failed:
            failure = failed.failure
            asked = retry_after(failure.headers, clock())
            if failure.transient and asked is not None and asked > settings.max_retry_wait_s:
                raise failure.error(failed.partial, wait_s=asked, cap_s=settings.max_retry_wait_s) from failed.__cause__
            if not failure.transient or done >= settings.retries:
                raise failure.error(failed.partial, tries=done + 1) from failed.__cause__
            wait = backoff(done, jitter) if asked is None else asked
            on_status(f"{failure.label}: trying again in {duration(wait)} ({done + 1} of {settings.retries})")
        sleep(wait)
    raise AssertionError("unreachable")
