"""The log of requests as `route` and `ask` use it: what it cannot say is not known, and it never spoils an answer."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from optafly_cli.config.settings import Strategy
from optafly_cli.errors import StoreError
from optafly_cli.models import Model
from optafly_cli.pipeline.session import Session
from optafly_cli.provider.result import Answer, Usage
from optafly_cli.route.history import Account, Group, Past, Sent, Tally, reported
from optafly_cli.route.result import RoutedRequest
from optafly_cli.route.reuse import Reuse
from optafly_cli.route.shape import Prefix

if TYPE_CHECKING:
    from optafly_cli.cache.connections import Connections
    from optafly_cli.cache.requests import RequestLog

T = TypeVar("T")


class SentBefore:
    """A `History`, empty where the store is off or cannot be read. Use it as a context manager.

    `now` is when the request at hand is planned, in Unix seconds. `store` is one that is open in this thread already.
    """

    def __init__(
        self,
        folder: Path,
        *,
        active: bool,
        clock: Callable[[], float] = time.time,
        store: "Connections | None" = None,
    ) -> None:
        self.now = clock()
        self._folder = folder
        self._store = store
        self._log: RequestLog | None = None
        self._active = active
        self._found: tuple[Sequence[Prefix], Sequence[Past]] | None = None

    @classmethod
    def of(cls, session: Session, folder: Path) -> "SentBefore":
        """That of a session; nothing is read or kept where the store is not to be used."""
        return cls(folder, active=session.settings.cache.enabled and session.job.cache != "off")

    def __enter__(self) -> "SentBefore":
        return self

    def __exit__(self, *_: object) -> None:
        if self._log is not None:
            self._log.close()

    def estimate(self, strategy: Strategy, model: Model) -> Reuse:
        """The estimate that the strategy asks for, at the model's prices."""
        from optafly_cli.pipeline.lessons import lesson_in
        from optafly_cli.route.pricing import rates
        from optafly_cli.route.strategy import estimate

        lesson = lesson_in(self._folder) if self._active else None
        return estimate(strategy, self, lesson, rates(model, 0))

    def past(self, ends: Sequence[Prefix]) -> Sequence[Past]:
        """Those of the prefixes that were sent before."""
        if self._found is None or self._found[0] is not ends:
            # Estimate, purse and planner ask for the same
            self._found = ends, self._asked(lambda log: log.past(ends), ())
        return self._found[1]

    def tallies(self) -> Mapping[Group, Tally]:
        """What came again, by kind and age."""
        return self._asked(lambda log: log.tallies(), {})

    def account(self, now: float) -> Account:
        """What was billed in the hour before `now`."""
        return self._asked(lambda log: log.account(now), Account())

    def add(self, sent: Sent) -> None:
        """Remember a request that was sent, if that can be."""
        if self._active:
            with suppress(StoreError):
                self._opened().add(sent)

    def add_answered(self, routed: RoutedRequest, answer: Answer, at: float) -> None:
        """Remember the request that was sent at `at`, and what its answer reported."""
        from optafly_cli.route.engine import sent

        found = sent(routed, at)
        if found is not None:
            self.add(with_usage(found, answer.usage))

    def _asked(self, question: "Callable[[RequestLog], T]", otherwise: T) -> T:
        if not self._active:
            return otherwise
        try:
            return question(self._opened())
        except StoreError:
            self._active = False
            return otherwise

    def _opened(self) -> "RequestLog":
        from optafly_cli.cache.requests import RequestLog

        if self._log is None:
            self._log = RequestLog.beside(self._store) if self._store else RequestLog(self._folder)
        return self._log


def with_usage(sent: Sent, usage: Usage) -> Sent:
    """The request with what its answer reported."""
    return reported(
        sent,
        output=usage.output_tokens,
        read=usage.cache_read_input_tokens,
        written=usage.cache_creation_input_tokens,
    )
