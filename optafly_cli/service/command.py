"""A command line as its launcher sends it, and how a fork of the service becomes the process that it expects."""

import array
import locale
import os
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass

from optafly_cli.service import streams
from optafly_cli.service.handover import COMMAND, MAGIC, STATUS, unpacked

PATIENCE_S = 5
"""How long a client that has connected is waited for."""
_LARGEST = 16 * 1024 * 1024
_HEADER = len(MAGIC) + 5


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

    def take_place(self) -> None:
        """Go to its folder, and have its streams, environment, locale and arguments.

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


def _take_environment(wanted: Mapping[bytes, bytes]) -> None:
    for name in [name for name in os.environb if name not in wanted]:
        del os.environb[name]
    for name, value in wanted.items():
        if os.environb.get(name) != value:
            os.environb[name] = value


def received(connection: socket.socket) -> tuple[bytes, bytes, list[int]]:
    """The kind of a message, its body, and the descriptors that came with it."""
    descriptors = array.array("i")
    give_up = time.monotonic() + PATIENCE_S
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
