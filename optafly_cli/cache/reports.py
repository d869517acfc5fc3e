"""What a store says of itself: entries, lists, figures. Reads only, from the truth."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache import rows
from optafly_cli.cache.connections import Connections
from optafly_cli.cache.loaded import Loaded
from optafly_cli.cache.lookup import DAY, load
from optafly_cli.cache.sharing import Sharing
from optafly_cli.cache.types import Entry
from optafly_cli.config.settings import CacheSettings

if TYPE_CHECKING:
    from optafly_cli.cache.listing import Filter, Listing, Order, Place
    from optafly_cli.cache.shared import SharedStore
    from optafly_cli.cache.stats import StoreStats


class StoreReports(Connections):
    """The part of a store that only reads. Methods raise `StoreError` when it cannot be used."""

    def __init__(
        self,
        folder: Path,
        settings: CacheSettings,
        clock: Callable[[], float],
        loaded: Loaded,
        shared: "SharedStore | None" = None,
    ) -> None:
        super().__init__(folder)
        self._settings = settings
        self._clock = clock
        self._loaded = loaded
        self._sharing = Sharing(settings, shared)

    def close(self) -> None:
        """Let go of files and connections. It can be used again afterwards."""
        super().close()
        self._sharing.close()
        self._loaded.close()

    def entry(self, number: int) -> Entry | None:
        """The entry of that id, None when there is none."""
        connection = self._reader()
        if connection is None:
            return None
        with self._reported("read"):
            return load(connection, number)

    def entries(self, *, limit: int = 20, before: int | None = None) -> list[Entry]:
        """The newest entries, newest first; the next page with `before` set to the last id of this one."""
        connection = self._reader()
        if connection is None:
            return []
        with self._reported("read"):
            found = connection.execute(_PAGE, (before if before is not None else 2**62, limit)).fetchall()
            return [rows.entry_from(row) for row in found]

    def listing(
        self, wanted: "Filter", place: "Place", *, order: "Order" = "created", limit: int | None = 20
    ) -> "Listing":
        """The entries that are meant, without their answers, in that order; `limit` None: all of them."""
        from optafly_cli.cache.listing import Listing, listing

        connection = self._reader()
        if connection is None:
            return Listing()
        with self._reported("read"):
            return listing(connection, wanted, place, self._settings.ttl_days * DAY, order=order, limit=limit)

    def last_served(self) -> int:
        """The entry of the last hit, which may be gone.

        Raises:
            UsageError: there was no hit yet.
        """
        from optafly_cli.cache.promise.reject import no_hit

        connection = self._reader()
        with self._reported("read"):
            found = connection and connection.execute("SELECT entry FROM hit ORDER BY id DESC LIMIT 1").fetchone()
        if not found:
            raise no_hit(None)
        return int(found[0])

    def stats(self) -> "StoreStats":
        """What the store holds, what it gave, and what it promises."""
        from optafly_cli.cache.stats import StoreStats, count, semantic

        connection = self._reader()
        with self._reported("read"):
            counted = StoreStats() if connection is None else count(connection, self.folder)
            return replace(counted, semantic=semantic(connection, self._loaded), shared=self._sharing.stats(connection))

    def shared_listing(self, *, limit: int = 20) -> "Listing":
        """The newest entries of the team's store, newest first; none where nothing is shared."""
        from optafly_cli.cache.listing import of_shared

        return of_shared(self._sharing.newest(limit), self._settings.ttl_days * DAY)


_PAGE = f"SELECT {rows.ENTRY_COLUMNS} FROM entry WHERE id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608 (a constant)
