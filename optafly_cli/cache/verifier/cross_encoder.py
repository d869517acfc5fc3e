"""The cross-encoder: reads two instructions together. A 6-layer MiniLM in int8."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.embedder import MODEL_FOLDER
from optafly_cli.cache.embedder import RECORD as EMBEDDER_RECORD
from optafly_cli.cache.onnx_model import checked, session
from optafly_cli.cache.spelling import embedded_form
from optafly_cli.cache.vocabulary import CLS, SEP, pieces_of

if TYPE_CHECKING:
    from concurrent.futures import Executor

FILE = "model.onnx"
MAX_TOKENS = 160
_SIDE = (MAX_TOKENS - 3) // 2


class CrossEncoder:
    """Logits for pairs of instructions. Loading takes about 30 ms and 14 MB, beside the embedding model."""

    __slots__ = ("_beside", "_pieces", "_session")

    def __init__(self, opened: Any, pieces: Callable[[str], list[int]], beside: "Executor | None" = None) -> None:
        self._session = opened
        self._pieces = pieces
        self._beside = beside

    @classmethod
    def load(cls, record: Path) -> "CrossEncoder":
        """The model beside its record, with the embedding model's vocabulary. With two processors it takes a thread.

        Raises:
            ModelUnusableError: a file is missing or is not the one that was shipped, or onnxruntime cannot run it.
        """
        from concurrent.futures import ThreadPoolExecutor

        beside = ThreadPoolExecutor(1, "order") if (os.cpu_count() or 1) > 1 else None
        return cls(session(checked(record, FILE)), pieces_of(MODEL_FOLDER / EMBEDDER_RECORD), beside)

    def logit(self, first: str, second: str) -> float:
        """The log-odds that one answer serves both, the mean of both orders, for two instructions as `pair` gives them.

        Who asks calls `pair`, because that takes the lexicon, 7 MB, which every command has already.
        """
        one, other = self._pieces(first), self._pieces(second)
        if self._beside is None:
            return (self._read(one, other) + self._read(other, one)) / 2
        # A batch of both would take as long in one thread as one after the other
        reading = self._beside.submit(self._read, other, one)
        return (self._read(one, other) + reading.result()) / 2

    def _read(self, first: list[int], second: list[int]) -> float:
        import numpy as np

        ids = np.asarray([codes_of(first, second)], dtype=np.int64)
        found = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return float(found[0][0])


def codes_of(first: list[int], second: list[int]) -> list[int]:
    """What the model reads for two texts as token ids, in that order."""
    return [CLS, *first[:_SIDE], SEP, *second[:_SIDE], SEP]


def pair(one: str, other: str) -> tuple[str, str]:
    """The two as the model reads them: in the form that is embedded, in sorted order; which is which never matters."""
    first, second = sorted((embedded_form(one), embedded_form(other)))
    return first, second
