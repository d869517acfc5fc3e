"""Facts on disk, by the hash of the text that they are of: shared by branches, clones and worktrees. SQLite.

A database that is damaged or of another version is put away and begun anew: nothing in it cannot be made again.
"""

import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from optafly_cli.durable import PRIVATE
from optafly_cli.workspace.index.facts import FACTS_VERSION, FileFacts, packed, unpacked
from optafly_cli.workspace.secrets import rules_digest

LARGEST = 256 * 1024 * 1024
"""Bytes of facts that are kept; above, those that were not used for longest go."""
_DAY_S = 86_400
_BATCH = 500


class FactsStore:
    """The facts that were made before. Not being able to keep any is no failure: they are made again."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "facts.sqlite"

    def get(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], FileFacts]:
        """The facts known for (hash, language) pairs."""
        wanted = list(dict.fromkeys(keys))
        found: dict[tuple[str, str], FileFacts] = {}
        if not wanted:
            return found
        with suppress(sqlite3.Error, OSError), self._open() as database:
            for start in range(0, len(wanted), _BATCH):
                part = wanted[start : start + _BATCH]
                marks = ",".join("?" * len(part))
                rows = database.execute(
                    f"SELECT key, facts FROM facts WHERE key IN ({marks})",  # noqa: S608  (marks only)
                    [_key(*one) for one in part],
                )
                by_key = {_key(*one): one for one in part}
                for key, data in rows:
                    with suppress(ValueError, TypeError, zlib.error):
                        found[by_key[key]] = unpacked(data)
        return found

    def put(self, made: Iterable[tuple[tuple[str, str], FileFacts]]) -> None:
        """Keep facts, and forget the oldest when there is too much."""
        rows = [(_key(*key), _today(), packed(facts)) for key, facts in made]
        with suppress(sqlite3.Error, OSError), self._open() as database, database:
            database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", rows)

    def used(self, keys: Iterable[tuple[str, str]]) -> None:
        """Note that these are in use, and forget what has not been for longest when there is too much."""
        with suppress(sqlite3.Error, OSError), self._open() as database, database:
            database.executemany("UPDATE facts SET used = ? WHERE key = ?", [(_today(), _key(*one)) for one in keys])
            (size,) = database.execute("SELECT coalesce(sum(length(facts)), 0) FROM facts").fetchone()
            if size > LARGEST:
                count = database.execute("SELECT count(*) FROM facts").fetchone()[0]
                database.execute(
                    "DELETE FROM facts WHERE key IN (SELECT key FROM facts ORDER BY used LIMIT ?)", (count // 3,)
                )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            database = self._connected()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            for ending in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
            database = self._connected()
        with closing(database):
            yield database

    def _connected(self) -> sqlite3.Connection:
        if not self._path.exists():
            self._path.touch(PRIVATE)
        database = sqlite3.connect(self._path, timeout=5.0)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version != FACTS_VERSION:
                with database:
                    database.execute("DROP TABLE IF EXISTS facts")
                    database.execute(
                        "CREATE TABLE facts (key TEXT PRIMARY KEY, used INTEGER NOT NULL, facts BLOB NOT NULL)"
                    )
                    database.execute(f"PRAGMA user_version = {FACTS_VERSION}")
        except BaseException:
            database.close()
            raise
        return database


def _key(blob: str, language: str) -> str:
    # Facts are of a text without secrets: with other rules it may be another one
    return f"{blob} {language} {rules_digest()}"


def _today() -> int:
    return int(time.time()) // _DAY_S
