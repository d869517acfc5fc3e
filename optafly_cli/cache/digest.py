"""Digests that cannot be confused: every value is framed with its kind and length before it is hashed.

Standard library only: the exact tier runs on this.
"""

import hashlib

Value = str | int | None | tuple["Value", ...]


def sha256(text: str) -> str:
    """SHA-256 hex of a text. Lone surrogates (undecodable bytes of an argument) keep texts apart, too."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_of(kind: str, value: Value) -> bytes:
    """SHA-256 (32 bytes) of a nested value, injective: two different values never give the same input to the hash.

    `kind` separates uses: a scope and a piece of evidence with the same content have different digests.
    """
    frames: list[bytes] = []
    _frame((kind, value), frames)
    return hashlib.sha256(b"".join(frames)).digest()


def _frame(value: Value, frames: list[bytes]) -> None:
    if value is None:
        frames.append(b"n")
    elif isinstance(value, tuple):
        frames.append(b"t%d:" % len(value))
        for item in value:
            _frame(item, frames)
    elif isinstance(value, int):
        frames.append(b"i%d:" % value)
    else:
        raw = value.encode("utf-8", "surrogatepass")
        frames += (b"s%d:" % len(raw), raw)
