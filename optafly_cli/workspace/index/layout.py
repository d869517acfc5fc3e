"""A file of named arrays that is mapped, not read: a header in JSON, then the arrays, in this machine's byte order.

In: arrays by name. Out: bytes, or from a buffer memoryviews by name. What is damaged raises `Damaged`.
"""

import json
import sys
import zlib
from array import array
from collections.abc import Mapping
from typing import Any

MAGIC = b"optafly-index/1\n"
_ALIGN = 8


class Damaged(Exception):
    """The bytes are no index, one of another machine, or a part of one."""


class OtherVersion(Exception):
    """An index that another version of optafly wrote; nothing is wrong with it."""


def laid_out(arrays: Mapping[str, "array[Any] | bytes"], meta: Mapping[str, Any]) -> bytes:
    """The arrays as one block; `meta` is anything JSON can say."""
    parts: list[bytes] = []
    table: dict[str, tuple[str, int, int]] = {}
    at = 0
    for name, values in arrays.items():
        code = values.typecode if isinstance(values, array) else "s"
        data = values.tobytes() if isinstance(values, array) else values
        table[name] = (code, at, len(data))
        padded = data + b"\0" * (-len(data) % _ALIGN)
        parts.append(padded)
        at += len(padded)
    header = json.dumps({"order": sys.byteorder, "table": table, "size": at, "meta": meta}).encode()
    header += b" " * (-(len(MAGIC) + 16 + len(header)) % _ALIGN)
    lead = MAGIC + len(header).to_bytes(8, "little") + zlib.crc32(header).to_bytes(8, "little")
    return b"".join([lead, header, *parts])


def mapped(buffer: "memoryview") -> tuple[dict[str, memoryview], dict[str, Any]]:
    """The arrays in `buffer` and the meta; nothing is copied. Raises Damaged."""
    lead = len(MAGIC) + 16
    size = int.from_bytes(buffer[len(MAGIC) : len(MAGIC) + 8], "little")
    header = bytes(buffer[lead : lead + size])
    check = int.from_bytes(buffer[len(MAGIC) + 8 : lead], "little")
    if bytes(buffer[: len(MAGIC)]) != MAGIC or len(header) != size or zlib.crc32(header) != check:
        raise Damaged("its header is not what was written")
    plain = json.loads(header)
    if plain["order"] != sys.byteorder or len(buffer) != lead + size + plain["size"]:
        raise Damaged("it is cut off, or from another machine")
    body = buffer[lead + size :]
    arrays = {}
    for name, (code, at, length) in plain["table"].items():
        part = body[at : at + length]
        arrays[name] = part if code == "s" else part.cast(code)
    return arrays, plain["meta"]
