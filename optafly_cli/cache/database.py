"""Opening `entries.sqlite`: for reading (never creates anything) and for writing. Standard library only.

A new database is built aside and renamed, so that no process ever sees half of one; SQLite gives its -wal and -shm
files the mode of the database, 0600.
"""

import fcntl
import os
import sqlite3
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from optafly_cli._version import __version__
from optafly_cli.cache import schema
from optafly_cli.cache.failures import damaged, error_name, reported
from optafly_cli.config.private import make_store_folder
from optafly_cli.durable import fsync_folder
from optafly_cli.errors import StoreError

FILE = "entries.sqlite"
LOCK = "store.lock"
WRITE_WAIT_MS = 15_000
_PAUSE_S = 0.01
_LOOKS = 5
_LOG_HEAD = 32
_READ_MODES = ("mode=rw", "mode=ro")
_UNCHANGING = "mode=ro&immutable=1"
"""Tried when those fail: it serves a folder where not even the -shm file can be made, and does not read the log."""
_TRY_NEXT = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR")


def connect_to_read(folder: Path) -> sqlite3.Connection | None:
    """A connection to an existing store, None when there is none. Works on a store that cannot be written.

    Raises:
        StoreError: damaged, from the future, of another program, or not readable.
    """
    path = folder / FILE
    with reported(folder, "read"):
        if not _exists(path):
            return None
        for mode in _READ_MODES:
            try:
                return _open(path, mode)
            except sqlite3.OperationalError as error:
                if not error_name(error).startswith(_TRY_NEXT):
                    raise
                failed = error
        if _size(_log(path)):
            # Without its log the database lacks answers that were returned, or is half of two states
            raise failed
        return _open(path, _UNCHANGING, failed)


def connect_to_write(folder: Path) -> sqlite3.Connection:
    """A connection to the store, which is created if there is none; a commit on it is on disk when it returns.

    Raises:
        StoreError: as for reading, and when it cannot be written or created.
    """
    path = folder / FILE
    with reported(folder, "written"):
        if not _exists(path):
            _create(folder)
        connection = _open(path, "mode=rw")
        connection.execute(f"PRAGMA busy_timeout = {WRITE_WAIT_MS}")
        connection.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten, however SQLite was built
        connection.execute("PRAGMA secure_delete = ON")
        return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction: committed at the end, rolled back when anything is raised."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def file_identity(folder: Path) -> tuple[int, int] | None:
    """Which file the database is, for who keeps it open for long: it may be another one by now. None without one."""
    try:
        found = os.stat(folder / FILE)  # noqa: PTH116 - the proxy asks twice for every request
    except OSError:
        return None
    return found.st_dev, found.st_ino


def integrity_problems(connection: sqlite3.Connection, *, quick: bool = False) -> list[str]:
    """What SQLite's own check finds; empty when the database is sound. `quick`: what `quick_check` finds."""
    check = "quick_check" if quick else "integrity_check"
    rows = [str(row[0]) for row in connection.execute(f"PRAGMA {check}(20)")]
    return [] if rows == ["ok"] else [" ".join(row.split()) for row in rows]


def try_lock(handle: int) -> bool:
    """Take the file lock if it is free. It goes when the handle is closed, however the process ends."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path, patience_s: float = 0.0) -> Iterator[bool]:
    """Hold the lock of a file while the block runs; False when another process still has it after `patience_s`."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        give_up = time.monotonic() + patience_s
        while not (held := try_lock(handle)) and time.monotonic() < give_up:
            time.sleep(_PAUSE_S)
        yield held
    finally:
        os.close(handle)


