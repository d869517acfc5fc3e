"""Sentences to unit vectors: the bundled all-MiniLM-L6-v2, or any model of sentence-transformers when it is installed.

The bundled model is one int8 ONNX graph (scripts/export_model.py made it; model/model.json says what it is and how well
it agrees with the original). Loading checks the digests of both files. Importing this module, and asking for an
identity, imports none of numpy, onnxruntime and tokenizers.
"""

import json
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BUNDLED = "all-MiniLM-L6-v2"
MODEL_FOLDER = Path(__file__).parent / "model"
BATCH = 32
MAX_CHARACTERS = 20_000
"""Of a text, this much is looked at: the model reads 256 tokens, and nothing later can be among them but by a trick."""


class EmbedderUnavailable(Exception):
    """There is no embedding model to use. The message is one sentence; the cache goes on without its semantic tier."""


class Embedder:
    """Turns texts into unit vectors. Load it once; it keeps about 100 MB."""

    __slots__ = ("_encode", "dim", "identity")

    def __init__(self, identity: str, dim: int, encode: "Callable[[list[str]], npt.NDArray[np.float32]]") -> None:
        self.identity = identity
        self.dim = dim
        self._encode = encode

    @classmethod
    def load(cls, model: str = BUNDLED, *, folder: Path = MODEL_FOLDER, threads: int = 1) -> "Embedder":
        """The model of that name, ready to use. `folder` holds the bundled files.

        Raises:
            EmbedderUnavailable: a file is missing or is not the one that was shipped, or a package is missing.
        """
        if model == BUNDLED:
            return cls(embedder_identity(model, folder=folder), _facts(folder)["dim"], _bundled(folder, threads))
        dim, encode = _sentence_transformers(model)
        return cls(embedder_identity(model), dim, encode)

    def embed(self, texts: Sequence[str]) -> "npt.NDArray[np.float32]":
        """One row per text, in order: (n, dim) float32, each of length 1. An empty text has a vector too."""
        import numpy as np

        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        clean = [text[:MAX_CHARACTERS].encode("utf-8", "replace").decode() for text in texts]
        # neighbours of similar length waste the least padding
        order = sorted(range(len(clean)), key=lambda index: len(clean[index]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors[rows] = self._encode([clean[index] for index in rows])
        return vectors


def embedder_identity(model: str = BUNDLED, *, folder: Path = MODEL_FOLDER) -> str:
    """What vectors are comparable under: the name and, for the bundled model, 12 hex digits over both its files.

    Reads model.json only. Of another model nothing but the name is known before it is loaded.

    Raises:
        EmbedderUnavailable: the bundled model's model.json is missing or damaged.
    """
    if model != BUNDLED:
        return f"{model}@sentence-transformers"
    return f"{model}@{_facts(folder)['identity']}"


@cache
def _facts(folder: Path) -> dict[str, Any]:
    from hashlib import sha256

    path = folder / "model.json"
    try:
        facts = json.loads(path.read_bytes())
        digests: dict[str, str] = {name: facts["sha256"][name] for name in ("model.onnx", "tokenizer.json")}
        identity = sha256("".join(digests.values()).encode()).hexdigest()[:12]
        return {"dim": int(facts["dim"]), "sha256": digests, "identity": identity}
    except FileNotFoundError:
        raise EmbedderUnavailable(f"the embedding model is not installed: {path} is missing") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EmbedderUnavailable(f"the embedding model cannot be used: {path} is damaged ({error!r})") from error


def _checked(folder: Path, name: str) -> Path:
    """A model file, when it is the one that model.json promises."""
    from hashlib import file_digest

    path = folder / name
    try:
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise EmbedderUnavailable(f"the embedding model is not installed: {path} is missing") from None
    except OSError as error:
        raise EmbedderUnavailable(f"the embedding model cannot be read: {path}: {error.strerror}") from error
    if digest != _facts(folder)["sha256"][name]:
        raise EmbedderUnavailable(f"the embedding model is damaged: {path} is not the file that optafly shipped")
    return path


def _bundled(folder: Path, threads: int) -> "Callable[[list[str]], npt.NDArray[np.float32]]":
    vocabulary = _checked(folder, "tokenizer.json")
    model = _checked(folder, "model.onnx")
    # From 1.32 on, onnxruntime queues telemetry in ~/.cache/Microsoft unless this is set before it is imported
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import numpy as np
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise EmbedderUnavailable(f"the embedding model needs a package that does not import: {error}") from error

    tokenizer = Tokenizer.from_file(str(vocabulary))
    session = _session(onnxruntime, model, threads)

    def encode(texts: list[str]) -> "npt.NDArray[np.float32]":
        # encode_batch would start a thread per core
        codes = [tokenizer.encode(text).ids for text in texts]
        ids = np.zeros((len(codes), max(map(len, codes))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, code in enumerate(codes):
            ids[row, : len(code)] = code
            mask[row, : len(code)] = 1
        vectors: npt.NDArray[np.float32] = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return vectors

    return encode


def _session(onnxruntime: Any, model: Path, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    # the graph was optimised when it was made
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # onnxruntime's errors share no base below Exception
    state = onnxruntime.capi.onnxruntime_pybind11_state
    refused = (state.Fail, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented, state.RuntimeException)
    try:
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except refused as error:
        raise EmbedderUnavailable(
            f"onnxruntime {onnxruntime.__version__} cannot run the embedding model, which needs 1.22 or later"
        ) from error


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
