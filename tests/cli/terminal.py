"""optafly on a real pseudo-terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence

from tests.cli.conftest import THROUGH_A_SERVICE, Cli
from tests.nursery import nursery


def on_a_terminal(
    cli: Cli,
    *arguments: str,
    answers: tuple[tuple[bytes, bytes], ...] = (),
    columns: int = 80,
    rows: int = 50,
    env: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Run optafly with all three streams on a pseudo-terminal of that size; its exit code and all it wrote.

    `answers` are pairs: wait for the first to be written, then type the second.
    """
    environment = {**cli.env, "TERM": "xterm-256color", **(env or {})}
    size = struct.pack("HHHH", rows, columns, 0, 0)
    pid, terminal, ended = _begun(cli, arguments, environment, size)
    written = b""
    seen = 0
    pending = list(answers)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # what Linux says when the other side is closed
                break
            if not data:
                break
            written += data
        if pending and pending[0][0] in written[seen:]:
            seen = len(written)
            typed = pending.pop(0)[1]
            if b"\x03" in typed:
                # Nobody is so fast: a signal between Python's last look and the read is heard only after the read
                time.sleep(0.3)
            os.write(terminal, typed)
    else:
        # A command that waits for an answer that was not typed would never end
        os.kill(pid, signal.SIGKILL)
    code = ended()
    os.close(terminal)
    return code, written


def _begun(
    cli: Cli, arguments: Sequence[str], env: Mapping[str, str], size: bytes
) -> tuple[int, int, Callable[[], int]]:
    """Its process, our side of its terminal, and what waits for its exit code. It finds the size as it is to be."""
    if not THROUGH_A_SERVICE:
        terminal, theirs = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
        if child := nursery().begin_on(theirs, arguments, cwd=cli.cwd, env=env):
            return child.pid, terminal, child.wait
        os.close(terminal)
        os.close(theirs)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cli.cwd)
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        os.execve(sys.executable, [sys.executable, "-m", "optafly_cli", *arguments], env)
    return pid, terminal, lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def plain_lines(written: bytes) -> list[str]:
    """What was written as lines, without styles."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())
    return text.split("\r\n")
