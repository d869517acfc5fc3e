"""The models are read without their weights, which onnxruntime maps from the file: the numbers are the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optafly_cli.cache.embedder import MODEL_FOLDER
from optafly_cli.cache.onnx_model import session
from optafly_cli.cache.onnx_weights import without_weights
from optafly_cli.cache.verifier.load import RECORD

MODELS = [MODEL_FOLDER / "model.onnx", RECORD.parent / "model.onnx"]
IDS = np.array([[101, 2129, 2079, 1045, 7901, 1037, 5164, 102], [101, 30521, 0, 999, 1, 29999, 2, 102]], dtype=np.int64)


def answer(opened: Any) -> bytes:
    found: np.ndarray[Any, Any] = opened.run(None, {"input_ids": IDS, "attention_mask": np.ones_like(IDS)})[0]
    return found.tobytes()


def whole(model: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("model", MODELS, ids=["embedder", "cross-encoder"])
def test_a_model_says_what_it_says_when_it_is_read_whole(model: Path) -> None:
    """To the last bit, for words all over the table."""
    assert answer(session(model)) == answer(whole(model))


@pytest.mark.parametrize("model", MODELS, ids=["embedder", "cross-encoder"])
def test_what_is_read_is_a_twentieth_of_the_file(model: Path) -> None:
    """The weights are not in the graph, and it names the file that they are in."""
    content = model.read_bytes()
    graph = without_weights(content, "some.onnx")
    assert len(graph) < len(content) / 15
    assert b"some.onnx" in graph


def test_a_model_may_be_linked_to(tmp_path: Path) -> None:
    """As an installer makes it that keeps one copy for all environments."""
    link = tmp_path / "linked.onnx"
    link.symlink_to(MODELS[0])
    assert answer(session(link)) == answer(session(MODELS[0]))


@pytest.mark.parametrize("end", [1, 100, 1_000_000])
def test_a_file_that_is_cut_is_refused(end: int) -> None:
    """What is left is no model."""
    with pytest.raises((ValueError, IndexError)):
        without_weights(MODELS[0].read_bytes()[:end], "x")


@pytest.mark.parametrize("content", [b"\x0f", b"\x3a\x05\x08", b"\x80"], ids=["kind", "short", "endless"])
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    """A field of no kind, one that is longer than the file, a number that does not end."""
    with pytest.raises((ValueError, IndexError)):
        without_weights(content, "x")
