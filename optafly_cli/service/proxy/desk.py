"""The store behind threads of its own, so that nothing blocks the event loop: a few quick ones and a thorough one.

A quick clerk reads the request and asks the exact tier; only what that cannot decide goes to the thorough clerk, who
owns the one embedder, the one index and the verifier, and who writes.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from optafly_cli.cache import flight
from optafly_cli.cache.database import file_identity
from optafly_cli.cache.types import Hit, Lookup, Miss
from optafly_cli.config.settings import Settings
from optafly_cli.errors import OptaflyError
from optafly_cli.service.proxy.call import Call, Origin, Unreadable, holds_secret, read_call
from optafly_cli.service.proxy.counting import Counts
from optafly_cli.service.proxy.headers import Headers
from optafly_cli.service.proxy.replay import as_events, as_json

if TYPE_CHECKING:
    from optafly_cli.cache.engine.protocol import Engine
    from optafly_cli.cache.store import Store
    from optafly_cli.provider.result import Answer

T = TypeVar("T")
QUICK = 2
_LONGEST_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Found:
    """What the store said of a call. `call` is None where it could not be read: `reason` says why, in one word.

    `lookup` is None where the store was not to be asked, or could not be (`problem`). `replay` is a hit as bytes.
    """

    call: Call | None
    lookup: Lookup | None = None
    reason: str = ""
    problem: OptaflyError | None = None
    replay: bytes = b""


class Clerk:
    """One thread and the store that it alone uses; opened late, and anew when the database is another file."""

    def __init__(self, name: str, open_store: "Callable[[], Store]") -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._open_store = open_store
        self._store: Store | None = None
        self._file: tuple[int, int] | None = None
        self.waiting = 0

    async def do(self, work: "Callable[[Store], T]", late: "Callable[[T], object] | None" = None) -> T:
        """The result of `work`, done in the thread, even if nobody waits for it any more: then `late` gets it."""
        self.waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._with_store, work)
        future.add_done_callback(self._done)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if late is not None:
                future.add_done_callback(lambda done: done.cancelled() or done.exception() or late(done.result()))
            raise

    def _done(self, future: "asyncio.Future[T]") -> None:
        self.waiting -= 1
        if not future.cancelled():
            future.exception()

    def _with_store(self, work: "Callable[[Store], T]") -> T:
        store = self._opened()
        try:
            return work(store)
        except OptaflyError:
            self._let_go()
            raise
        finally:
            # The work may have made the database
            self._file = self._file or file_identity(store.folder)

    def _opened(self) -> "Store":
        store = self._store or self._open_store()
        self._store = store
        if (file := file_identity(store.folder)) != self._file:
            store.close()
            self._file = file
        return store

    def _let_go(self) -> None:
        if self._store is not None:
            self._store.close()

    def close(self) -> None:
        """Finish what was begun, and close the store in its own thread."""
        self._thread.submit(self._let_go)
        self._thread.shutdown(wait=True)


class Turn:
    """A question that this process asks alone, until `end`. `found` is what the store had for it at the beginning."""

    def __init__(self, found: Found, clerk: Clerk, lead: flight.Lead | None) -> None:
        self.found = found
        self._clerk = clerk
        self._lead = lead
        self._ending: asyncio.Task[None] | None = None

    def end(self) -> None:
        """Let other processes ask, from now on and not when the reply is sent."""
        lead, self._lead = self._lead, None
        if lead is not None:
            self._ending = asyncio.ensure_future(self._clerk.do(lambda _: lead.end()))

    async def ended(self) -> None:
        """Wait until others can ask, so that the next one here need not wait for us."""
        if self._ending is not None:
            await asyncio.shield(self._ending)


class Desk:
    """Everything that the proxy asks of the store, as coroutines.

    `warnings` are what went wrong beside what was done, the newest few; whoever says them empties it.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        origin: Origin,
        find_engine: "Callable[[Callable[[str], None]], Engine | None]" = lambda _: None,
    ) -> None:
        from optafly_cli.cache.store import Store

        cache = settings.cache
        alone = replace(cache, backend="faiss")
        self._settings = settings
        self._origin = origin
        self._shared = cache.backend != "faiss"
        self._quick = [Clerk(f"optafly-quick-{n}", partial(Store.open, folder, alone)) for n in range(QUICK)]
        self.warnings: deque[str] = deque(maxlen=16)

        def beside_an_engine() -> "Store":
            return Store.open(folder, cache, engine=find_engine(self.warnings.append))

        self._thorough = Clerk("optafly-thorough", beside_an_engine)
        self._count = Counts()

    def close(self) -> None:
        """Finish what was begun, and close the stores."""
        for clerk in (*self._quick, self._thorough):
            clerk.close()

    async def warm_up(self) -> None:
        """Load the embedder, so that the first answer that is kept need not wait for it."""
        if self._settings.cache.enabled and self._settings.cache.max_error_rate > 0:
            await self._thorough.do(lambda store: store.warm_up())

    async def open(self, raw: bytes, headers: Headers, query: str, *, serve: bool) -> Found:
        """Read a request and look it up; with `serve` false only read it."""
        found = await self._least_busy().do(lambda store: self._opened(store, raw, headers, query, serve))
        if found.call is None or not serve or not self._undecided(found):
            return found
        return await self.look_again(found.call)

    async def look_again(self, call: Call) -> Found:
        """Both tiers, after another request for the same was answered, or when the exact tier cannot say."""
        return await self._thorough.do(lambda store: _looked_up(store, call))

    @asynccontextmanager
    async def alone(self, call: Call, patience_s: float) -> AsyncIterator["Turn"]:
        """Be the one process that asks this while the block runs (`cache.flight`), with what the store has by then.

        After `patience_s` seconds the block runs all the same.
        """
        give_up = time.monotonic() + patience_s
        pause = flight.PAUSE_S
        waited = False
        clerk = self._least_busy()
        lead, found = await clerk.do(lambda store: _led(store, call), late=_ended)
        while lead is None and time.monotonic() < give_up:
            waited = True
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 1.2)
            lead, found = await clerk.do(lambda store: _led(store, call), late=_ended)
        turn = Turn(found, clerk, lead)
        try:
            if waited and not isinstance(found.lookup, Hit):
                turn.found = await self.look_again(call)
            yield turn
        finally:
            turn.end()
            await turn.ended()

    async def prepare(self, call: Call) -> None:
        """Embed what `remember` will keep, while the answer comes."""
        await self._thorough.do(lambda store: store.prepare(call.question))

    async def remember(self, call: Call, answer: "Answer", cost: float | None, seconds: float) -> bool:
        """Keep an answer; it is on disk when this returns. False when a secret is in it.

        Raises:
            OptaflyError: it could not be kept (the store, or how it is configured).
        """
        from optafly_cli.cache.types import Evidence

        def keep(store: "Store") -> bool:
            if holds_secret(answer.message):
                return False
            store.remember(call.question, answer, evidence=Evidence(), cost=cost, seconds=seconds)
            self.warnings.extend(store.warnings)
            store.warnings.clear()
            return True

        return await self._thorough.do(keep)

    async def peek(self, call: Call) -> Lookup | None:
        """What would be served, without serving it; None where the store cannot say."""
        try:
            return await self._thorough.do(lambda store: store.look_up(call.question, serve=False))
        except OptaflyError:
            return None

    async def compare(self, call: Call, lookup: Lookup | None, answer: "Answer") -> None:
        """Hold a fresh answer against the one that was served or nearly so: what the promise rests on."""
        if lookup is not None and (isinstance(lookup, Hit) or lookup.near is not None):
            await self._thorough.do(lambda store: store.compare(call.question, lookup, answer))

    async def anchored(self, call: Call, raw: bytes) -> tuple[bytes, int]:
        """The bytes to be sent, with anchors where they pay, and how many there are."""
        from optafly_cli.service.proxy.anchoring import anchored

        if len(raw) < _SMALLEST_ANCHORED:
            return raw, 0
        return await self._least_busy().do(lambda _: anchored(call.body, raw, self._settings.route, self._count))

    def _opened(self, store: "Store", raw: bytes, headers: Headers, query: str, serve: bool) -> Found:
        try:
            call = read_call(raw, headers, query, self._origin)
        except Unreadable as error:
            return Found(None, reason=str(error))
        if call.secret:
            return Found(call, reason="secret")
        if not serve:
            return Found(call)
        return _exactly(store, call)

    def _undecided(self, found: Found) -> bool:
        if found.reason or found.problem or not isinstance(found.lookup, Miss):
            return False
        only_exact = found.call is not None and found.call.question.only_exact
        return self._shared or (found.lookup.reason == "exact_only" and not only_exact)

    def _least_busy(self) -> Clerk:
        return min(self._quick, key=lambda clerk: clerk.waiting)


