"""Single flight inside the proxy: of several clients that ask the same at once, one is sent on and the others wait.

Between processes a lock does the same (`Desk.alone`). Who holds it waits for nobody in here.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

_REMEMBERED = 1_024


class Flights:
    """Questions that are under way at the upstream, by their key."""

    def __init__(self) -> None:
        self._flying: dict[bytes, asyncio.Future[bool]] = {}
        self._landed: OrderedDict[bytes, float] = OrderedDict()

    async def landing(self, key: bytes, patience_s: float) -> bool | None:
        """Wait for the flight of that key to end; whether it left an answer. None at once where none is under way."""
        flight = self._flying.get(key)
        if flight is None:
            return None
        try:
            async with asyncio.timeout(patience_s):
                return await asyncio.shield(flight)
        except TimeoutError:
            return False

    def landed_since(self, key: bytes, moment: float) -> bool:
        """Whether a flight of that key left an answer after that moment (`time.monotonic`): look again."""
        return self._landed.get(key, -1.0) >= moment

    @asynccontextmanager
    async def flown(self, key: bytes) -> AsyncIterator["Flight"]:
        """Be the flight of that key while the block runs, unless there is one: then this one carries nobody."""
        flight = Flight(asyncio.get_running_loop().create_future())
        leads = key not in self._flying
        if leads:
            self._flying[key] = flight.future
        try:
            yield flight
        finally:
            if leads:
                del self._flying[key]
            if flight.future.done() and flight.future.result():
                self._landed[key] = time.monotonic()
                self._landed.move_to_end(key)
                if len(self._landed) > _REMEMBERED:
                    self._landed.popitem(last=False)
            flight.lands(kept=False)


class Flight:
    """One question under way. `then` is called when it lands."""

    def __init__(self, future: "asyncio.Future[bool]") -> None:
        self.future = future
        self.then: Callable[[], None] = lambda: None

    def lands(self, *, kept: bool) -> None:
        """Let those who wait go on: with the stored answer, or each on its own. Once is enough."""
        if not self.future.done():
            self.future.set_result(kept)
            self.then()
