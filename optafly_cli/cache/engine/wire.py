"""What goes over the engine's socket: a head of JSON and some bytes, in either direction.

4 bytes  length of the head, big endian        then the head, an object
4 bytes  length of the bytes, big endian       then the bytes (a vector, or nothing)
"""

import json
import socket
from typing import Any

MOST = 1 << 20
"""Bytes of a head, and of what follows it."""
Head = dict[str, Any]


class BrokenWireError(Exception):
    """The other side is gone, or says what nobody understands."""


def packed(head: Head, blob: bytes = b"") -> bytes:
    """One message as bytes."""
    text = json.dumps(head, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return b"".join((len(text).to_bytes(4, "big"), text, len(blob).to_bytes(4, "big"), blob))


def unpacked(buffer: bytes | bytearray) -> tuple[Head, bytes, int] | None:
    """The first message of a buffer and how long it is; None when it is not all there.

    Raises:
        BrokenWireError: it is none, or is too long.
    """
    ends = []
    at = 0
    for _ in range(2):
        if len(buffer) < at + 4:
            return None
        size = int.from_bytes(buffer[at : at + 4], "big")
        if size > MOST:
            raise BrokenWireError("a message is too long")
        ends.append((at + 4, at + 4 + size))
        at += 4 + size
    if len(buffer) < at:
        return None
    (start, end), (first, last) = ends
    try:
        head = json.loads(buffer[start:end].decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise BrokenWireError("a head is no JSON") from error
    if not isinstance(head, dict):
        raise BrokenWireError("a head is no object")
    return head, bytes(buffer[first:last]), at


def receive(connection: socket.socket, ahead: bytearray) -> tuple[Head, bytes]:
    """Wait for one message. `ahead` holds what has come of the next ones, before and after.

    Raises BrokenWireError, and OSError from the socket (a timeout among them).
    """
    while (found := unpacked(ahead)) is None:
        part = connection.recv(65_536)
        if not part:
            raise BrokenWireError("the other side is gone")
        ahead += part
    head, blob, end = found
    del ahead[:end]
    return head, blob
