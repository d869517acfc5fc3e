"""The store: one object per process that looks up, remembers and reports. SQLite is the truth.

Opening touches nothing; the first use connects. Not for use by several threads at once: open one for each.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from optafly_cli.cache import rows, upkeep
from optafly_cli.cache.connections import Connections
from optafly_cli.cache.database import transaction
from optafly_cli.cache.evidence import combined
from optafly_cli.cache.flight import alone
from optafly_cli.cache.loaded import Loaded, LoadEmbedder, LoadVerifier
from optafly_cli.cache.lookup import NOTHING_STORED, Asked, asked, load, look_up
from optafly_cli.cache.types import Entry, Evidence, Hit, Lookup, Miss, Question
from optafly_cli.cache.writing import COMPLETE, count_hit, entry_values, put_entry, used_a_tool
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import StoreError
from optafly_cli.provider.result import Answer

if TYPE_CHECKING:
    from optafly_cli.cache.explain import Explanation
    from optafly_cli.cache.promise.agreement import Agreement
    from optafly_cli.cache.promise.calibration import Calibration
    from optafly_cli.cache.promise.reject import Rejected
    from optafly_cli.cache.shared import SharedStore
    from optafly_cli.cache.stats import StoreStats

_TOUCH_WAIT_MS = 50


class Store(Connections):
    """The semantic cache on disk. Use it as a context manager, or call `close`.

    Every method raises `StoreError` when the store cannot be used; a store that does not exist is an empty one.
    """

    def __init__(
        self,
        folder: Path,
        settings: CacheSettings,
        clock: Callable[[], float],
        loaded: Loaded,
    ) -> None:
        super().__init__(folder)
        self._settings = settings
        self._clock = clock
        self._loaded = loaded

    @classmethod
    def open(
        cls,
        folder: Path,
        settings: CacheSettings,
        *,
        clock: Callable[[], float] = time.time,
        load_embedder: LoadEmbedder | None = None,
        load_verifier: LoadVerifier | None = None,
        calibration: "Calibration | None" = None,
    ) -> Self:
        """The store in that folder. The loaders are for who has one loaded already (the service).

        `calibration` replaces the labels that ship. Without a verifier the similarity decides, and nothing is promised.
        """
        return cls(folder, settings, clock, Loaded(folder, settings, load_embedder, load_verifier, calibration))

    def look_up(self, question: Question, *, serve: bool = True) -> Lookup:
        """An answer that may be served for the question now, or why there is none. Never creates a store.

        With `serve` false it only says what would be served, and no hit is counted.
        """
        connection = self._reader()
        if connection is None and self._shared is not None:
            self._writer()
            connection = self._reader()
        if connection is None:
            return NOTHING_STORED
        ask = asked(question, self._settings, self._clock())
        with self._reported("read"):
            found = look_up(connection, ask, self._settings, self._loaded)
            if isinstance(found, Miss) and self._shared is not None:
                found = self._look_further(found, ask)
            if serve and isinstance(found, Hit):
                self._touch(connection, found, ask)
        return found

    def _look_further(self, missed: Miss, ask: Asked) -> Lookup:
        """What the team's store has for the question, decided here; the miss with a warning when it cannot be asked."""
        shared = self._shared
        if shared is None:
            return missed
        try:
            embedding = self._loaded.embedding_to_keep(ask.question)
            if not shared.fetch(self._writer, ask, embedding):
                return missed
        except StoreError as error:
            return replace(missed, warnings=(*missed.warnings, f"{error.message}: the local one alone was asked"))
        return look_up(self._writer(), ask, self._settings, self._loaded)

    @cached_property
    def _shared(self) -> "SharedStore | None":
        if self._settings.backend == "faiss":
            return None
        from optafly_cli.cache.shared import SharedStore

        return SharedStore.of(self._settings)

    def explain(self, question: Question, *, neighbours: bool = False, everywhere: bool = False) -> "Explanation":
        """Why `look_up` answers as it does, with the nearest entries; counts no hit and creates no store.

        With `neighbours` an exact hit is no reason not to compare, with `everywhere` other scopes are searched too.
        """
        from optafly_cli.cache.explain import explain

        connection = self._reader()
        ask = asked(question, self._settings, self._clock())
        with self._reported("read"):
            return explain(connection, ask, self._settings, self._loaded, neighbours=neighbours, everywhere=everywhere)

    def alone(
        self, question: Question, *, patience_s: float, waiting: Callable[[], None]
    ) -> AbstractContextManager[bool]:
        """Be the one process that asks this question while the block runs (`flight.alone`)."""
        key = asked(question, self._settings, self._clock()).key
        return alone(self.folder, key, patience_s=patience_s, waiting=waiting)

    def remember(
        self,
        question: Question,
        answer: Answer,
        *,
        evidence: Evidence,
        cost: float | None,
        seconds: float | None = None,
    ) -> int:
        """Keep a complete answer; it is on disk when this returns its id. The same key and evidence: it replaces.

        `evidence` adds to what was read for the question (the selection, files that were mentioned). `cost` is in
        US dollars, `seconds` how long the answer took. With the result of a tool in it, it answers the same words only.

        Raises:
            ValueError: the answer is not complete (a fault of the caller).
            StoreError: it could not be stored.
        """
        if answer.stop_reason not in COMPLETE or not answer.text.strip():
            raise ValueError(f"only a complete answer is stored, not one that stopped by {answer.stop_reason!r}")
        ask = asked(question, self._settings, self._clock())
        embedding = None if used_a_tool(answer) else self._loaded.embedding_to_keep(question)
        kept = combined(question.named, evidence)
        values = entry_values(ask, answer, kept, embedding, cost, seconds)
        with self._reported("written"):
            connection = self._writer()
            with transaction(connection):
                number = put_entry(connection, values)
                if self._shared is not None:
                    connection.execute("INSERT OR IGNORE INTO outbox (entry) VALUES (?)", (number,))
        index = embedding.index if embedding else None
        with suppress(sqlite3.Error):
            upkeep.after_a_write(connection, self.folder, self._settings, index, ask.partition)
        return number

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

    def stats(self) -> "StoreStats":
        """What the store holds, what it gave, and what it promises."""
        from optafly_cli.cache.stats import StoreStats, count, semantic

        connection = self._reader()
        with self._reported("read"):
            counted = StoreStats() if connection is None else count(connection, self.folder)
            return replace(counted, semantic=semantic(connection, self._loaded))

    def reject(self, which: int | None = None) -> "Rejected":
        """The last hit, or the last one of an entry, was wrong.

        A semantic hit becomes a label, and its two instructions never share an answer again. The answer of an exact
        one is deleted.

        Raises:
            UsageError: there is no such hit, or it was rejected before.
            StoreError: it could not be written.
        """
        from optafly_cli.cache.promise.reject import no_hit, reject

        if self._reader() is None:
            raise no_hit(which)
        with self._reported("written"):
            connection = self._writer()
            with transaction(connection):
                return reject(connection, which, self._clock())

    def forget_labels(self) -> int:
        """Delete the user's labels and end a drift alarm; how many labels there were."""
        from optafly_cli.cache.promise.labels import forget

        if self._reader() is None:
            return 0
        with self._reported("written"):
            connection = self._writer()
            with transaction(connection):
                return forget(connection)

    def compare(self, question: Question, lookup: Lookup, fresh: Answer) -> "Agreement | None":
        """Compare a fresh answer with what `look_up` would have served or only just not; None: nothing to compare.

        What comes out is kept as a label, unless it is unsure. To be called after a miss, or with `--refresh`.
        """
        from optafly_cli.cache.promise.check import pending

        ask = asked(question, self._settings, self._clock())
        check = pending(lookup, ask.key, self._settings.shadow_rate)
        stored = self.entry(check.entry) if check else None
        if check is None or stored is None:
            return None
        from optafly_cli.cache.promise.agreement import agreement
        from optafly_cli.cache.promise.labels import add

        said = agreement(stored.answer.text, fresh.text, self._loaded.embedder.embed)
        if label := check.label(said, question.instruction, ask.now):
            with self._reported("written"):
                connection = self._writer()
                with transaction(connection):
                    add(connection, label)
        return said

    def _touch(self, connection: sqlite3.Connection, hit: Hit, ask: Asked) -> None:
        """Count the hit if that is possible at once: a hit never fails because the store is busy or read-only."""
        with suppress(sqlite3.Error):
            connection.execute(f"PRAGMA busy_timeout = {_TOUCH_WAIT_MS}")
            connection.execute("PRAGMA synchronous = NORMAL")
            with transaction(connection):
                count_hit(connection, hit, ask.question.instruction, ask.now)


_PAGE = f"SELECT {rows.ENTRY_COLUMNS} FROM entry WHERE id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608 (a constant)
