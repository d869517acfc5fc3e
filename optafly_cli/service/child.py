"""What a fork of the service does with one connection: read what is wanted, become that process, run it, say its code.

It never returns, and reads from nobody but its own client: one that stalls keeps only its own child waiting.
"""

import array
import atexit
import json
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from optafly_cli.service import streams, terminal
from optafly_cli.service.command import PATIENCE_S, Command, received
from optafly_cli.service.handover import DONE, ENGINE, HELLO, READY, REFUSED, STATUS, TOLD, answer
from optafly_cli.service.likeness import Traits, UnlikeError, become_like, check, check_environment
from optafly_cli.service.places import peer_of
from optafly_cli.service.staleness import CodeStamp, OutdatedError
from optafly_cli.sockets import set_patience

Application = Callable[[Sequence[str]], int]
BEGUN, ANSWERED, OUTDATED, UNLIKE, WANTED = b"C", b"A", b"R", b"U", b"E"
"""What a child tells its parent: a command begins; its launcher will go now (the child's pid follows); the service is
out of date; a client was sent away; an engine is wanted."""
_UNWRITTEN = 120


@dataclass(frozen=True, slots=True)
class Work:
    """What the service is for. `warm_up` loads it all, and `rehearse` touches in a fork what a command will touch.

    `foresee` begins with what these arguments will take, and harms nobody where the command is not run then. `catch_up`
    does what a command has left for when its user is answered.
    """

    application: Application
    warm_up: Callable[[], None]
    rehearse: Callable[[], None]
    foresee: Callable[[Sequence[str]], None]
    catch_up: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Origin:
    """What every child knows of the service that it is forked from. `notes` is a pipe to it.

    `ask_for` is given what a command does when it wants the engine and there is none.
    """

    work: Work
    build: bytes
    manners: bytes
    environment: Mapping[bytes, bytes]
    traits: Traits
    code: CodeStamp
    notes: int
    ask_for: Callable[[Callable[[], None]], None]
    facts: Callable[[], Mapping[str, Any]]


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
        origin.work.rehearse()
        _become_like(origin, os.getpid())
        with suppress(OutdatedError):
            origin.code.check()
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
    set_patience(connection, PATIENCE_S)
    # While the launcher puts its message together
    unlike = _become_like(origin, client)
    kind, body, descriptors = received(connection)
    if kind == STATUS:
        if body == ENGINE:
            _note(origin.notes, WANTED)
        told = json.dumps(origin.facts()).encode()
        connection.sendall(answer(TOLD, len(told)) + told)
        return 0
    try:
        command = Command.read(body, descriptors)
        _check(origin, command)
        if unlike is not None:
            raise unlike
        # What it will ask the engine for is computed while the code is looked at
        origin.ask_for(lambda: _note(origin.notes, WANTED))
        origin.work.foresee([os.fsdecode(word) for word in command.argv[1:]])
        origin.code.check()
        command.take_place()
    except (OutdatedError, UnlikeError, OSError, ValueError, KeyError) as error:
        why = f"{type(error).__name__}: {error}".encode()[:200].replace(b"\n", b" ")
        _note(origin.notes, (OUTDATED if isinstance(error, OutdatedError) else UNLIKE) + why)
        connection.sendall(answer(REFUSED))
        return 0
    # A launcher that waited too long has closed its end: this raises, and nothing has been run
    connection.sendall(answer(READY, os.getpid()))
    _note(origin.notes, BEGUN)
    set_patience(connection, 0)
    terminal.lend_from(connection)
    code = run(origin.work.application, command.argv)
    streams.let_go()
    _note(origin.notes, b"%b%d" % (ANSWERED, os.getpid()))
    with suppress(OSError):
        connection.sendall(answer(DONE, code & 0xFF))
    origin.work.catch_up()
    return code & 0xFF


def _note(notes: int, said: bytes) -> None:
    # The service may have been killed meanwhile; a command that was begun goes on
    with suppress(OSError):
        os.write(notes, said + b"\n")


def _close_all_but(*kept: int) -> None:
    signal.set_wakeup_fd(-1)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are wanted
        if int(name) > 2 and int(name) not in kept:
            with suppress(OSError):
                os.close(int(name))


def _become_like(origin: Origin, client: int) -> Exception | None:
    """Have what the kernel says of the client's process; why that cannot be, or must not."""
    try:
        traits = Traits.of(client)
        check(origin.traits, traits)
        become_like(client, traits)
    except (UnlikeError, OSError, ValueError, KeyError) as error:
        return error
    return None


def _check(origin: Origin, command: Command) -> None:
    if command.build != origin.build:
        raise OutdatedError("another optafly")
    if command.manners != origin.manners:
        raise UnlikeError("Python was started with other options")
    check_environment(origin.environment, command.environment)


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
