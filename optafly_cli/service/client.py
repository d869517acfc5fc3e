"""Asking a service how it is, and telling it to end."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optafly_cli.service.handover import ENGINE, HELLO, SOCKET, STATUS, TOLD, framed
from optafly_cli.service.places import Places, peer_of
from optafly_cli.sockets import connect

_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answered. `facts` is what it told of itself; empty when it did not answer in time."""

    pid: int
    facts: Mapping[str, Any]


def find(places: Places, *, want_engine: bool = False) -> Running | None:
    """The service of these places; None when there is none. It can be told to start its engine, too."""
    try:
        connection = connect(str(places.runtime), SOCKET)
    except OSError:
        return None
    try:
        # Of the process that listens, as the kernel knows it
        return Running(peer_of(connection), _facts(connection, ENGINE if want_engine else b""))
    finally:
        connection.close()


def _facts(connection: Any, wanted: bytes) -> Mapping[str, Any]:
    try:
        if connection.recv(1) != HELLO:
            return {}
        connection.sendall(framed(STATUS, wanted))
        head = connection.recv(5, socket.MSG_WAITALL)
        if head[:1] != TOLD:
            return {}
        body = connection.recv(int.from_bytes(head[1:], "big"), socket.MSG_WAITALL)
        told: Mapping[str, Any] = json.loads(body)
    except (OSError, ValueError):
        return {}
    return told


def stop(places: Places, *, patience_s: float, last_s: float = 3.0) -> bool:
    """Tell the service to end and wait until it has; one that does not is killed. False: there was none."""
    running = find(places)
    if running is None or running.pid <= 0:
        return False
    with suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    if not wait_until(lambda: not _lives(running.pid), patience_s):
        with suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGKILL)
        wait_until(lambda: not _lives(running.pid), last_s)
    return True


def retire(running: Running) -> None:
    """Tell a service to take no more commands; those that it runs go on."""
    with suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGUSR1)


def memory_mb(service: int) -> float | None:
    """The proportional share of memory of a service and its children; None where the kernel does not tell."""
    try:
        children = [int(word) for word in Path(f"/proc/{service}/task/{service}/children").read_text().split()]
    except OSError:
        children = []
    total = 0
    for pid in (service, *children):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return round(total / 1024, 1) if total else None


def wait_until(done: Callable[[], bool], patience_s: float) -> bool:
    """Whether it is done within that time."""
    give_up = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > give_up:
            return False
        time.sleep(_PAUSE_S)
    return True


def _lives(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"
