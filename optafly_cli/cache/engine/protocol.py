"""What compares words, wherever it runs: an embedding model, the index, a cross-encoder.

It takes numpy, onnxruntime and faiss, 0.3 s to import and 100 MB, which one process can hold for all. Vectors travel as
their bytes, float32 in the machine's order, so that who asks needs none of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from optafly_cli.cache.vectors import Candidate, Wanted


class EngineUnavailable(Exception):
    """The engine does not answer, or cannot do this. What was asked of it can be done here."""


class Engine(Protocol):
    """The engine of a process beside this one. Every method raises `EngineUnavailable`."""

    def embed(self, model: str, text: str) -> bytes:
        """The unit vector of a text by that embedding model."""

    def nearest(
        self, folder: Path, model: str, wanted: Wanted, text: str, limit: int
    ) -> tuple[list[Candidate], list[str]]:
        """The entries of the store in `folder` nearest to the text (`Index.nearest`), and notices for the user."""

    def logit(self, first: str, second: str) -> float:
        """What the shipped cross-encoder says of two instructions, given as `cross_encoder.pair` does."""

    def expect_embed(self, model: str, text: str) -> None:
        """Say that `embed` will be asked: the engine begins, and nobody waits for it yet. Raises nothing."""

    def expect_nearest(self, folder: Path, model: str, wanted: Wanted, text: str, limit: int) -> None:
        """Say that `nearest` will be asked."""

    def expect_logit(self, first: str, second: str) -> None:
        """Say that `logit` will be asked."""

    def close(self) -> None:
        """Let go of the connection; it can be used again."""
