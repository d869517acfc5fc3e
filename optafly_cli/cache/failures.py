"""What SQLite and the file system report, as a `StoreError` with one sentence and a remedy. Standard library only."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optafly_cli.errors import StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_TRUNCATE")
"""A file size limit or a quota reaches SQLite as a failed write, not as SQLITE_FULL."""


class UnreadableRowError(Exception):
    """A row does not hold what optafly writes; the message says which. Never leaves this room."""


@contextmanager
def reported(folder: Path, doing: str) -> Iterator[None]:
    """Turn what fails inside into a `StoreError`. `doing` completes "the store at … cannot be …"."""
    try:
        yield
    except sqlite3.Error as error:
        raise _from_sqlite(error, folder, doing) from error
    except UnreadableRowError as error:
        raise damaged(folder, str(error)) from error
    except OSError as error:
        raise _from_system(error, folder, doing) from error


def is_full(error: Exception) -> bool:
    """Whether it failed for want of room: the disk, a quota, or a limit on the size of files."""
    if isinstance(error, sqlite3.Error):
        return error_name(error) in _NO_ROOM
    return isinstance(error, OSError) and error.errno in _FULL


def error_name(error: sqlite3.Error) -> str:
    """SQLite's name for the error ("SQLITE_IOERR_WRITE"), empty when the module itself raised it."""
    return str(getattr(error, "sqlite_errorname", ""))


def damaged(folder: Path, what: str) -> StoreError:
    """The database cannot be read as one."""
    return StoreError(
        f"the store at {folder} is damaged ({what}); nothing in it was touched",
        remedy=_way_out(folder),
        code="store_damaged",
    )


def damage(folder: Path, what: str) -> str:
    """A sentence about damage that a check found, with what to do after the semicolon."""
    return f"the store at {folder} is damaged ({what.replace(';', ',')}); {_way_out(folder)}"


def _way_out(folder: Path) -> str:
    return (
        "`optafly cache export --salvage FILE` saves what can be read; then move "
        f"{folder / 'entries.sqlite'} aside, and optafly begins a new one to import it into"
    )


def _from_sqlite(error: sqlite3.Error, folder: Path, doing: str) -> StoreError:
    name = error_name(error)
    if is_full(error):
        return no_room(f"the store at {folder}", doing)
    if str(error).startswith("Could not decode"):
        return damaged(folder, "a text in it is not UTF-8")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(
            f"the store at {folder} cannot be {doing}: another process holds it",
            remedy="try again; if it stays so, look for a stuck optafly process",
            code="store_busy",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return _denied(folder, doing)
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return damaged(folder, str(error))
    return StoreError(f"the store at {folder} cannot be {doing}: {error}", remedy="run `optafly doctor`")


def _from_system(error: OSError, folder: Path, doing: str) -> StoreError:
    if is_full(error):
        return no_room(f"the store at {folder}", doing)
    if error.errno in _DENIED:
        return _denied(folder, doing)
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StoreError(
        f"the store at {folder} cannot be {doing}: {reason}", remedy="set OPTAFLY_CACHE_PATH to a folder of your own"
    )


def no_room(what: str, doing: str) -> StoreError:
    """`what` cannot be `doing` (written, read): its disk is full."""
    return StoreError(
        f"{what} cannot be {doing}: no room is left (disk, quota or file size limit)",
        remedy="free some space there and run it again; nothing that was stored is lost",
        code="store_full",
    )


def _denied(folder: Path, doing: str) -> StoreError:
    return StoreError(
        f"the store at {folder} cannot be {doing}: permission denied",
        remedy="make the folder yours, or set OPTAFLY_CACHE_PATH to one that is",
        code="store_readonly",
    )
