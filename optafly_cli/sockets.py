"""The service's sockets as its clients reach them: in a folder that is this user's alone. Built-in modules only.

Every command pays for each import here, so there is none that the interpreter has not loaded itself, but `_socket`.
"""

import os
import sys

TYPE_CHECKING = False  # of typing's, without typing
if TYPE_CHECKING:
    import _socket
    from collections.abc import Mapping

_FALSE = ("false", "0", "no", "off")
_PATIENCE_S = 2


def are_turned_off(environ: "Mapping[str, str]") -> bool:
    """Whether a variable keeps this process from a service that runs (`service.enabled`)."""
    return environ.get("OPTAFLY_SERVICE_ENABLED", "").strip().lower() in _FALSE


def opened(folder: str) -> int:
    """A descriptor of the runtime folder, which is a real one, this user's, and closed to all others.

    Raises:
        OSError: it is not. Sockets are reached through it, so that no path is too long and none changes its owner.
    """
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    found = os.fstat(handle)
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        os.close(handle)
        raise PermissionError(1, "others can enter the folder", folder)
    return handle


def connect(folder: str, name: str) -> "_socket.socket":
    """A connection to a socket of the service, with a limit to how long it is waited for.

    Raises:
        OSError: nothing listens there.
    """
    import _socket

    handle = opened(folder)
    try:
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        set_patience(connection, _PATIENCE_S)
        try:
            connection.connect(f"/proc/self/fd/{handle}/{name}")
        except OSError:
            connection.close()
            raise
    finally:
        os.close(handle)
    return connection


def set_patience(connection: "_socket.socket", seconds: int) -> None:
    """Bound (0: do not) what the kernel waits for; a timeout of Python's would make the socket non-blocking."""
    import _socket

    span = seconds.to_bytes(8, sys.byteorder) + bytes(8)
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, span)
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, span)