def _exists(path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"{path} is not a file", remedy="set OPTAFLY_CACHE_PATH to another folder")
    if not found.st_size and (path.with_name(LOCK).exists() or _size(_log(path))):
        # It is renamed into place whole, after the lock was made: it was longer once
        raise damaged(path.parent, f"{FILE} is empty")
    return found.st_size > 0


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _check_log(path: Path) -> None:
    """Raises StoreError: the log does not begin as one. SQLite takes such a log for empty, and answers are gone."""
    for _ in range(_LOOKS):
        try:
            with _log(path).open("rb") as log:
                head = log.read(_LOG_HEAD)
        except FileNotFoundError:
            return
        if is_log_head(head):
            return
        # Another process may be writing it just now
        time.sleep(_PAUSE_S)
    raise damaged(path.parent, f"its log {_log(path).name} does not begin as one")


def is_log_head(head: bytes) -> bool:
    """Whether a write-ahead log may begin so. One that nothing was committed to is empty, short, or all zeros."""
    if len(head) < _LOG_HEAD or not any(head):
        return True
    # https://www.sqlite.org/fileformat2.html#wal_file_format
    magic, version, *words = struct.unpack(">8I", head)
    if magic not in (0x377F0682, 0x377F0683) or version != 3_007_000:
        return False
    first = second = 0
    summed = struct.unpack((">" if magic & 1 else "<") + "6I", head[:24])
    for at in range(0, 6, 2):
        first = (first + summed[at] + second) & 0xFFFFFFFF
        second = (second + summed[at + 1] + first) & 0xFFFFFFFF
    return [first, second] == words[-2:]


@contextmanager
def untouched(path: Path) -> Iterator[None]:
    """What is closed inside writes nothing: the last connection to a database otherwise puts its log into it."""
    guard = None
    with suppress(sqlite3.Error):
        # SQLite removes the log of a database that is empty
        if _size(path):
            guard = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            guard.execute("SELECT count(*) FROM sqlite_master").fetchone()
    try:
        yield
    finally:
        if guard is not None:
            guard.close()


def _open(path: Path, mode: str, failed: sqlite3.Error | None = None) -> sqlite3.Connection:
    """`failed` is why it cannot be written, when that is known."""
    _check_log(path)
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None, timeout=2)
    try:
        _check(connection, path.parent, failed)
    except BaseException:
        with untouched(path):
            connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, folder: Path, failed: sqlite3.Error | None) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
        raise StoreError(
            f"{folder / FILE} is a database of another program; nothing in it was touched",
            remedy="set OPTAFLY_CACHE_PATH to another folder, or move the file away",
        )
    version = schema.version_of(connection)
    if version > schema.LATEST:
        raise StoreError(
            f"the store at {folder} was written by optafly {schema.written_by(connection)} (schema {version}); this is "
            f"optafly {__version__} (schema {schema.LATEST}), and nothing in it was touched",
            remedy="upgrade optafly, or set OPTAFLY_CACHE_PATH to another folder",
            code="store_future",
        )
    if version < schema.LATEST:
        with reported(folder, f"brought up to date from schema {version} to {schema.LATEST}"):
            if failed is not None:
                raise failed
            schema.migrate(connection)


def _create(folder: Path) -> None:
    make_store_folder(folder)
    path = folder / FILE
    with locked(folder / LOCK, WRITE_WAIT_MS / 1000) as held:
        if not held:
            raise StoreError(f"{folder / LOCK} is held by another process", remedy="try again", code="store_busy")
        if _size(path):
            return
        for leftover in folder.glob(f"{FILE}.new*"):
            leftover.unlink(missing_ok=True)
        (folder / f"{FILE}-shm").unlink(missing_ok=True)
        # A log without its database belongs to one that was taken away: a new database must not replay it
        orphan = _log(path)
        if _size(orphan):
            orphan.rename(orphan.with_name(f"{orphan.name}.orphan-{os.getpid()}"))
        orphan.unlink(missing_ok=True)
        _build(folder / f"{FILE}.new")
        (folder / f"{FILE}.new").rename(path)
        fsync_folder(folder)


def _build(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        schema.migrate(connection)
    finally:
        connection.close()
