"""The launcher's side: hand this process's command to the service, and stand for it until it ends.

Every command pays for each import here: the interpreter has loaded all but `sockets` and `_socket` itself.
The command was handed over when `READY` came; whatever fails before that leaves it to this process.
"""

import _signal  # type: ignore[import-not-found]  # signal without the enum module
import os
import sys

from optafly_cli.sockets import are_turned_off, connect, set_patience

TYPE_CHECKING = False  # of typing's, without typing
if TYPE_CHECKING:
    import _socket
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

MAGIC = b"optafly1"
COMMAND, STATUS = b"C", b"S"
"""What a client wants: a command line run, or to know how the service is."""
ENGINE = b"engine"
"""The body of a STATUS by whoever would use the engine: it is started."""
HELLO = b"H"
"""What a client hears first. A service that is stuck must not get its descriptors: it would hold pipes open."""
READY, DONE, DIED, TERMINAL, REFUSED, TOLD = b"Y", b"D", b"K", b"T", b"N", b"I"
"""Answers, each with a number of four bytes: the child's pid, its exit code, its signal, the length of what follows."""
SOCKET = "service.sock"
OWN_PROCESS = ("service", "serve", "--install-completion", "--show-completion")
"""What is never handed over: it looks after the service, runs for days, or asks which shell has started it."""
LOST = -1
_LISTEN_EVERY_S = 1
_PASSED_ON = ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "WINCH", "TSTP")
_WHOLE_JOB = (_signal.SIGINT, _signal.SIGQUIT, _signal.SIGHUP, _signal.SIGSTOP, _signal.SIGCONT, _signal.SIGWINCH)
"""What a terminal sends reaches the whole job, and so what the command has started."""


def hand_over(argv: "Sequence[str]", closed: "Sequence[int]") -> int | None:
    """Have the service run `argv`, program's name included; its exit code, None when this process must do it.

    `closed` are the standard streams that this process was started without. A command that died of a signal kills this
    process with the same one. LOST: the service is gone, and does not say.
    """
    if not _may_hand_over(argv):
        return None
    try:
        connection = _connected(os.environ)
    except OSError:
        return None
    if connection is None:
        return None
    stand_in = StandIn()
    try:
        child = _accepted(connection, request(argv, closed))
    except OSError:
        child = 0
    if not child:
        connection.close()
        stand_in.step_back()
        return None
    stand_in.take(child)
    return stand_in.wait(connection)


def _may_hand_over(argv: "Sequence[str]") -> bool:
    if sys.platform != "linux" or (argv[1:2] and argv[1] in OWN_PROCESS):
        return False
    if are_turned_off(os.environ):
        return False
    try:
        # A background job that reads the terminal is stopped by it; a child of the service would not be
        return not os.isatty(0) or os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return True


def runtime_folder(environ: "Mapping[str, str]") -> str | None:
    """The same folder as `config.paths.runtime_folder`, without its imports; None where that finds none."""
    if home := environ.get("OPTAFLY_HOME"):
        if home == "~" or home.startswith("~/"):
            above = _home(environ)
            return above and f"{above}/{home[2:]}/run"
        return f"{os.path.abspath(home)}/run"  # noqa: PTH100 - pathlib costs 5 ms
    given = environ.get("XDG_RUNTIME_DIR", "")
    if given.startswith("/"):
        try:
            found = os.lstat(given)
        except OSError:
            found = None
        if found and found.st_mode & 0o170077 == 0o040000 and found.st_uid == os.geteuid():
            return f"{given}/optafly"
    data = environ.get("XDG_DATA_HOME", "")
    if data.startswith("/"):
        return f"{data}/optafly/run"
    above = _home(environ)
    return above and f"{above}/.local/share/optafly/run"


def _home(environ: "Mapping[str, str]") -> str | None:
    home = environ.get("HOME", "")
    if home.startswith("/"):
        return home
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None


def _connected(environ: "Mapping[str, str]") -> "_socket.socket | None":
    folder = runtime_folder(environ)
    return connect(folder, SOCKET) if folder and "\0" not in folder else None


def packed(parts: "Sequence[bytes]") -> bytes:
    """Byte strings as one, each after its length."""
    return b"".join([len(part).to_bytes(4, "big") + part for part in parts])


def framed(kind: bytes, body: bytes) -> bytes:
    """What a client sends: the magic word, what it wants, how long the rest is, the rest."""
    return MAGIC + kind + len(body).to_bytes(4, "big") + body


def answer(kind: bytes, number: int = 0) -> bytes:
    """What the service says: one letter and one number."""
    return kind + number.to_bytes(4, "big")


def build() -> bytes:
    """Which optafly this is, run by which Python: only the same may run its commands."""
    from optafly_cli._version import __version__

    package = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - pathlib costs 5 ms
    return os.fsencode(f"{__version__}\0{package}\0{sys.prefix}\0{sys.base_prefix}\0{sys.hexversion}")


def manners() -> bytes:
    """How this Python was told to behave: only a service that was told the same behaves like it."""
    return os.fsencode(f"{sys.flags}{sys.warnoptions}{sys._xoptions}{sys.getfilesystemencoding()}")


