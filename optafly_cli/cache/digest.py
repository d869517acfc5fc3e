"""Digests that cannot be confused: every value is framed with its kind and length before it is hashed.

Standard library only: the exact tier runs on this.
"""

import hashlib
from collections.abc import Iterator

Value = str | int | None | tuple["Value", ...]


def sha256(text: str) -> str:
    """SHA-256 hex of a text. Lone surrogates (undecodable bytes of an argument) keep texts apart, too."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_of(kind: str, value: Value) -> bytes:
    """SHA-256 (32 bytes) of a nested value, injective: two different values never give the same input to the hash.

    `kind` separates uses: a scope and a piece of evidence with the same content have different digests.
    """
    hashed = hashlib.sha256()
    for part in _frames((kind, value)):
        hashed.update(part)
    return hashed.digest()


def _frames(value: Value) -> Iterator[bytes]:
    if value is None:
        yield b"n"
    elif isinstance(value, tuple):
        yield b"t%d:" % len(value)
        for item in value:
            yield from _frames(item)
    elif isinstance(value, int):
        yield b"i%d:" % value
    else:
        raw = value.encode("utf-8", "surrogatepass")
        yield b"s%d:" % len(raw)
        yield raw
