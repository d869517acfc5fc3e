"""The bundled embedding model: it is the file that was shipped, and it agrees with the original."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.cache.embedder import (
    BUNDLED,
    EMBEDDED_FORM,
    MODEL_FOLDER,
    Embedder,
    EmbedderUnavailable,
    embedder_identity,
)

REFERENCE = json.loads((Path(__file__).parent / "data" / "reference_embeddings.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return Embedder.load()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(MODEL_FOLDER, tmp_path / "model")


def test_agrees_with_sentence_transformers(embedder: Embedder) -> None:
    """Every vector has a cosine of at least 0.99 with that of sentence-transformers, and 0.998 on average."""
    expected = np.stack([np.frombuffer(base64.b64decode(row["vector"]), dtype="<f4") for row in REFERENCE])
    cosines = (embedder.embed([row["text"] for row in REFERENCE]) * expected).sum(axis=1)
    assert len(cosines) == 12
    assert cosines.min() >= 0.99
    assert cosines.mean() >= 0.998


def test_vectors_are_unit_float32_rows(embedder: Embedder) -> None:
    """n texts give (n, 384) float32 rows of length 1, and no texts give (0, 384)."""
    vectors = embedder.embed(["fix this bug", "", "what is an iterator?\n"])
    assert vectors.shape == (3, 384) == (3, embedder.dim)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.embed([]).shape == (0, 384)


def test_paraphrase_is_closer_than_another_question(embedder: Embedder) -> None:
    """A paraphrase lies closer than an unrelated question."""
    asked, again, other = embedder.embed(
        ["How do I reverse a list in Python?", "python: reversing a list", "Why is the sky blue?"]
    )
    assert asked @ again > 0.8
    assert asked @ other < 0.3


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(max_size=300), min_size=1, max_size=40))
def test_a_vector_does_not_depend_on_its_batch(embedder: Embedder, texts: list[str]) -> None:
    """A text embedded in a batch has the vector that it has alone, to the bit, in the order of the texts."""
    together = embedder.embed(texts)
    alone = np.concatenate([embedder.embed([text]) for text in texts])
    assert np.array_equal(together, alone)


def test_a_long_neighbour_changes_nothing(embedder: Embedder) -> None:
    """A short text next to one of 256 tokens keeps its vector, to the bit."""
    texts = ["fix it", "the parser fails on nested brackets " * 100]
    assert np.array_equal(embedder.embed(texts)[0], embedder.embed(texts[:1])[0])


def test_any_text_has_a_vector(embedder: Embedder) -> None:
    """Lone surrogates, control characters and 10 MB of one word are embedded like any other text."""
    vectors = embedder.embed(["\ud800 half", "\x00\x1b[31m", "a" * 10_000_000, "word " * 2_000_000])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_what_follows_256_tokens_is_not_read(embedder: Embedder) -> None:
    """Texts that agree in their first 256 tokens have the same vector."""
    start = "one two three four " * 64
    first, second = embedder.embed([start + "cats", start + "dogs"])
    assert np.abs(first - second).max() <= 1e-6


def test_loading_twice_gives_the_same_vectors(embedder: Embedder) -> None:
    """Vectors of one process are those of another, to the bit."""
    text = ["explain this function"]
    assert np.array_equal(embedder.embed(text), Embedder.load().embed(text))


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_changed_file_is_refused(copy: Path, name: str) -> None:
    """One flipped bit in a model file makes it unavailable, in one sentence that names the file."""
    path = copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(EmbedderUnavailable, match=rf"damaged: .*{name} is not the file that optafly shipped$"):
        Embedder.load(folder=copy)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "model.json"])
def test_a_missing_file_is_said(copy: Path, name: str) -> None:
    """A missing model file makes the model unavailable and is named."""
    (copy / name).unlink()
    with pytest.raises(EmbedderUnavailable, match=f"{name} is missing"):
        Embedder.load(folder=copy)


def test_a_file_that_cannot_be_read_is_said(copy: Path) -> None:
    """A model file that is a folder makes the model unavailable and says why."""
    (copy / "model.onnx").unlink()
    (copy / "model.onnx").mkdir()
    with pytest.raises(EmbedderUnavailable, match=r"model\.onnx cannot be read: Is a directory"):
        Embedder.load(folder=copy)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sha256": {"model.onnx": 1}}', "\x80"])
def test_a_damaged_model_json_is_said(tmp_path: Path, content: str) -> None:
    """A model.json that does not hold the digests makes the model unavailable."""
    (tmp_path / "model.json").write_text(content, "latin-1")
    with pytest.raises(EmbedderUnavailable, match=r"model\.json is damaged"):
        embedder_identity(folder=tmp_path)


def test_a_graph_that_onnxruntime_refuses_is_said(copy: Path) -> None:
    """A model that this onnxruntime cannot run makes the model unavailable and says which version is needed."""
    from hashlib import sha256

    (copy / "model.onnx").write_bytes(b"not a graph")
    facts = json.loads((copy / "model.json").read_text())
    facts["sha256"]["model.onnx"] = sha256(b"not a graph").hexdigest()
    (copy / "model.json").write_text(json.dumps(facts))
    with pytest.raises(EmbedderUnavailable, match=r"onnxruntime .* cannot run it"):
        Embedder.load(folder=copy)


def test_identity_follows_the_files(embedder: Embedder, copy: Path) -> None:
    """The identity: name, 12 hex digits and version of what is embedded, loaded or not; another for other files."""
    name, version = embedder_identity().split("@")
    digits, form = version.split(".")
    assert (name, form) == (BUNDLED, EMBEDDED_FORM)
    assert len(bytes.fromhex(digits)) == 6
    assert embedder.identity == embedder_identity()
    facts = json.loads((copy / "model.json").read_text())
    facts["sha256"]["tokenizer.json"] = "0" * 64
    (copy / "model.json").write_text(json.dumps(facts))
    assert embedder_identity(folder=copy) != embedder_identity()


def _without(module: str, code: str) -> str:
    script = f"import sys; sys.modules[{module!r}] = None\n{code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


LOAD = """
from optafly_cli.cache.embedder import Embedder, EmbedderUnavailable
try:
    Embedder.load({model!r})
except EmbedderUnavailable as error:
    print(error)
"""


@pytest.mark.parametrize("module", ["onnxruntime", "tokenizers"])
def test_a_missing_package_is_said(module: str) -> None:
    """Without onnxruntime or tokenizers the model is unavailable and the package is named."""
    assert module in _without(module, LOAD.format(model=BUNDLED))


def test_another_model_needs_the_extra() -> None:
    """A model that is not the bundled one says how to install what it needs."""
    said = _without("sentence_transformers", LOAD.format(model="all-mpnet-base-v2"))
    assert "'all-mpnet-base-v2'" in said
    assert "pip install 'optafly[sentence-transformers]'" in said


def test_import_and_identity_are_light() -> None:
    """Importing the module and asking for identities imports none of the heavy packages."""
    code = """
from optafly_cli.cache.embedder import embedder_identity
assert embedder_identity("all-MiniLM-L6-v2") and embedder_identity("other") .startswith("other@sentence-transformers.")
print([name for name in ("numpy", "onnxruntime", "tokenizers", "importlib.resources") if sys.modules.get(name)])
"""
    assert _without("torch", code) == "[]\n"


def test_loading_and_embedding_is_quiet() -> None:
    """Nothing is written to stdout or stderr."""
    code = "from optafly_cli.cache.embedder import Embedder\nEmbedder.load().embed(['a', ''])"
    assert _without("torch", code) == ""
