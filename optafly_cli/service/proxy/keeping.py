"""What comes of a reply: the answer is kept or not, those who wait for it go on, a store that fails is named once."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.types import Lookup
from optafly_cli.errors import OptaflyError, UnknownModelError
from optafly_cli.service.proxy.call import Call
from optafly_cli.service.proxy.desk import Desk
from optafly_cli.service.proxy.flights import Flight
from optafly_cli.service.proxy.headers import first
from optafly_cli.service.proxy.metrics import Metrics
from optafly_cli.service.proxy.upstream import Reply
from optafly_cli.service.proxy.watching import Watch

if TYPE_CHECKING:
    from optafly_cli.provider.result import Answer, Usage
    from optafly_cli.route.history import Sent as SentRequest

_AFTERWARDS = 32
LESSONS = 16
"""Answers that are learned from at once, and then one a second: counting a long request again takes a millisecond,
which the next one would wait for."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the store had to do with a request, as the client is told. `keep`: the answer is to be stored."""

    status: str
    reason: str
    keep: bool = False

    @property
    def header(self) -> str:
        """The value of x-optafly-cache."""
        return f"{self.status}; reason={self.reason}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that is sent on, and what is to be done with its reply."""

    verdict: Verdict
    call: Call | None
    lookup: Lookup | None
    flight: Flight | None
    begun: float

    def with_secret(self, found: bool) -> "Sent":
        """The same, with what was found in the request after it was sent: of a secret nothing is kept or waited for."""
        if not found:
            return self
        if self.flight:
            self.flight.lands(kept=False)
        return replace(self, verdict=Verdict("bypass", "secret"))


class Keeper:
    """Keeps answers for the handler. `ill` is the code of what is wrong with the store, empty while nothing is."""

    def __init__(self, desk: Desk, metrics: Metrics, say: Callable[[str], None]) -> None:
        self.ill = ""
        self._lessons, self._learned = float(LESSONS), time.monotonic()
        self._desk = desk
        self._metrics = metrics
        self._say = say
        self._said: deque[str] = deque(maxlen=16)
        self._afterwards: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Wait for what goes on after replies."""
        if self._afterwards:
            await asyncio.wait(self._afterwards)

    def prepare(self, sent: Sent) -> None:
        """Do ahead what keeping the answer will take, while it comes."""
        if sent.call is not None:
            self._after(self._prepared(sent.call))

    async def _prepared(self, call: Call) -> None:
        # What is wrong with the store is said when the answer is to be kept
        with suppress(OptaflyError):
            await self._desk.prepare(call)

    async def keep(self, watch: Watch, reply: Reply, sent: Sent) -> bool:
        """Store the answer, if it is one; False when the store could not."""
        call, flight = sent.call, sent.flight
        if call is None:
            return True
        named = header_of(reply, b"request-id") or None
        answer = watch.answer(max_tokens=call.max_tokens, request_id=named)
        if answer is None:
            self._metrics.count("optafly_stored_total", "result", watch.given_up or "incomplete")
            return True
        try:
            kept = await self._desk.remember(call, answer, cost_of(answer), time.monotonic() - sent.begun)
        except OptaflyError as error:
            self.report(error)
            self._metrics.count("optafly_stored_total", "result", "store")
            return False
        self.ill = ""
        self.warn()
        self._metrics.count("optafly_stored_total", "result", "stored" if kept else "secret")
        if flight:
            flight.lands(kept=kept)
        if kept:
            self._after(self._compared(call, sent.lookup, answer))
            if self._may_learn():
                self._after(self._observed(call, answer))
        return True

    async def _compared(self, call: Call, lookup: Lookup | None, answer: "Answer") -> None:
        try:
            await self._desk.compare(call, lookup, answer)
        except OptaflyError as error:
            self.report(error)

    def note(self, planned: "SentRequest | None", watch: Watch | None) -> None:
        """Remember after the reply that the request was sent; `watch` has read what it reported."""
        if planned is not None:
            self._after(self._noted(planned, watch.usage() if watch else None))

    async def _noted(self, planned: "SentRequest", usage: "Usage | None") -> None:
        # An estimate that knows a request less is no problem of the store's
        with suppress(OptaflyError):
            await self._desk.add_sent(planned, usage)

    def _may_learn(self) -> bool:
        now = time.monotonic()
        self._lessons = min(LESSONS, self._lessons + now - self._learned)
        self._learned = now
        if self._lessons < 1:
            return False
        self._lessons -= 1
        return True

    async def _observed(self, call: Call, answer: "Answer") -> None:
        # A count that is a little further off is nothing to speak of
        with suppress(OptaflyError):
            await self._desk.observe(call, answer)

    def _after(self, work: Coroutine[Any, Any, None]) -> None:
        """Go on with something after the reply; with too much of it waiting, not at all."""
        if len(self._afterwards) >= _AFTERWARDS:
            work.close()
            return
        task = asyncio.ensure_future(work)
        self._afterwards.add(task)
        task.add_done_callback(self._afterwards.discard)

    def warn(self) -> None:
        """Say what went wrong beside what was done."""
        while self._desk.warnings:
            self.once(self._desk.warnings.popleft())

    def once(self, warning: str) -> None:
        """Say a warning the first time, and again when many others came in between."""
        if warning not in self._said:
            self._said.append(warning)
            self._say(warning)

    def report(self, problem: OptaflyError) -> None:
        """One line for a problem of the store, until it is another one or over."""
        if self.ill != problem.code:
            self.ill = problem.code
            self._say(f"{problem.message}; answers come through, and are not kept")


def header_of(reply: Reply, name: bytes) -> str:
    """The value of a header of a reply, empty without it."""
    return first([(key.lower(), value) for key, value in reply.headers], name)


def cost_of(answer: "Answer") -> float | None:
    """What the answer cost, in US dollars; None without a price."""
    from optafly_cli.models import catalogue
    from optafly_cli.route.billing import answer_cost, billed_of

    try:
        model = catalogue().get(answer.model)
    except UnknownModelError:
        return None
    return answer_cost(model, billed_of(answer.message.get("usage")))