_SMALLEST_ANCHORED = 512
"""Bytes: the lowest minimum of any model, in tokens, and a token has at least a byte."""


def _led(store: "Store", call: Call) -> tuple[flight.Lead | None, Found]:
    """The right to ask, if no other process has it, and what was stored until then under these very words."""
    lead = flight.try_to_lead(store.folder, call.key)
    try:
        landed = lead is not None and store.has(call.key)
    except OptaflyError:
        landed = False
    return lead, _exactly(store, call) if landed else Found(call)


def _ended(led: tuple[flight.Lead | None, Found]) -> None:
    if led[0] is not None:
        led[0].end()


def _exactly(store: "Store", call: Call) -> Found:
    if call.question.only_exact:
        return _looked_up(store, call)
    return _looked_up(store, replace(call, question=replace(call.question, only_exact=True)), call)


def _looked_up(store: "Store", call: Call, shown: Call | None = None) -> Found:
    """What the store says now; a store that cannot be asked is a problem, and no reason not to answer."""
    given = shown or call
    try:
        lookup = store.look_up(call.question)
    except OptaflyError as error:
        return Found(given, problem=error)
    if not isinstance(lookup, Hit):
        return Found(given, lookup)
    message = lookup.entry.answer.message
    return Found(given, lookup, replay=as_events(message) if call.stream else as_json(message))
