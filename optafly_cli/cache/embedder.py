"""Sentences to unit vectors: the bundled all-MiniLM-L6-v2, or any model of sentence-transformers when it is installed.

The bundled model is one int8 ONNX graph (scripts/export_model.py made it; model/model.json says what it is and how well
it agrees with the original). Loading checks the digests of both files. Importing this module, and asking for an
identity, imports none of numpy, onnxruntime and tokenizers.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache.onnx_model import ModelUnusableError, checked, facts, session
from optafly_cli.cache.vocabulary import CLS, SEP, pieces_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BUNDLED = "all-MiniLM-L6-v2"
MODEL_FOLDER = Path(__file__).parent / "model"
RECORD = "model.json"
EMBEDDED_FORM = "4"
"""What of an instruction is embedded: grows with every change of `spelling.embedded_form`."""
_FILES = ("model.onnx", "tokenizer.json")
MAX_CHARACTERS = 20_000
"""Of a text, this much is looked at: the model reads 256 tokens, and nothing later can be among them but by a trick."""


class EmbedderUnavailable(Exception):
    """There is no embedding model to use. The message is one sentence; the cache goes on without its semantic tier."""


class Embedder:
    """Turns texts into unit vectors. Load it once; it keeps about 60 MB, numpy and onnxruntime included."""

    __slots__ = ("_encode", "dim", "identity")

    def __init__(self, identity: str, dim: int, encode: "Callable[[list[str]], npt.NDArray[np.float32]]") -> None:
        self.identity = identity
        self.dim = dim
        self._encode = encode

    @classmethod
    def load(cls, model: str = BUNDLED, *, folder: Path = MODEL_FOLDER) -> "Embedder":
        """The model of that name, ready to use. `folder` holds the bundled files.

        Raises:
            EmbedderUnavailable: a file is missing or is not the one that was shipped, or a package is missing.
        """
        if model == BUNDLED:
            return cls(embedder_identity(model, folder=folder), _dimension(folder), _bundled(folder))
        dim, encode = _sentence_transformers(model)
        return cls(embedder_identity(model), dim, encode)

    def embed(self, texts: Sequence[str]) -> "npt.NDArray[np.float32]":
        """One row per text, in order: (n, dim) float32, each of length 1. An empty text has a vector too."""
        import numpy as np

        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        return self._encode([text[:MAX_CHARACTERS].encode("utf-8", "replace").decode() for text in texts])


def embedder_identity(model: str = BUNDLED, *, folder: Path = MODEL_FOLDER) -> str:
    """What vectors are comparable under: the name, the version of what is embedded, and 12 hex digits of bundled files.

    Reads model.json only. Of another model nothing but the name is known before it is loaded.

    Raises:
        EmbedderUnavailable: the bundled model's model.json is missing or damaged.
    """
    if model != BUNDLED:
        return f"{model}@sentence-transformers.{EMBEDDED_FORM}"
    return f"{model}@{_identity(folder)}.{EMBEDDED_FORM}"


def _dimension(folder: Path) -> int:
    with _translated():
        return int(facts(folder / RECORD)["dim"])


def _identity(folder: Path) -> str:
    from hashlib import sha256

    with _translated():
        digests = [facts(folder / RECORD)["sha256"][name] for name in _FILES]
    return sha256("".join(digests).encode()).hexdigest()[:12]


@contextmanager
def _translated() -> Iterator[None]:
    """Refusals of `onnx_model` in terms of the embedding model."""
    try:
        yield
    except ModelUnusableError as error:
        raise EmbedderUnavailable(f"the embedding model cannot be used: {error}") from error
    except KeyError as error:
        raise EmbedderUnavailable(f"the embedding model cannot be used: {RECORD} is damaged ({error!r})") from error


def _bundled(folder: Path) -> "Callable[[list[str]], npt.NDArray[np.float32]]":
    with _translated():
        pieces = pieces_of(folder / RECORD)
        opened = session(checked(folder / RECORD, "model.onnx"))
        cut = int(facts(folder / RECORD)["max_tokens"]) - 2
    import numpy as np

    # One at a time: activations share a scale, so that beside others a text would have another vector
    def one(text: str) -> "npt.NDArray[np.float32]":
        ids = np.array([[CLS, *pieces(text)[:cut], SEP]], dtype=np.int64)
        vector: npt.NDArray[np.float32] = opened.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
        return vector

    return lambda texts: np.concatenate([one(text) for text in texts])


def _sentence_transformers(model: str) -> "tuple[int, Callable[[list[str]], npt.NDArray[np.float32]]]":
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise EmbedderUnavailable(
            f"the embedding model {model!r} is not the bundled one and needs "
            "`pip install 'optafly[sentence-transformers]'`"
        ) from None
    try:
        loaded = SentenceTransformer(model, device="cpu")
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise EmbedderUnavailable(f"sentence-transformers cannot load the model {model!r}: {reason}") from error

    def encode(texts: list[str]) -> "npt.NDArray[np.float32]":
        vectors: npt.NDArray[np.float32] = loaded.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        return vectors

    # its name for the dimension changed between versions 5 and 6
    return encode([""]).shape[1], encode
