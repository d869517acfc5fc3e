"""Runs `python -m optafly_cli` in forks of a process that has imported the large libraries and optafly's modules once.

Two thirds of the suite's processor time went into importing them anew for each command. A fork is a process of its
own in all that tests look at: streams, folder, environment, exit code, signals, files. What only a new interpreter has
(its start-up variables; a limit, a umask or an owner set before it) is refused, and the caller starts one.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

LIBRARIES = (
    "anthropic.resources.messages", "faiss", "httpx2", "numpy", "pathspec", "rich.console", "rich.progress",
    "rich.table", "tokenizers", "tomlkit", "typer", "uvicorn",
)  # fmt: skip
"""None starts a thread, and of what they read of the environment while imported, nothing is in `_HARMLESS`."""
_HARMLESS = ("PATH", "HOME", "GIT_CONFIG_NOSYSTEM")
_HARMLESS_PREFIXES = ("OPTAFLY_", "ANTHROPIC_", "XDG_")
_NOT_HARMLESS = ("ANTHROPIC_LOG",)
_LANG = "C.UTF-8"
_LARGEST = 60_000
"""A message on the socket must hold all of the command; nearly every one is far smaller."""
_PATIENCE_S = 120.0


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
        wish = json.dumps([[os.fsdecode(each) for each in arguments], str(cwd), dict(env)]).encode()
        if not _forkable(env) or len(wish) > _LARGEST or b"\\u0000" in wish:
            return None
        to_child, ours_in = os.pipe() if stdin is not None else (os.open(os.devnull, os.O_RDONLY), None)
        ours_out, out = os.pipe()
        ours_err, err = os.pipe()
        reply, theirs = socket.socketpair()
        given = [to_child, out, err, theirs.fileno()]
        with ThreadPoolExecutor(3) as pool, reply:
            socket.send_fds(self._wishes, [wish], given)
            for descriptor in given[:3]:
                os.close(descriptor)
            theirs.close()
            read = [pool.submit(_all_of, os.fdopen(descriptor, "rb")) for descriptor in (ours_out, ours_err)]
            if ours_in is not None:
                pool.submit(_write, os.fdopen(ours_in, "wb"), stdin or b"")
            code = _told(reply)
            return subprocess.CompletedProcess(arguments, code, *(each.result(_PATIENCE_S) for each in read))


def _forkable(env: Mapping[str, str]) -> bool:
    return env.get("LANG") == _LANG and all(
        name in _HARMLESS or (name.startswith(_HARMLESS_PREFIXES) and name not in _NOT_HARMLESS)
        for name in env
        if name != "LANG"
    )


def _told(reply: socket.socket) -> int:
    reply.settimeout(_PATIENCE_S)
    pid = int.from_bytes(_four(reply))
    try:
        return int.from_bytes(_four(reply), signed=True)
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        raise


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


def _child(wishes: socket.socket) -> tuple[list[str], str, dict[str, str]] | None:
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
    arguments, folder, environment = wish
    signal.signal(signal.SIGINT, signal.default_int_handler)
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
