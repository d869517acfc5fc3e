"""The service's own log: one line for each thing that happened, in one file and the one before it."""

import os
import time
from contextlib import suppress
from pathlib import Path

from optafly_cli.config.private import make_private_folder

FILE = "service.log"
LARGEST = 512 * 1024


class Log:
    """Writes to `service.log`, and to stderr instead when there is no folder. It never fails: a disk may be full.

    What Python itself says (a traceback of the service) goes there too once `take_over` was called.
    """

    def __init__(self, folder: Path | None) -> None:
        self.path = folder / FILE if folder else None
        self._takes_over = False
        if folder:
            with suppress(OSError):
                make_private_folder(folder)

    def take_over(self) -> None:
        """Send this process's stdout and stderr there."""
        self._takes_over = True
        self._redirect()

    def say(self, text: str) -> None:
        """Add a line."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {os.getpid()} {text}\n"
        with suppress(OSError):
            if self.path is None:
                os.write(2, line.encode())
                return
            self._rotate()
            handle = self._opened(self.path)
            try:
                os.write(handle, line.encode())
            finally:
                os.close(handle)

    def _rotate(self) -> None:
        if self.path is None:
            return
        with suppress(FileNotFoundError):
            if self.path.stat().st_size > LARGEST:
                self.path.replace(self.path.with_suffix(".log.1"))
                self._redirect()

    def _redirect(self) -> None:
        if self.path is None or not self._takes_over:
            return
        try:
            handle = self._opened(self.path)
        except OSError:
            handle = os.open(os.devnull, os.O_WRONLY)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.close(handle)

    def _opened(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