def request(argv: "Sequence[str]", closed: "Sequence[int]") -> tuple[bytes, list[int]]:
    """The message for a command, and the descriptors that go with it; the caller closes the first of them."""
    given = [number for number in (0, 1, 2) if number not in closed]
    streams = [_stream(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)]
    variables = [name + b"=" + value for name, value in os.environb.items()]
    parts = [build(), manners(), bytes(given), packed(streams), packed([*map(os.fsencode, argv)]), packed(variables)]
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return framed(COMMAND, packed(parts)), [here, *given]


def _stream(stream: "Any") -> bytes:
    return f"{stream.encoding} {stream.errors} {int(stream.line_buffering)}".encode()


def _accepted(connection: "_socket.socket", message: tuple[bytes, list[int]]) -> int:
    """The pid of the child that runs the command from now on; 0 when the service does not want to."""
    import _socket

    if connection.recv(1) != HELLO:
        return 0
    data, descriptors = message
    rights = b"".join([number.to_bytes(4, sys.byteorder) for number in descriptors])
    sent = connection.sendmsg([data], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
    if sent < len(data):
        # Not otherwise: a short command may have ended by now, and sending nothing to it would fail
        connection.sendall(data[sent:])
    os.close(descriptors[0])
    reply = connection.recv(5, _socket.MSG_WAITALL)
    if len(reply) < 5 or reply[:1] != READY:
        return 0
    return int.from_bytes(reply[1:], "big")


class StandIn:
    """This process while its command runs elsewhere: signals go on to the child, stops and deaths come back.

    Signals that arrive before there is a child are kept for it, or for this process when it steps back.
    """

    def __init__(self) -> None:
        self.child = 0
        self.pending: list[int] = []
        self.before: dict[int, Any] = {}
        for name in _PASSED_ON:
            number = getattr(_signal, f"SIG{name}")
            if _signal.getsignal(number) != _signal.SIG_IGN:
                self.before[number] = _signal.signal(number, self._caught)

    def step_back(self) -> None:
        """Be the process again that will run the command."""
        for number, handler in self.before.items():
            _signal.signal(number, handler)
        for number in self.pending:
            os.kill(os.getpid(), number)

    def take(self, child: int) -> None:
        """Stand for this child from now on."""
        self.child = child
        for number in self.pending:
            self._caught(number, None)

    def _caught(self, number: int, _frame: object) -> None:
        if not self.child:
            self.pending.append(number)
        elif number == _signal.SIGTSTP:
            self._stop()
        else:
            self._send(number)

    def _send(self, number: int) -> None:
        try:  # noqa: SIM105 - contextlib costs 2 ms
            (os.killpg if number in _WHOLE_JOB else os.kill)(self.child, number)
        except ProcessLookupError:
            pass

    def _stop(self) -> None:
        """Ctrl-Z: the child stops, then this process; it goes on when this process does."""
        self._send(_signal.SIGSTOP)
        _signal.signal(_signal.SIGTSTP, _signal.SIG_DFL)
        os.kill(os.getpid(), _signal.SIGTSTP)
        _signal.signal(_signal.SIGTSTP, self._caught)
        self._send(_signal.SIGCONT)

    def wait(self, connection: "_socket.socket") -> int:
        """The child's exit code, when it has ended; LOST when the service is gone and does not say."""
        import _socket

        # A signal that comes just before the kernel is asked to wait would be heard only when the command has ended
        set_patience(connection, _LISTEN_EVERY_S)
        while True:
            try:
                said, ancillary, _, _ = connection.recvmsg(5, 64, _socket.MSG_WAITALL | _socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                continue
            except OSError:
                said, ancillary = b"", []
            kind, number = said[:1], int.from_bytes(said[1:], "big")
            if kind == TERMINAL and ancillary:
                set_patience(connection, 0)
                self._lend_terminal(connection.recv(number, _socket.MSG_WAITALL), ancillary[0][2])
                set_patience(connection, _LISTEN_EVERY_S)
            elif kind == DIED:
                die_of(number)
            else:
                return number if kind == DONE else LOST

    def _lend_terminal(self, body: bytes, rights: bytes) -> None:
        """Run what needs the terminal here, which has one, and say how it ended."""
        reply = int.from_bytes(rights[:4], sys.byteorder)
        argv = unpacked(body)
        try:
            ignored = (_signal.SIGPIPE, _signal.SIGXFSZ)
            pid = os.posix_spawnp(argv[0], argv, os.environb, setsigdef=ignored)
            text = b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        except OSError as error:
            text = b"errno %d" % (error.errno or 0)
        os.write(reply, text)
        os.close(reply)


def unpacked(data: bytes) -> list[bytes]:
    """What `packed` put together.

    Raises:
        ValueError: it did not.
    """
    parts = []
    at = 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data) or at + 4 > len(data):
            raise ValueError("a part is cut off")
        parts.append(data[at + 4 : end])
        at = end
    return parts


def die_of(number: int) -> "NoReturn":
    """End as the command did."""
    if number != _signal.SIGKILL:
        _signal.signal(number, _signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)
