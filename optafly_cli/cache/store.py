"""The store: one object per process that looks up, remembers and reports. SQLite is the truth.

Opening touches nothing; the first use connects. Not for use by several threads at once: open one for each.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from optafly_cli.cache import rows
from optafly_cli.cache.database import (
    FILE,
    connect_to_read,
    connect_to_write,
    integrity_problems,
    transaction,
)
from optafly_cli.cache.evidence import combined, evidence_key
from optafly_cli.cache.failures import reported
from optafly_cli.cache.lookup import Asked, Embedding, asked, asked_digest, exact_only, exact_tier, load, semantic_tier
from optafly_cli.cache.text import core_of, storable
from optafly_cli.cache.types import Entry, Evidence, Hit, Lookup, Miss, Question
from optafly_cli.config.settings import CacheSettings
from optafly_cli.provider.result import Answer

if TYPE_CHECKING:
    from optafly_cli.cache.embedder import Embedder
    from optafly_cli.cache.stats import StoreStats

COMPLETE = frozenset({"end_turn", "stop_sequence"})
_TOUCH_WAIT_MS = 50


class Store:
    """The semantic cache on disk. Use it as a context manager, or call `close`.

    Every method raises `StoreError` when the store cannot be used; a store that does not exist is an empty one.
    """

    def __init__(
        self,
        folder: Path,
        settings: CacheSettings,
        clock: Callable[[], float],
        load_embedder: "Callable[[], Embedder] | None" = None,
    ) -> None:
        self.folder = folder
        self._settings = settings
        self._clock = clock
        self._load_embedder = load_embedder
        self._embedder: Embedder | None = None
        self._embedded: tuple[str, Embedding] | None = None
        self._reading: sqlite3.Connection | None = None
        self._writing: sqlite3.Connection | None = None

    @classmethod
    def open(
        cls,
        folder: Path,
        settings: CacheSettings,
        *,
        clock: Callable[[], float] = time.time,
        load_embedder: "Callable[[], Embedder] | None" = None,
    ) -> Self:
        """The store in that folder. `load_embedder` is for who has one loaded already (the service)."""
        return cls(folder, settings, clock, load_embedder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files. The store can be used again afterwards."""
        for connection in (self._reading, self._writing):
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()
        self._reading = self._writing = None

    def look_up(self, question: Question) -> Lookup:
        """An answer that may be served for the question now, or why there is none. Never creates a store."""
        connection = self._reader()
        if connection is None:
            return Miss("empty", "nothing is stored yet")
        ask = asked(question, self._settings, self._clock())
        with reported(self.folder, "read"):
            found = exact_tier(connection, ask)
            if not isinstance(found, Hit):
                other = self._semantic(connection, ask)
                found = _more_telling(found, other)
            if isinstance(found, Hit):
                self._touch(connection, found, ask.now)
        return found

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
        US dollars, `seconds` how long the answer took.

        Raises:
            ValueError: the answer is not complete (a fault of the caller).
            StoreError: it could not be stored.
        """
        if answer.stop_reason not in COMPLETE or not answer.text.strip():
            raise ValueError(f"only a complete answer is stored, not one that stopped by {answer.stop_reason!r}")
        ask = asked(question, self._settings, self._clock())
        embedding = self._embedding_to_keep(question)
        kept = combined(question.named, evidence)
        values = {
            "key": ask.key,
            "partition": ask.partition,
            "evidence_key": evidence_key(kept),
            "asked": asked_digest(question.exact),
            "created": ask.now,
            "last_used": ask.now,
            "cost": cost,
            "seconds": seconds,
            "model": answer.model,
            "embedder": embedding.index.embedder if embedding else None,
            "vector": embedding.vector.tobytes() if embedding else None,
            "instruction": question.instruction,
            "evidence": rows.evidence_text(kept),
            "prompt": storable(question.prompt),
            "scope": rows.scope_text(question.scope),
            "answer": rows.answer_text(answer),
        }
        with reported(self.folder, "written"):
            connection = self._writer()
            with transaction(connection):
                # A new id for a replaced entry: an index that has the old one must not vouch for the new vector
                connection.execute("DELETE FROM entry WHERE key = :key AND evidence_key = :evidence_key", values)
                number = connection.execute(_INSERT, values).lastrowid or 0
        if embedding is not None:
            with suppress(sqlite3.Error):
                if embedding.index.is_behind(connection, ask.partition):
                    embedding.index.rebuild(connection)
        return number

    def entry(self, number: int) -> Entry | None:
        """The entry of that id, None when there is none."""
        connection = self._reader()
        if connection is None:
            return None
        with reported(self.folder, "read"):
            return load(connection, number)

    def entries(self, *, limit: int = 20, before: int | None = None) -> list[Entry]:
        """The newest entries, newest first; the next page with `before` set to the last id of this one."""
        connection = self._reader()
        if connection is None:
            return []
        with reported(self.folder, "read"):
            found = connection.execute(_PAGE, (before if before is not None else 2**62, limit)).fetchall()
        return [rows.entry_from(row) for row in found]

    def stats(self) -> "StoreStats":
        """What the store holds and what it gave."""
        from optafly_cli.cache.stats import StoreStats, count

        connection = self._reader()
        if connection is None:
            return StoreStats()
        with reported(self.folder, "read"):
            return count(connection, self.folder)

    def clear(self) -> int:
        """Delete every entry and the record of hits, then the index; the number of entries that there were."""
        from shutil import rmtree

        if self._reader() is None:
            return 0
        with reported(self.folder, "written"):
            connection = self._writer()
            with transaction(connection):
                deleted = connection.execute("DELETE FROM entry").rowcount
                connection.execute("DELETE FROM hit")
            rmtree(self.folder / "index", ignore_errors=True)
            # Other processes may be reading: then the room is given back another time
            with suppress(sqlite3.OperationalError):
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return deleted

    def problems(self) -> list[str]:
        """What is wrong with the store, one sentence each; empty when it is sound or does not exist."""
        connection = self._reader()
        if connection is None:
            return []
        from optafly_cli.cache.index import Index

        with reported(self.folder, "read"):
            found = [f"{self.folder / FILE}: {problem}" for problem in integrity_problems(connection)]
            embedders = connection.execute("SELECT DISTINCT embedder FROM entry WHERE embedder IS NOT NULL").fetchall()
            for (embedder,) in embedders:
                found += Index(self.folder, embedder).problems(connection)
        return found

    def _semantic(self, connection: sqlite3.Connection, ask: Asked) -> Lookup:
        from optafly_cli.cache.embedder import EmbedderUnavailable

        try:
            return semantic_tier(connection, ask, self._settings, self._embedding)
        except EmbedderUnavailable as error:
            return Miss(
                "no_embedder", "other words cannot be compared without the embedding model", warnings=(str(error),)
            )

    def _embedding_to_keep(self, question: Question) -> Embedding | None:
        from optafly_cli.cache.embedder import EmbedderUnavailable

        if exact_only(question):
            return None
        try:
            return self._embedding(question.instruction)
        except EmbedderUnavailable:
            return None

    def _embedding(self, instruction: str) -> Embedding:
        """The vector of an instruction without courtesy; the last one is kept, as a miss is mostly remembered next."""
        from optafly_cli.cache.embedder import Embedder
        from optafly_cli.cache.index import Index

        if self._embedded is None or self._embedded[0] != instruction:
            if self._embedder is None:
                load_it = self._load_embedder or (lambda: Embedder.load(self._settings.embedding_model))
                self._embedder = load_it()
            vector = self._embedder.embed([core_of(instruction)])[0]
            self._embedded = (instruction, Embedding(vector, Index(self.folder, self._embedder.identity)))
        return self._embedded[1]

    def _touch(self, connection: sqlite3.Connection, hit: Hit, now: float) -> None:
        """Count the hit if that is possible at once: a hit never fails because the store is busy or read-only."""
        entry = hit.entry.id
        with suppress(sqlite3.Error):
            connection.execute(f"PRAGMA busy_timeout = {_TOUCH_WAIT_MS}")
            connection.execute("PRAGMA synchronous = NORMAL")
            with transaction(connection):
                connection.execute("UPDATE entry SET hits = hits + 1, last_used = ? WHERE id = ?", (now, entry))
                connection.execute(_HIT, (now, hit.tier, hit.similarity, entry))

    def _reader(self) -> sqlite3.Connection | None:
        if self._reading is None:
            self._reading = connect_to_read(self.folder)
        return self._reading

    def _writer(self) -> sqlite3.Connection:
        if self._writing is None:
            self._writing = connect_to_write(self.folder)
        return self._writing


_INSERT = """
    INSERT INTO entry (key, partition, evidence_key, asked, created, last_used, cost, seconds, model, embedder, vector,
                       instruction, evidence, prompt, scope, answer)
    VALUES (:key, :partition, :evidence_key, :asked, :created, :last_used, :cost, :seconds, :model, :embedder, :vector,
            :instruction, :evidence, :prompt, :scope, :answer)
"""
_HIT = """
    INSERT INTO hit (entry, at, tier, similarity, cost, seconds)
    SELECT id, ?, ?, ?, cost, seconds FROM entry WHERE id = ?
"""
_PAGE = f"SELECT {rows.ENTRY_COLUMNS} FROM entry WHERE id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608 (a constant)


def _more_telling(exact: Miss | None, other: Lookup) -> Lookup:
    """Why the very same prompt could not be answered says more than why no other could."""
    if exact is None or isinstance(other, Hit):
        return other
    return replace(exact, warnings=other.warnings)
