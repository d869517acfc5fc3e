"""Runs `python -m optafly_cli` in forks of a process that has imported the large libraries and optafly's modules once.

More than half of a command's processor time goes into importing them anew. A fork is a process of its
own in all that tests look at: streams, folder, environment, exit code, signals, files. What only a new interpreter has
(its start-up variables; a limit, a umask or an owner set before it) is refused, and the caller starts one.
"""

import atexit
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

LIBRARIES = (
    "anthropic.resources.messages", "faiss", "httpx2", "numpy", "pathspec", "rich.console", "rich.progress",
    "rich.table", "tokenizers", "tomlkit", "typer", "uvicorn",
)  # fmt: skip
"""None starts a thread, and of what they read of the environment while imported, nothing is in `_HARMLESS`."""
_HARMLESS = ("PATH", "HOME", "GIT_CONFIG_NOSYSTEM", "TERM", "EDITOR", "PAGER", "TMPDIR")
_HARMLESS_PREFIXES = ("OPTAFLY_", "ANTHROPIC_", "XDG_")
_HARMLESS_SUFFIXES = ("_PASSWORD", "_TOKEN", "_LABEL", "_KEY")
_NOT_HARMLESS = ("ANTHROPIC_LOG",)
_LANG = "C.UTF-8"
_LARGEST = 60_000
"""A message on the socket must hold all of the command; nearly every one is far smaller."""
_PATIENCE_S = 120.0


class Child:
    """A command that runs, its streams where the caller has them. The part of `Popen` that the suite needs."""

    returncode: int | None = None

    def __init__(self, reply: socket.socket, out: int | None = None, err: int | None = None) -> None:
        self._reply = reply
        self.pid = int.from_bytes(_four(reply))
        self.stdout, self.stderr = (None if each is None else os.fdopen(each, encoding="utf-8") for each in (out, err))

    def poll(self) -> int | None:
        """Its exit code, when it has ended."""
        if self.returncode is None and select.select([self._reply], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float = _PATIENCE_S) -> int:
        """Its exit code, once it has ended; one that does not is killed."""
        if self.returncode is None:
            with self._reply:
                self._reply.settimeout(timeout)
                try:
                    self.returncode = int.from_bytes(_four(self._reply), signed=True)
                except TimeoutError:
                    os.kill(self.pid, signal.SIGKILL)
                    raise
        return self.returncode

    def send_signal(self, number: int) -> None:
        """To it alone, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float = _PATIENCE_S) -> tuple[str, str]:
        """All that it has yet to write on its streams, when it has ended."""
        assert self.stdout is not None
        assert self.stderr is not None
        with ThreadPoolExecutor(2) as pool, self.stdout, self.stderr:
            out, err = (pool.submit(stream.read) for stream in (self.stdout, self.stderr))
            self.wait(timeout)
            return out.result(), err.result()


class Nursery:
    """Holds that process. It ends with the one that has made it."""

    def __init__(self) -> None:
        self._wishes, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                # OpenBLAS, in numpy, would start threads
                env={"PATH": os.environ["PATH"], "LANG": _LANG, "OPENBLAS_NUM_THREADS": "1"},
                cwd="/",
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def close(self) -> None:
        """End it; its children are not waited for."""
        self._wishes.close()
        self._process.wait()

    def run(
        self, arguments: Sequence[str | bytes], *, stdin: bytes | None, cwd: Path, env: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[bytes] | None":
        """Run optafly as `subprocess.run` would, with pipes; None: this needs an interpreter of its own."""
        if (wish := _wish(arguments, cwd, env)) is None:
            return None
        to_child, ours_in = os.pipe() if stdin is not None else (os.open(os.devnull, os.O_RDONLY), None)
        ours_out, out = os.pipe()
        ours_err, err = os.pipe()
        with ThreadPoolExecutor(3) as pool:
            child = Child(self._fork(wish, to_child, out, err))
            read = [pool.submit(_all_of, os.fdopen(descriptor, "rb")) for descriptor in (ours_out, ours_err)]
            if ours_in is not None:
                pool.submit(_write, os.fdopen(ours_in, "wb"), stdin or b"")
            code = child.wait()
            return subprocess.CompletedProcess(arguments, code, *(each.result(_PATIENCE_S) for each in read))

    def begin(self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Child | None:
        """Begin as `Popen` would, without input and with pipes; None: this needs an interpreter of its own."""
        if (wish := _wish(arguments, cwd, env)) is None:
            return None
        ours_out, out = os.pipe()
        ours_err, err = os.pipe()
        return Child(self._fork(wish, os.open(os.devnull, os.O_RDONLY), out, err), ours_out, ours_err)

    def begin_on(self, terminal: int, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Child | None:
        """Begin with a terminal that is its own, which is closed here; None: this needs an interpreter of its own."""
        if (wish := _wish(arguments, cwd, env, terminal=True)) is None:
            return None
        return Child(self._fork(wish, terminal, os.dup(terminal), os.dup(terminal)))

    def shell_function(self) -> tuple[str, int]:
        """Bash's `optafly`, which runs it here, and the descriptor that bash must be given for that."""
        number = self._wishes.fileno()
        client = str(Path(__file__).with_name("nursery_client.py"))
        return f'optafly() {{ {shlex.quote(sys.executable)} -I -S {shlex.quote(client)} {number} "$@"; }}; ', number

    def _fork(self, wish: bytes, *streams: int) -> socket.socket:
        reply, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._wishes, [wish], [*streams, theirs.fileno()])
        for descriptor in streams:
            os.close(descriptor)
        return reply


