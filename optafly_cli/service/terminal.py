"""Commands that need the terminal, such as an editor: run here, or by the launcher whose terminal it is.

A child of the service has the terminal's descriptors, but it is not its controlling terminal: Ctrl-Z, Ctrl-C and
/dev/tty would not work in what it starts. So the launcher, which has stayed in the job's foreground, runs it.
"""

import array
import os
import socket
import subprocess
from collections.abc import Sequence

from optafly_cli.service.handover import TERMINAL, answer, packed

_launcher: list[socket.socket] = []


def lend_from(connection: socket.socket) -> None:
    """From now on the launcher at the other end of this connection runs them."""
    _launcher[:] = [connection]


def run(argv: Sequence[str]) -> int:
    """Run a command on the user's terminal until it ends; its exit code, negative for a signal.

    Raises:
        OSError: it cannot be started.
    """
    if not _launcher:
        return subprocess.run(argv, check=False).returncode
    body = packed([*map(os.fsencode, argv)])
    here, there = socket.socketpair()
    with here:
        with there:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [there.fileno()]))]
            _launcher[0].sendmsg([answer(TERMINAL, len(body))], rights)
        _launcher[0].sendall(body)
        said = here.recv(64).decode()
    if not said:
        raise OSError(0, "the launcher is gone")
    word, _, number = said.rpartition(" ")
    if word:
        raise OSError(int(number), os.strerror(int(number)), argv[0])
    return int(number)
