"""The protocol of a place where entries are kept. Nothing is decided in it: what may be served is `cache/lookup.py`'s.

An entry is named by its partition, its key and its evidence: putting the same again replaces it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from optafly_cli.cache.vectors import Vector


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry as a backend carries it: a value for each column of `entry` but its id.

    `key`, `partition`, `evidence_key` and `asked` are digests of 32 bytes; `vector` is float32, little-endian, of
    length 1, made by `embedder`; times are Unix seconds; `evidence`, `scope` and `answer` are JSON.
    """

    key: bytes
    partition: bytes
    evidence_key: bytes
    asked: bytes
    created: float
    last_used: float
    hits: int
    cost: float | None
    seconds: float | None
    model: str
    embedder: str | None
    vector: bytes | None
    instruction: str
    evidence: str
    prompt: str
    scope: str
    answer: str

    @property
    def name(self) -> tuple[bytes, bytes, bytes]:
        """What tells it from every other entry: partition, key, evidence."""
        return (self.partition, self.key, self.evidence_key)


@dataclass(frozen=True, slots=True)
class BackendStats:
    """How many entries there are, and the bytes that they take with their indexes."""

    entries: int
    bytes: int


class SemanticCacheBackend(Protocol):
    """A place where entries are kept. Methods raise `StoreError` when it cannot be used."""

    def exact(self, partition: bytes, key: bytes) -> list[Stored]:
        """The entries of that key, newest first."""

    def candidates(
        self, partition: bytes, embedder: str, vector: "Vector", since: float, limit: int
    ) -> list[tuple[Stored, float]]:
        """The entries of the partition made after `since` that are nearest to the vector, with their exact cosine."""

    def put(self, entries: Sequence[Stored]) -> None:
        """Keep them, all or none; each is there for everyone when this returns. An older one replaces no newer one."""

    def touch(self, name: tuple[bytes, bytes, bytes], now: float) -> None:
        """Count a hit of that entry, if it is there."""

    def delete(self, names: Sequence[tuple[bytes, bytes, bytes]]) -> int:
        """Delete those entries; how many there were."""

    def newest(self, limit: int) -> list[Stored]:
        """The entries that were made last, newest first."""

    def scan(self) -> Iterator[Stored]:
        """Every entry, oldest first."""

    def stats(self) -> BackendStats:
        """What is there."""

    def close(self) -> None:
        """Let go of files and connections."""
