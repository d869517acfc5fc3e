"""The service's files: socket, lock and log; and the lock that makes it the only one."""

import fcntl
import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optafly_cli.config.paths import log_folder, runtime_folder
from optafly_cli.config.private import make_private_folder
from optafly_cli.service import log
from optafly_cli.service.handover import SOCKET
from optafly_cli.sockets import opened

LOCK = "service.lock"


@dataclass(frozen=True, slots=True)
class Places:
    """Where one user's service is to be found."""

    runtime: Path
    logs: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Places":
        """Those that an environment means.

        Raises:
            ConfigError: it names no folder.
        """
        return cls(runtime_folder(environ), log_folder(environ))

    @property
    def address(self) -> Path:
        """What launchers connect to."""
        return self.runtime / SOCKET

    @property
    def log(self) -> Path:
        """What the service says about itself."""
        return self.logs / log.FILE

    def prepare(self) -> None:
        """Make the folder for socket and lock.

        Raises:
            OSError: it cannot be made, or others can enter it.
        """
        make_private_folder(self.runtime)
        os.close(opened(str(self.runtime)))

    def lock(self) -> int | None:
        """The locked file, which is held until it is closed; None while another service has it.

        Raises:
            OSError: there can be no such file.
        """
        handle = os.open(self.runtime / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle

    def listen(self, name: str = SOCKET) -> socket.socket:
        """A socket that listens there; it takes the place of one that was left behind."""
        folder = opened(str(self.runtime))
        aside = f"/proc/self/fd/{folder}/{name}.{os.getpid()}"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        umask = os.umask(0o177)
        try:
            listener.bind(aside)
            listener.listen(128)
            # Renamed, it is there only when somebody listens
            os.rename(aside, f"/proc/self/fd/{folder}/{name}")  # noqa: PTH104 - through the descriptor
        except OSError:
            listener.close()
            with suppress(OSError):
                os.unlink(aside)  # noqa: PTH108
            raise
        finally:
            os.umask(umask)
            os.close(folder)
        return listener

    def identity(self, name: str = SOCKET) -> tuple[int, int] | None:
        """Which file the socket is; None when there is none."""
        try:
            found = os.stat(self.runtime / name)  # noqa: PTH116
        except OSError:
            return None
        return found.st_dev, found.st_ino


def peer_of(connection: Any) -> int:
    """The client's pid; 0 for one that is another user's, or cannot be seen from here."""
    pid: int
    pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid if uid == os.geteuid() else 0
