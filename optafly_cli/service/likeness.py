"""Is a child of the service what the client's own process would be? What can be made equal is; the rest is refused.

The kernel is asked about the client, not the client: its user and groups, capabilities, sandbox, namespaces, limits,
niceness, processors, umask and signals stand in /proc and are what the command would have run with.
"""

import _signal  # type: ignore[import-not-found]  # its names for all numbers would take a tenth of a millisecond
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

_EQUAL = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
_PLACES = ("ns/mnt", "ns/net", "ns/user", "ns/ipc", "ns/uts", "root")
_LIMITS = tuple(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
AT_START = ("PYTHON", "LD_", "MALLOC_", "GLIBC_", "TYPER_", "_TYPER_")
"""Beginnings of variables that an interpreter, its loader or a library reads once, when it starts."""
_UNCHANGEABLE = frozenset({_signal.SIGKILL, _signal.SIGSTOP})


class UnlikeError(Exception):
    """The command would not run as in its own process; the message says what differs."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the kernel says about a process, the service's own or a client's."""

    status: Mapping[str, str]
    places: tuple[str, ...]

    @classmethod
    def of(cls, process: int | str) -> "Traits":
        """Those of a process.

        Raises:
            OSError: it is gone, or another user's.
        """
        with open(f"/proc/{process}/status", "rb") as file:  # noqa: PTH123 - on the way of every command
            lines = file.read().decode("utf-8", "replace").splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        return cls(status, tuple(os.readlink(f"/proc/{process}/{place}") for place in _PLACES))  # noqa: PTH115


def check(own: Traits, client: Traits) -> None:
    """Compare what a process cannot change about itself.

    Raises:
        UnlikeError: something differs.
    """
    for name in _EQUAL:
        if own.status.get(name) != client.status.get(name):
            raise UnlikeError(f"{name} differs")
    for name, mine, theirs in zip(_PLACES, own.places, client.places, strict=True):
        if mine != theirs:
            raise UnlikeError(f"{name} differs")


def check_environment(own: Mapping[bytes, bytes], client: Mapping[bytes, bytes]) -> None:
    """Compare the variables that were read when the service started.

    Raises:
        UnlikeError: one differs.
    """
    for name in own.keys() | client.keys():
        if _read_at_start(name) and own.get(name) != client.get(name):
            raise UnlikeError(f"{os.fsdecode(name)} differs")


@cache
def _read_at_start(name: bytes) -> bool:
    return os.fsdecode(name).startswith(AT_START)


def become_like(pid: int, client: Traits) -> None:
    """Take over limits, niceness, processors, umask, and which signals are ignored or blocked.

    Raises:
        OSError, ValueError: this process may not.
    """
    for limit in _LIMITS:
        wanted = resource.prlimit(pid, limit)
        if wanted != resource.getrlimit(limit):
            resource.setrlimit(limit, wanted)
    niceness = os.getpriority(os.PRIO_PROCESS, pid)
    if niceness != os.getpriority(os.PRIO_PROCESS, 0):
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
    processors = os.sched_getaffinity(pid)
    if processors != os.sched_getaffinity(0):
        os.sched_setaffinity(0, processors)
    os.umask(int(client.status["Umask"], 8))
    _take_signals(int(client.status["SigIgn"], 16), int(client.status["SigBlk"], 16))


def _take_signals(ignored: int, blocked: int) -> None:
    """As a Python that was started with these: Ctrl-C raises unless it is ignored, the rest is the kernel's."""
    for number in _signal.valid_signals() - _UNCHANGEABLE:
        if ignored >> (number - 1) & 1:
            wanted = _signal.SIG_IGN
        else:
            wanted = _signal.default_int_handler if number == _signal.SIGINT else _signal.SIG_DFL
        if _signal.getsignal(number) != wanted:
            _signal.signal(number, wanted)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, [n for n in _signal.valid_signals() if blocked >> (n - 1) & 1])