@cache
def nursery() -> Nursery:
    """The one of this test process, made when it is first needed."""
    return Nursery()


def _wish(
    arguments: Sequence[str | bytes], cwd: Path, env: Mapping[str, str], *, terminal: bool = False
) -> bytes | None:
    wish = json.dumps([[os.fsdecode(each) for each in arguments], str(cwd), dict(env), terminal]).encode()
    return wish if _forkable(env) and len(wish) <= _LARGEST and b"\\u0000" not in wish else None


def _forkable(env: Mapping[str, str]) -> bool:
    return env.get("LANG") == _LANG and all(
        name in _HARMLESS
        or (name.startswith(_HARMLESS_PREFIXES) and name not in _NOT_HARMLESS)
        or name.endswith(_HARMLESS_SUFFIXES)
        for name in env
        if name != "LANG"
    )


def _four(reply: socket.socket) -> bytes:
    data = reply.recv(4)
    assert len(data) == 4, "the nursery has ended"
    return data


def _all_of(stream: BinaryIO) -> bytes:
    with stream:
        return stream.read()


def _write(stream: BinaryIO, data: bytes) -> None:
    with suppress(BrokenPipeError), stream:
        stream.write(data)


def _child(wishes: socket.socket) -> tuple[list[str], str, dict[str, str], bool] | None:
    """Fork for each wish; returns its wish in a child, None in the parent when there will be no more."""
    running = selectors.DefaultSelector()
    running.register(wishes, selectors.EVENT_READ)
    while True:
        for key, _ in running.select():
            if key.data is None:
                wish, descriptors, _, _ = socket.recv_fds(wishes, 2 * _LARGEST, 4)
                if not wish:
                    return None
                pid = os.fork()
                if pid == 0:
                    _forget(wishes, running)
                    for number, descriptor in enumerate(descriptors[:3]):
                        os.dup2(descriptor, number)
                    os.closerange(3, 1 << 16)
                    return json.loads(wish)  # type: ignore[no-any-return]
                for descriptor in descriptors[:3]:
                    os.close(descriptor)
                reply = socket.socket(fileno=descriptors[3])
                reply.sendall(pid.to_bytes(4))
                running.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, reply))
            else:
                _report(key.fd, *key.data)
                running.unregister(key.fd)
                os.close(key.fd)


def _forget(wishes: socket.socket, running: selectors.BaseSelector) -> None:
    """Let go of the parent's sockets: collected later, they would close what has their numbers by then."""
    for key in list(running.get_map().values()):
        if key.data is not None:
            key.data[1].detach()
    running.close()
    wishes.detach()


def _report(_: int, pid: int, reply: socket.socket) -> None:
    _, status = os.waitpid(pid, 0)
    with reply, suppress(BrokenPipeError):
        reply.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, signed=True))


def _modules() -> Iterator[str]:
    """All of optafly's but what runs when it is imported."""
    package = importlib.import_module("optafly_cli")
    for found in pkgutil.walk_packages(package.__path__, "optafly_cli."):
        if not found.name.endswith(".__main__"):
            yield found.name


def _stream(number: int, mode: str, errors: str) -> Any:
    """As an interpreter opens it where LANG is C.UTF-8."""
    return os.fdopen(number, mode, encoding="utf-8", errors=errors, closefd=False, buffering=1 if number == 2 else -1)


def _main() -> None:
    # Not this folder, whose modules are named like others' (fakes, data)
    sys.path[0] = "/"
    for name in (*LIBRARIES, *_modules()):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wish = _child(socket.socket(fileno=int(sys.argv[1])))
    if wish is None:
        return
    arguments, folder, environment, terminal = wish
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if terminal:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin, sys.stdout, sys.stderr = (
        _stream(0, "r", "surrogateescape"),
        _stream(1, "w", "surrogateescape"),
        _stream(2, "w", "backslashreplace"),
    )
    sys.path[0] = str(Path.cwd())
    sys.argv[1:] = arguments
    try:
        runpy.run_module("optafly_cli", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        _end(end.code)


def _end(code: int) -> None:
    """As an interpreter ends, but that 3,000 modules are not taken apart (0.05 s)."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError:
        # What Python does about it is not ours to know
        sys.exit(code)
    finally:
        sys.stderr.flush()
    os._exit(code & 0xFF)


if __name__ == "__main__":
    _main()
