"""What a fork of the service does with one connection: read what is wanted, become that process, run it, say its code.

It never returns, and reads from nobody but its own client: one that stalls keeps only its own child waiting.
"""

import array
import atexit
import json
import locale
import os
import select
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from optafly_cli.service import streams, terminal
from optafly_cli.service.handover import COMMAND, DONE, HELLO, MAGIC, READY, REFUSED, STATUS, TOLD, answer, unpacked
from optafly_cli.service.likeness import Traits, UnlikeError, become_like, check, check_environment
from optafly_cli.service.places import peer_of
from optafly_cli.service.staleness import CodeStamp
from optafly_cli.sockets import set_patience

Application = Callable[[Sequence[str]], int]
BEGUN, OUTDATED, UNLIKE, WANTED = b"C", b"R", b"U", b"E"
"""What a child tells its parent: a command begins; the service is out of date; a client was sent away; an engine is
wanted."""
_PATIENCE_S = 5
_LARGEST = 16 * 1024 * 1024
_HEADER = len(MAGIC) + 5
_UNWRITTEN = 120


@dataclass(frozen=True, slots=True)
class Origin:
    """What every child knows of the service that it is forked from. `notes` is a pipe to it.

    `ask_for` is given what a command does when it wants the engine and there is none.
    """

    application: Application
    rehearse: Callable[[], None]
    build: bytes
    manners: bytes
    environment: Mapping[bytes, bytes]
    traits: Traits
    code: CodeStamp
    notes: int
    ask_for: Callable[[Callable[[], None]], None]
    facts: Callable[[], Mapping[str, Any]]


class RefusedError(Exception):
    """The command is left to the launcher; the message says why. `note` is for the parent."""

    def __init__(self, why: str, note: bytes = UNLIKE) -> None:
        super().__init__(why)
        self.note = note


def serve(origin: Origin, connection: socket.socket, client: int) -> NoReturn:
    """Serve the client, whose pid the kernel told, and end.

    Called right after the fork; the only descriptors that it keeps are those that it is given.
    """
    _begin(origin, connection)
    _serve(origin, connection, client)


