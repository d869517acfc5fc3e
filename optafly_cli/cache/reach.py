"""A shared backend within reach or not: asked within a time limit, and left alone for a while when it failed."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from optafly_cli.errors import StoreError

if TYPE_CHECKING:
    from optafly_cli.cache.backends.postgres import PostgresBackend

T = TypeVar("T")
_LEFT_ALONE_S = 10.0
_STILL_THERE = ("remote_busy", "remote_full", "remote_refused")
"""Failures of a server that answers."""


class Reach:
    """A backend and whether it was there when it was last asked. For several threads at once."""

    def __init__(self, backend: "PostgresBackend", clock: Callable[[], float] = time.monotonic) -> None:
        self.backend = backend
        self._clock = clock
        self._failure: StoreError | None = None
        self._until = 0.0

    @property
    def away(self) -> StoreError | None:
        """What it failed with a short while ago; None when it may be asked."""
        return self._failure if self._clock() < self._until else None

    def ask(
        self, work: Callable[["PostgresBackend"], T], limit_s: float, late: Callable[[T], object] = lambda _: None
    ) -> T:
        """What `work` gives within the limit. What takes longer is cut off; `late` gets what comes all the same.

        Raises:
            StoreError: it failed, did not answer in time, or did so a short while ago.
        """
        if self.away is not None:
            raise self.away
        try:
            return self._within(work, limit_s, late)
        except StoreError as error:
            if error.code not in _STILL_THERE:
                self._failure, self._until = error, self._clock() + _LEFT_ALONE_S
            raise

    def _within(self, work: Callable[["PostgresBackend"], T], limit_s: float, late: Callable[[T], object]) -> T:
        done: list[T] = []
        failed: list[Exception] = []
        ending = threading.Lock()
        given_up = False

        def run() -> None:
            try:
                result = work(self.backend)
            except Exception as error:  # noqa: BLE001 (it is raised where it is waited for)
                failed.append(error)
                return
            with ending:
                if not given_up:
                    done.append(result)
                    return
            late(result)

        thread = threading.Thread(target=run, daemon=True, name="optafly-shared")
        thread.start()
        thread.join(max(0.0, limit_s))
        with ending:
            given_up = not done
        if failed:
            raise failed[0]
        if given_up:
            self.backend.pool.abandon()
            raise StoreError(
                f"the shared store did not answer within {limit_s * 1000:.0f} ms",
                remedy="[cache] remote_timeout_ms is how long it is waited for",
                code="remote_unavailable",
            )
        return done[0]
