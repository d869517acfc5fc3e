"""Texts of a request that nobody has looked through for secrets: done while its answer is waited for.

Nothing is stored before that is over. It holds the interpreter for milliseconds, so an answer that comes at once passes
first: what was sent cannot be called back, and whoever asked may have their answer in any case.
"""

import asyncio
from collections.abc import Awaitable, Callable

_GRACE_S = 0.003
"""How long nothing is begun: endpoints that answer sooner are next door."""


class Unseen:
    """Long texts of one request under way. `look` says whether a secret is in them, `then` hears what came of it, once.

    Make it when the request is sent, and close it with the reply.
    """

    def __init__(
        self,
        texts: tuple[str, ...],
        look: Callable[[tuple[str, ...]], Awaitable[bool]],
        then: Callable[[bool], None],
    ) -> None:
        self.secret = False
        self._texts = texts
        self._look = look
        self._then = then
        self._begun = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        if texts:
            self._looking = asyncio.ensure_future(self._looked())
            self._timer = asyncio.get_running_loop().call_later(_GRACE_S, self._begun.set)
        else:
            then(False)

    def begin(self) -> None:
        """Look now: nothing waits for the interpreter more than this."""
        self._begun.set()

    async def holds_secret(self) -> bool:
        """Whether a secret is in the request. Waits for it; before that `secret` is what is known."""
        self.begin()
        if self._looking is not None:
            await asyncio.shield(self._looking)
        return self.secret

    async def _looked(self) -> None:
        await self._begun.wait()
        self.secret = await self._look(self._texts)
        self._then(self.secret)

    def close(self) -> None:
        """Begin nothing more."""
        if self._looking is not None:
            self._timer.cancel()
            self._looking.cancel()
