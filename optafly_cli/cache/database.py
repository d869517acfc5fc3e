"""Opening `entries.sqlite`: for reading (never creates anything) and for writing. Standard library only.

A new database is built aside and renamed, so that no process ever sees half of one; SQLite gives its -wal and -shm
files the mode of the database, 0600.
"""

import fcntl
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optafly_cli._version import __version__
from optafly_cli.cache import schema
from optafly_cli.cache.failures import error_name, reported
from optafly_cli.durable import fsync_folder
from optafly_cli.errors import StoreError

FILE = "entries.sqlite"
LOCK = "store.lock"
_WRITE_WAIT_MS = 15_000
_PAUSE_S = 0.01
_READ_MODES = ("mode=rw", "mode=ro", "mode=ro&immutable=1")
"""Tried in order: the last one serves a folder where not even the -shm file can be made."""
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
        for mode in _READ_MODES[:-1]:
            try:
                return _open(path, mode)
            except sqlite3.OperationalError as error:
                if not error_name(error).startswith(_TRY_NEXT):
                    raise
        return _open(path, _READ_MODES[-1])


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
        connection.execute(f"PRAGMA busy_timeout = {_WRITE_WAIT_MS}")
        connection.execute("PRAGMA synchronous = FULL")
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


def integrity_problems(connection: sqlite3.Connection) -> list[str]:
    """What SQLite's own check finds; empty when the database is sound."""
    rows = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
    return [] if rows == ["ok"] else rows


def make_private_folder(folder: Path) -> None:
    """Create the folder and what is missing above it, all of it 0700. A folder that exists is left as it is."""
    for missing in [*(parent for parent in reversed(folder.parents) if not parent.exists()), folder]:
        missing.mkdir(mode=0o700, exist_ok=True)


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
    return found.st_size > 0


def _open(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None, timeout=2)
    try:
        _check(connection, path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, folder: Path) -> None:
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
        schema.migrate(connection)


def _create(folder: Path) -> None:
    make_private_folder(folder)
    path = folder / FILE
    with locked(folder / LOCK, _WRITE_WAIT_MS / 1000) as held:
        if not held:
            raise StoreError(f"{folder / LOCK} is held by another process", remedy="try again", code="store_busy")
        if _exists(path):
            return
        for leftover in folder.glob(f"{FILE}.new*"):
            leftover.unlink(missing_ok=True)
        # A log without its database belongs to one that was taken away: a new database must not replay it
        for orphan in (folder / f"{FILE}-wal", folder / f"{FILE}-shm"):
            if orphan.exists():
                orphan.rename(orphan.with_name(f"{orphan.name}.orphan-{os.getpid()}"))
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