def stand_by(origin: Origin, listener: socket.socket, parent: socket.socket) -> NoReturn:
    """Rehearse, take the next client from the listener, tell the parent, and serve it.

    What a rehearsal has touched costs no time then, and the parent is not on the way.
    """
    _begin(origin, parent, listener)
    try:
        origin.rehearse()
        connection = _next(listener, parent)
        client = peer_of(connection)
        rights = array.array("i", [connection.fileno()])
        with suppress(OSError):
            parent.sendmsg([client.to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        parent.close()
        listener.close()
    except BaseException:  # noqa: BLE001 - the parent's loop must not go on in this process
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    _serve(origin, connection, client)


def _next(listener: socket.socket, parent: socket.socket) -> socket.socket:
    """The next client's connection; ends the process when the parent has no more use for it."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(parent, 0)
    while True:
        if any(descriptor == parent.fileno() for descriptor, _ in poll.poll()):
            os._exit(0)
        with suppress(BlockingIOError):
            connection, _ = listener.accept()
            connection.setblocking(True)
            if peer_of(connection):
                connection.send(HELLO)
                return connection
            connection.close()


def taken_by_spare(parent: socket.socket) -> socket.socket | None:
    """What `stand_by` told its parent: the connection that it has taken, None for none yet."""
    try:
        _, ancillary, _, _ = parent.recvmsg(4, socket.CMSG_LEN(4), socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT)
    except OSError:
        return None
    if not ancillary:
        return None
    return socket.socket(fileno=int.from_bytes(ancillary[0][2][:4], sys.byteorder))


def _begin(origin: Origin, *kept: socket.socket) -> None:
    try:
        os.setpgid(0, 0)
        _close_all_but(origin.notes, *(one.fileno() for one in kept))
    except BaseException:  # noqa: BLE001 - as above
        os._exit(1)


def _serve(origin: Origin, connection: socket.socket, client: int) -> NoReturn:
    code = 1
    try:
        code = _served(origin, connection, client)
    except (OSError, ValueError, EOFError):
        # A client that is gone, or talks nonsense: nothing has been run for it
        pass
    finally:
        os._exit(code)


def _served(origin: Origin, connection: socket.socket, client: int) -> int:
    set_patience(connection, _PATIENCE_S)
    kind, body, descriptors = _received(connection)
    if kind == STATUS:
        told = json.dumps(origin.facts()).encode()
        connection.sendall(answer(TOLD, len(told)) + told)
        return 0
    try:
        command = Command.read(body, descriptors)
        _check(origin, command, client)
        command.become(client)
    except (RefusedError, UnlikeError, OSError, ValueError, KeyError) as error:
        why = f"{type(error).__name__}: {error}".encode()[:200].replace(b"\n", b" ")
        _note(origin.notes, error.note if isinstance(error, RefusedError) else UNLIKE, why)
        connection.sendall(answer(REFUSED))
        return 0
    # A launcher that waited too long has closed its end: this raises, and nothing has been run
    connection.sendall(answer(READY, os.getpid()))
    _note(origin.notes, BEGUN)
    origin.ask_for(lambda: _note(origin.notes, WANTED))
    set_patience(connection, 0)
    terminal.lend_from(connection)
    code = run(origin.application, command.argv)
    with suppress(OSError):
        connection.sendall(answer(DONE, code & 0xFF))
    return code & 0xFF


def _note(notes: int, kind: bytes, why: bytes = b"") -> None:
    # The service may have been killed meanwhile; a command that was begun goes on
    with suppress(OSError):
        os.write(notes, kind + why + b"\n")


def _close_all_but(*kept: int) -> None:
    signal.set_wakeup_fd(-1)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are wanted
        if int(name) > 2 and int(name) not in kept:
            with suppress(OSError):
                os.close(int(name))


def _received(connection: socket.socket) -> tuple[bytes, bytes, list[int]]:
    """The kind of a message, its body, and the descriptors that came with it."""
    descriptors = array.array("i")
    give_up = time.monotonic() + _PATIENCE_S
    head, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_LEN(4 * 8), socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % 4])
    while len(head) < _HEADER:
        head += _more(connection, give_up)
    if not head.startswith(MAGIC) or head[len(MAGIC) : len(MAGIC) + 1] not in (COMMAND, STATUS):
        raise ValueError("no message of this protocol")
    length = int.from_bytes(head[_HEADER - 4 : _HEADER], "big")
    if length > _LARGEST:
        raise ValueError("the message is too large")
    parts = [head[_HEADER:]]
    missing = length - len(parts[0])
    while missing > 0:
        parts.append(_more(connection, give_up))
        missing -= len(parts[-1])
    return head[len(MAGIC) : len(MAGIC) + 1], b"".join(parts), list(descriptors)


def _more(connection: socket.socket, give_up: float) -> bytes:
    if time.monotonic() > give_up:
        raise ValueError("the message takes too long")
    data = connection.recv(1 << 20)
    if not data:
        raise EOFError
    return data


@dataclass(frozen=True, slots=True)
class Command:
    """A command line and the process that it expects to be run by."""

    build: bytes
    manners: bytes
    streams: list[str]
    argv: list[bytes]
    environment: dict[bytes, bytes]
    descriptors: list[int]
    """The working folder, then the standard streams that are open."""
    open_streams: bytes

    @classmethod
    def read(cls, body: bytes, descriptors: list[int]) -> "Command":
        """The command of a message.

        Raises:
            ValueError: it is none.
        """
        build, manners, open_streams, shown, argv, variables = unpacked(body)
        if len(descriptors) != 1 + len(open_streams):
            raise ValueError("descriptors are missing")
        environment = dict(variable.split(b"=", 1) for variable in unpacked(variables))
        named = [stream.decode() for stream in unpacked(shown)]
        return cls(build, manners, named, unpacked(argv), environment, descriptors, open_streams)

    def become(self, client: int) -> None:
        """Be, as far as that can be seen, the client's process.

        Raises:
            OSError, ValueError: it cannot be done.
        """
        folder, *descriptors = self.descriptors
        os.fchdir(folder)
        os.close(folder)
        streams.set_up(dict(zip(self.open_streams, descriptors, strict=True)), self.streams)
        _take_environment(self.environment)
        time.tzset()
        locale.setlocale(locale.LC_CTYPE, "")
        tempfile.tempdir = None
        sys.argv = [os.fsdecode(word) for word in self.argv]
        become_like(client, Traits.of(client))


def _take_environment(wanted: Mapping[bytes, bytes]) -> None:
    for name in [name for name in os.environb if name not in wanted]:
        del os.environb[name]
    for name, value in wanted.items():
        if os.environb.get(name) != value:
            os.environb[name] = value


def _check(origin: Origin, command: Command, client: int) -> None:
    if command.build != origin.build:
        raise RefusedError("another optafly", OUTDATED)
    if place := origin.code.changed():
        raise RefusedError(f"{place} has changed", OUTDATED)
    if command.manners != origin.manners:
        raise RefusedError("Python was started with other options")
    check_environment(origin.environment, command.environment)
    check(origin.traits, Traits.of(client))


def run(application: Application, argv: Sequence[bytes]) -> int:
    """Run the command to the end of its process: threads, exit functions and buffers included."""
    try:
        code = application([os.fsdecode(word) for word in argv[1:]])
        threading._shutdown()  # type: ignore[attr-defined]  # what Python does at its end, and os._exit does not
    except SystemExit as request:
        code = _code_of(request)
    except BaseException as error:  # noqa: BLE001 - said as Python would
        sys.excepthook(*sys.exc_info())
        code = 1
        if isinstance(error, KeyboardInterrupt):
            streams.flush()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    atexit._run_exitfuncs()
    return code if streams.flush() else _UNWRITTEN


def _code_of(request: SystemExit) -> int:
    if request.code is None or isinstance(request.code, int):
        return request.code or 0
    sys.stderr.write(f"{request.code}\n")
    return 1
