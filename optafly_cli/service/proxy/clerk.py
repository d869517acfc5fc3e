"""One thread with a store of its own: what blocks is done there."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from optafly_cli.cache.database import file_identity
from optafly_cli.errors import OptaflyError

if TYPE_CHECKING:
    from optafly_cli.cache.store import Store

T = TypeVar("T")


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

    def begin(self, work: "Callable[[Store], T]") -> "Future[T]":
        """Have `work` done, from any thread; what comes of it is in the future."""
        return self._thread.submit(self._with_store, work)

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
