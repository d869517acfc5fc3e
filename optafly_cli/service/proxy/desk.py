"""The store behind threads of its own, so that nothing blocks the event loop: a few quick ones and a thorough one.

A quick clerk reads the request and asks the exact tier; only what that cannot decide goes to the thorough clerk, who
owns the one embedder, the one index and the verifier, and who writes.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache import flight
from optafly_cli.cache.types import Hit, Lookup, Miss
from optafly_cli.config.settings import Settings
from optafly_cli.errors import OptaflyError
from optafly_cli.service.proxy.call import Call, Origin, Unreadable, read_call
from optafly_cli.service.proxy.clerk import Clerk
from optafly_cli.service.proxy.counting import Counts
from optafly_cli.service.proxy.found import Found, Opened, Turn
from optafly_cli.service.proxy.headers import Headers
from optafly_cli.service.proxy.replay import as_events, as_json
from optafly_cli.service.proxy.scanning import first_look, holds_secret

if TYPE_CHECKING:
    from optafly_cli.cache.engine.protocol import Engine
    from optafly_cli.cache.store import Store
    from optafly_cli.pipeline.sent_before import SentBefore
    from optafly_cli.provider.result import Answer, Usage
    from optafly_cli.route.history import Sent
    from optafly_cli.service.proxy.anchoring import Anchored

QUICK = 2
_LONGEST_PAUSE_S = 0.5


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
        self._folder = folder
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
        flight.tidy_up(self._folder)

    async def warm_up(self) -> None:
        """Load the embedder, so that the first answer that is kept need not wait for it."""
        if self._settings.cache.enabled and self._settings.cache.max_error_rate > 0:
            await self._thorough.do(lambda store: store.warm_up())

    async def open(self, raw: bytes, headers: Headers, query: str, *, serve: bool) -> Found:
        """Read a request and look it up; with `serve` false only read it."""
        clerk = self._least_busy()
        opened = await clerk.do(
            lambda store: self._opened(store, raw, headers, query, serve), late=lambda opened: _end(opened.lead)
        )
        turn = Turn(clerk, opened.lead) if opened.lead else None
        found = replace(opened.found, turn=turn)
        if opened.comparing is None:
            return found
        try:
            return replace(await asyncio.wrap_future(opened.comparing), turn=turn, sending=found.sending)
        except BaseException:
            if turn:
                turn.end()
            raise

    async def look_again(self, call: Call) -> Found:
        """Both tiers, after another request for the same was answered, or when the exact tier cannot say."""
        return await self._thorough.do(lambda store: _looked_up(store, call))

    @asynccontextmanager
    async def alone(self, call: Call, turn: "Turn | None", patience_s: float) -> AsyncIterator["Turn"]:
        """Be the one process that asks this while the block runs (`cache.flight`).

        `turn` is what the look-up got. Without one another process is waited for, and what the store has then is in
        the new one. After `patience_s` seconds the block runs all the same.
        """
        turn = turn or await self._waited_for(call, patience_s)
        try:
            yield turn
        finally:
            await turn.over()

    async def _waited_for(self, call: Call, patience_s: float) -> "Turn":
        give_up = time.monotonic() + patience_s
        pause = flight.PAUSE_S
        clerk = self._least_busy()
        lead = None
        while lead is None and time.monotonic() < give_up:
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 1.2)
            lead = await clerk.do(lambda store: flight.try_to_lead(store.folder, call.key), late=_end)
        turn = Turn(clerk, lead)
        try:
            turn.found = await self.look_again(call)
        except BaseException:
            turn.end()
            raise
        return turn

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

    async def observe(self, call: Call, answer: "Answer") -> None:
        """Learn from what the answer was billed for how many tokens such requests have."""
        from optafly_cli.cache.counts import counted_as
        from optafly_cli.models import catalogue
        from optafly_cli.route.billed import observed_ratio

        def learn(store: "Store") -> None:
            model = catalogue().get(call.body["model"])
            seen = observed_ratio(call.body, model, answer.usage.prompt_tokens)
            if seen is not None:
                store.observe(counted_as(model.id, self._origin.endpoint), *seen)

        await self._thorough.do(learn)

    async def anchored(self, call: Call, raw: bytes) -> "Anchored":
        """The bytes to be sent, with anchors where they pay."""
        return await self._least_busy().do(lambda store: self._anchored(store, call, raw))

    async def add_sent(self, sent: "Sent", usage: "Usage | None") -> None:
        """Remember a request that was answered, and what its answer reported of it."""
        from optafly_cli.pipeline.sent_before import with_usage

        def add(_: "Store") -> None:
            with self._sent_before() as before:
                before.add(sent if usage is None else with_usage(sent, usage))

        await self._thorough.do(add)

    def _sent_before(self, store: "Store | None" = None) -> "SentBefore":
        from optafly_cli.pipeline.sent_before import SentBefore

        return SentBefore(self._folder, active=self._settings.cache.enabled, store=store)

    def _anchored(self, store: "Store", call: Call, raw: bytes) -> "Anchored":
        from optafly_cli.service.proxy.anchoring import Anchored, anchored

        if len(raw) < _SMALLEST_ANCHORED:
            return Anchored(raw)
        with self._sent_before(store) as before:
            name = call.question.scope.namespace
            return anchored(call.body, raw, self._settings.route, self._count, before, name)

    async def holds_secret(self, texts: tuple[str, ...]) -> bool:
        """Whether a secret is in one of them."""
        return await self._least_busy().do(lambda _: holds_secret(texts))

    def _opened(self, store: "Store", raw: bytes, headers: Headers, query: str, serve: bool) -> Opened:
        try:
            call = read_call(raw, headers, query, self._origin)
        except Unreadable as error:
            return Opened(Found(None, reason=str(error)))
        found = _exactly(store, call) if serve else Found(call)
        if self._undecided(found) and not self._shared:
            found = replace(found, lookup=_ruled_out(store, call) or found.lookup)
        undecided = self._undecided(found)
        if undecided:
            # What is still to be done before it is sent on goes on beside the model
            self._thorough.begin(lambda theirs: theirs.expect(call.question))
            # A thread that wakes up would wait for the interpreter until all of it is done here
            time.sleep(_WAKES_S)
        secret, unseen = first_look(call.body)
        if secret:
            return Opened(Found(call, reason="secret"))
        if isinstance(found.lookup, Miss) and not undecided:
            opened = self._sendable(store, found, call, raw)
            return replace(opened, found=replace(opened.found, unseen=unseen))
        if holds_secret(unseen):
            return Opened(Found(call, reason="secret"))
        if not undecided:
            return Opened(found)
        opened = self._sendable(store, found, call, raw)
        if isinstance(opened.found.lookup, Hit):
            return opened
        # From here: by way of the event loop it would begin later. Beside this thread's work it would take longer
        return replace(opened, comparing=self._thorough.begin(lambda theirs: _looked_up(theirs, call)))

    def _sendable(self, store: "Store", found: Found, call: Call, raw: bytes) -> Opened:
        """What is to be done before a request is sent on: here, as each way to a thread and back takes its time."""
        lead = flight.try_to_lead(store.folder, call.key)
        if lead and _is_there(store, call):
            return Opened(_exactly(store, call), lead)
        return Opened(replace(found, sending=self._anchored(store, call, raw)), lead)

    def _undecided(self, found: Found) -> bool:
        if found.reason or found.problem or not isinstance(found.lookup, Miss):
            return False
        only_exact = found.call is not None and found.call.question.only_exact
        # With an entry it is about that one: the very same words have an answer that may not be served any more
        further = found.lookup.reason == "exact_only" or found.lookup.nearest is not None
        return self._shared or (further and not only_exact)

    def _least_busy(self) -> Clerk:
        return min(self._quick, key=lambda clerk: clerk.waiting)


_WAKES_S = 5e-5
"""What a thread takes to wake up, about."""
_SMALLEST_ANCHORED = 512
"""Bytes: the lowest minimum of any model, in tokens, and a token has at least a byte."""


def _is_there(store: "Store", call: Call) -> bool:
    """Whether an answer came between the look-up and the lead."""
    try:
        return store.has(call.key)
    except OptaflyError:
        return False


def _ruled_out(store: "Store", call: Call) -> Miss | None:
    try:
        return store.ruled_out(call.question)
    except OptaflyError:
        return None


def _end(lead: flight.Lead | None) -> None:
    if lead is not None:
        lead.end()


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
