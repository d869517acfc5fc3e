"""What the desk finds out about a request: passed from its threads to the handler."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optafly_cli.cache import flight
from optafly_cli.cache.types import Lookup
from optafly_cli.errors import OptaflyError
from optafly_cli.service.proxy.call import Call
from optafly_cli.service.proxy.clerk import Clerk

if TYPE_CHECKING:
    from concurrent.futures import Future

    from optafly_cli.service.proxy.anchoring import Anchored


@dataclass(frozen=True, slots=True)
class Found:
    """What the store said of a call. `call` is None where it could not be read: `reason` says why, in one word.

    `lookup` is None where the store was not to be asked, or could not be (`problem`). `replay` is a hit as bytes.
    With a `turn` this process is the one that asks, until that is over. `sending` is what is sent on, where that
    was made ahead. `unseen` texts were not looked through for secrets yet: there is time for
    that while the answer is waited for.
    """

    call: Call | None
    lookup: Lookup | None = None
    reason: str = ""
    problem: OptaflyError | None = None
    replay: bytes = b""
    turn: "Turn | None" = None
    sending: "Anchored | None" = None
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """What a quick clerk has done. `comparing` goes on in the thorough one's thread."""

    found: Found
    lead: flight.Lead | None = None
    comparing: "Future[Found] | None" = None


class Turn:
    """A question that this process asks alone, until it is over. `found`: what was stored while that was waited for."""

    def __init__(self, clerk: Clerk, lead: flight.Lead | None) -> None:
        self.found: Found | None = None
        self._clerk = clerk
        self._lead = lead
        self._ending: asyncio.Task[None] | None = None

    def end(self) -> None:
        """Let other processes ask, from now on and not when the reply is sent."""
        lead, self._lead = self._lead, None
        if lead is not None:
            self._ending = asyncio.ensure_future(self._clerk.do(lambda _: lead.end(tidy=False)))

    async def over(self) -> None:
        """End it, and wait until others can ask: the next one here need not wait for us."""
        self.end()
        if self._ending is not None:
            await asyncio.shield(self._ending)
