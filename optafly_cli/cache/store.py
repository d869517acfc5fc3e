"""The store: one object per process that looks up, remembers and reports. SQLite is the truth.

Opening touches nothing; the first use connects. Not for use by several threads at once: open one for each.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from optafly_cli.cache import outbox, upkeep
from optafly_cli.cache.database import transaction
from optafly_cli.cache.evidence import combined
from optafly_cli.cache.loaded import Loaded, LoadEmbedder, LoadVerifier
from optafly_cli.cache.lookup import DAY, NOTHING_STORED, Asked, asked, look_up
from optafly_cli.cache.reports import StoreReports
from optafly_cli.cache.types import Entry, Evidence, Hit, Lookup, Miss, Question
from optafly_cli.cache.writing import COMPLETE, count_hit, entry_values, put_entry, used_a_tool
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import StoreError
from optafly_cli.provider.result import Answer

if TYPE_CHECKING:
    from optafly_cli.cache.engine.protocol import Engine
    from optafly_cli.cache.explain import Explanation
    from optafly_cli.cache.promise.agreement import Agreement
    from optafly_cli.cache.promise.calibration import Calibration
    from optafly_cli.cache.promise.reject import Rejected
    from optafly_cli.cache.shared import SharedStore
    from optafly_cli.tokens.calibration import ContentClass

_TOUCH_WAIT_MS = 50


class Store(StoreReports):
    """The semantic cache on disk. Use it as a context manager, or call `close`.

    Every method raises `StoreError` when the store cannot be used; a store that does not exist is an empty one.
    """

    @property
    def warnings(self) -> list[str]:
        """What went wrong beside what was done, for stderr; whoever says it empties the list."""
        return self._sharing.warnings

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
        engine: "Engine | None" = None,
        shared: "SharedStore | None" = None,
    ) -> Self:
        """The store in that folder. The loaders and `shared` are for who has one already, `engine` is one beside us.

        `calibration` replaces the labels that ship. Without a verifier the similarity decides, and nothing is promised.
        """
        loaded = Loaded(folder, settings, load_embedder, load_verifier, calibration, engine)
        return cls(folder, settings, clock, loaded, shared)

    def look_up(self, question: Question, *, serve: bool = True) -> Lookup:
        """An answer that may be served for the question now, or why there is none. Never creates a store.

        With `serve` false it only says what would be served, and no hit is counted.
        """
        self._sharing.new_question()
        connection = self._reader_for_shared()
        if connection is None:
            return NOTHING_STORED
        ask = asked(question, self._settings, self._clock())
        with self._reported("read"):
            found = look_up(connection, ask, self._settings, self._loaded)
            if isinstance(found, Miss) and self._sharing.store is not None:
                found = self._look_further(found, ask)
            if serve and isinstance(found, Hit):
                self._touch(connection, found, ask)
        return found

    def ruled_out(self, question: Question) -> Miss | None:
        """A miss where the rules alone tell that no other words can answer it; None where that takes `look_up`."""
        from optafly_cli.cache import ruling

        connection = self._reader()
        # What a team's store has is not here to be compared
        if connection is None or self._sharing.store is not None:
            return None
        with self._reported("read"):
            ask = asked(question, self._settings, self._clock())
            return ruling.ruled_out(connection, ask, self._settings, ruling.PATIENCE_S)

    def _look_further(self, missed: Miss, ask: Asked) -> Lookup:
        """What the team's store has for the question, decided here; the miss with a warning when it cannot be asked."""
        try:
            if not self._sharing.fetch(self._writer, ask, self._loaded.embedding_to_keep(ask.question)):
                return missed
        except StoreError as error:
            return replace(missed, warnings=(*missed.warnings, f"{error.message}: the local one alone was asked"))
        return look_up(self._writer(), ask, self._settings, self._loaded)

    def _reader_for_shared(self) -> sqlite3.Connection | None:
        """The connection that reads; a store that does not exist is made where the team's may have something for it."""
        if self._reader() is None and self._sharing.store is not None:
            self._writer()
        return self._reader()

    def explain(
        self, question: Question, *, neighbours: bool = False, everywhere: bool = False, shared: bool = False
    ) -> "Explanation":
        """Why `look_up` answers as it does, with the nearest entries; counts no hit and creates no store.

        With `neighbours` an exact hit is no reason not to compare, with `everywhere` other scopes are searched too,
        with `shared` what the team's store has for the question is fetched before.
        """
        from optafly_cli.cache.explain import explain

        ask = asked(question, self._settings, self._clock())
        connection = self._reader_for_shared() if shared else self._reader()
        if shared:
            with self._reported("written"):
                self._sharing.fetch(self._writer, ask, self._loaded.embedding_to_keep(question))
        with self._reported("read"):
            return explain(connection, ask, self._settings, self._loaded, neighbours=neighbours, everywhere=everywhere)

    def alone(
        self, question: Question, *, patience_s: float, waiting: Callable[[], None]
    ) -> AbstractContextManager[bool]:
        """Be the one process that asks this question while the block runs (`Sharing.alone`)."""
        key = asked(question, self._settings, self._clock()).key
        return self._sharing.alone(self.folder, key, patience_s=patience_s, waiting=waiting)

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
                if self._sharing.store is not None:
                    outbox.add(connection, number)
        with suppress(sqlite3.Error):
            self._sharing.share(connection, number)
        index = embedding.index if embedding else None
        with suppress(sqlite3.Error):
            upkeep.after_a_write(connection, self.folder, self._settings, index, ask.partition)
        return number

    def observe(self, model: str, content: "ContentClass", ratio: float) -> None:
        """Keep what an answer's usage said about our count of its request (`tokens.calibration`)."""
        from optafly_cli.cache.counts import observe

        with self._reported("written"):
            observe(self._writer(), model, content, ratio)

    def keep_request(self, request: bytes, entry: Entry, files: bytes) -> None:
        """Let the launcher answer that request with the entry while the files are as they are (`direct`)."""
        expires = entry.created + self._settings.ttl_days * DAY
        values = (request, entry.id, expires, sum(astuple(entry.answer.usage)), files)
        with self._reported("written"):
            connection = self._writer()
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("INSERT OR REPLACE INTO direct VALUES (?, ?, ?, ?, ?)", values)

    def previous_message(self, project: str, model: str) -> str | None:
        """The id of the last message that was kept for the project and model; None where there is none of use."""
        from optafly_cli.cache import previous

        connection = self._reader()
        if connection is None:
            return None
        with self._reported("read"):
            return previous.last(connection, project, model, self._clock())

    def keep_message(self, project: str, model: str, message: str) -> None:
        """Keep the id of the last message for the project and model."""
        from optafly_cli.cache import previous

        with self._reported("written"):
            connection = self._writer()
            with transaction(connection):
                previous.keep(connection, project, model, message, self._clock())

    def has(self, key: bytes) -> bool:
        """Whether anything is stored under that key, servable or not: cheaper than `look_up`, and says less."""
        connection = self._reader()
        if connection is None:
            return False
        with self._reported("read"):
            return connection.execute("SELECT 1 FROM entry WHERE key = ?", (key,)).fetchone() is not None

    def prepare(self, question: Question) -> None:
        """Embed now what `remember` will keep for the question: for who waits for its answer anyway."""
        self._loaded.embedding_to_keep(question)

    def expect(self, question: Question) -> None:
        """Begin to embed what will be looked up or kept: in the engine beside us, or without one here and now."""
        if not self._loaded.expect(question.instruction):
            self.prepare(question)

    def warm_up(self) -> None:
        """Load the embedding model now, where there is one: for a process that stays."""
        from optafly_cli.cache.embedder import EmbedderUnavailable

        with suppress(EmbedderUnavailable):
            self._loaded.embedding("")

    def reject(self, which: int | None = None) -> "Rejected":
        """The last hit, or the last one of an entry, was wrong.

        A semantic hit becomes a label, and its two instructions never share an answer again. The answer of an exact
        one is deleted, in the team's store too.

        Raises:
            UsageError: there is no such hit, or it was rejected before.
            StoreError: it could not be written.
        """
        from optafly_cli.cache.promise.reject import no_hit, reject
        from optafly_cli.cache.stats import semantic

        if self._reader() is None:
            raise no_hit(which)
        with self._reported("written"):
            connection = self._writer()
            before = semantic(connection, self._loaded)
            with transaction(connection):
                done = reject(connection, which, self._clock(), self._sharing.forget)
            now = semantic(connection, self._loaded)
        return replace(done, ended=now) if before and now and before.served and not now.served else done

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
