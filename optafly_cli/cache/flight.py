"""Single flight: of several processes that ask the same at once, one makes the request and the others get its answer.

A file in `flights/` is locked for each question under way. The kernel lets go of the lock however its holder ends, so
that another takes over. Folders that were made for it and are empty afterwards go again.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from optafly_cli.cache.database import try_lock
from optafly_cli.config.private import make_private_folder

FOLDER = "flights"
PAUSE_S = 0.05
"""Between two looks whether another process has landed."""
_TRIES = 20


@dataclass(slots=True)
class Lead:
    """The right to ask a question, until `end`. Without a handle (-1) no other process knows of it, or it has ended."""

    path: Path
    handle: int

    def end(self, *, tidy: bool = True) -> None:
        """Let others ask. Not to be `tidy` leaves the folder for the next flight: removing it takes milliseconds."""
        handle, self.handle = self.handle, -1
        if handle < 0:
            return
        with suppress(OSError):
            self.path.unlink()
        os.close(handle)
        if tidy:
            tidy_up(self.path.parents[1])


def tidy_up(folder: Path) -> None:
    """Remove the folder of flights, and that of a store that never was, where they are empty."""
    with suppress(OSError):
        (folder / FOLDER).rmdir()
        folder.rmdir()


def try_to_lead(folder: Path, key: bytes) -> Lead | None:
    """Lead the flight of `key` in the store of that folder; None while another process does. Never waits."""
    path = folder / FOLDER / f"{key.hex()}.lock"
    handle = _taken(path)
    return None if handle is None else Lead(path, handle)


@contextmanager
def alone(folder: Path, key: bytes, *, patience_s: float, waiting: Callable[[], None]) -> Iterator[bool]:
    """Lead the flight of `key` while the block runs; the value says whether another process had to be waited for.

    `waiting` is called once when it begins. After `patience_s` seconds, or where no file can be locked, the block runs
    all the same.
    """
    give_up = time.monotonic() + patience_s
    waited = False
    lead = try_to_lead(folder, key)
    while lead is None and time.monotonic() < give_up:
        if not waited:
            waited = True
            waiting()
        time.sleep(PAUSE_S)
        lead = try_to_lead(folder, key)
    try:
        yield waited
    finally:
        if lead is not None:
            lead.end()


def _taken(path: Path) -> int | None:
    """The locked file; None while another process holds it; -1 where there can be none."""
    for _ in range(_TRIES):
        try:
            handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        except FileNotFoundError:
            # The folder went with the last flight that was in it
            if not _made(path.parent):
                return -1
            continue
        except OSError:
            return -1
        try:
            if not try_lock(handle):
                os.close(handle)
                return None
        except OSError:
            os.close(handle)
            return -1
        if _is_still(path, handle):
            return handle
        # Its last holder removed the file between our opening and our locking it
        os.close(handle)
    return -1


def _made(folder: Path) -> bool:
    """Whether the folder can be there; looking at all that is above it would take longer than the rest."""
    try:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except FileNotFoundError:
            make_private_folder(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
