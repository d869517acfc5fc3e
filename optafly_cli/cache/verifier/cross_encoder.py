"""The cross-encoder: reads two instructions together. A 6-layer MiniLM in int8."""

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

    __slots__ = ("_map", "_pieces", "_session")

    def __init__(self, opened: Any, pieces: Callable[[str], list[int]], executor: "Executor | None" = None) -> None:
        self._session = opened
        self._pieces = pieces
        self._map: Callable[..., Any] = executor.map if executor else map

    @classmethod
    def load(cls, record: Path, executor: "Executor | None" = None) -> "CrossEncoder":
        """The model beside its record, with the embedding model's vocabulary. `executor` reads both orders at once.

        Raises:
            ModelUnusableError: a file is missing or is not the one that was shipped, or onnxruntime cannot run it.
        """
        return cls(session(checked(record, FILE)), pieces_of(MODEL_FOLDER / EMBEDDER_RECORD), executor)

    def logit(self, first: str, second: str) -> float:
        """The log-odds that one answer serves both, the mean of both orders, for two instructions as `pair` gives them.

        Who asks calls `pair`, because that takes the lexicon, 7 MB, which every command has already.
        """
        return float(sum(self._map(self._read, self._ids(first, second))) / 2)

    def _read(self, order: list[int]) -> float:
        import numpy as np

        ids = np.asarray([order], dtype=np.int64)
        found = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return float(found[0][0])

    def _ids(self, one: str, other: str) -> tuple[list[int], list[int]]:
        """The token ids of either order: as many."""
        first, second = (self._pieces(text)[:_SIDE] for text in (one, other))
        return [CLS, *first, SEP, *second, SEP], [CLS, *second, SEP, *first, SEP]


def pair(one: str, other: str) -> tuple[str, str]:
    """The two as the model reads them: in the form that is embedded, in sorted order; which is which never matters."""
    first, second = sorted((embedded_form(one), embedded_form(other)))
    return first, second
