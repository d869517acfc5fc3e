"""One vocabulary for both models: its pieces, cut by hand, are what the embedding model was made to read."""

import shutil
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from optafly_cli.cache.embedder import MODEL_FOLDER, RECORD
from optafly_cli.cache.onnx_model import ModelUnusableError, facts
from optafly_cli.cache.vocabulary import CLS, FILE, SEP, pieces_of

SHIPPED = Tokenizer.from_file(str(MODEL_FOLDER / FILE))
"""It cuts at the model's 256 pieces by itself."""


@given(st.text(max_size=400))
@example("word " * 400)
@example("naïve 中文 [SEP] [MASK] \x00 ﬁ 😀" * 40)
@example("a" * 3000)
def test_pieces_are_those_that_the_model_was_made_for(text: str) -> None:
    """Whatever the text is, and however long."""
    text = text.encode("utf-8", "replace").decode()
    most = facts(MODEL_FOLDER / RECORD)["max_tokens"]
    assert [CLS, *pieces_of(MODEL_FOLDER / RECORD)(text)[: most - 2], SEP] == SHIPPED.encode(text).ids


def test_a_changed_vocabulary_is_refused(tmp_path: Path) -> None:
    """It is checked by its digest, like a model."""
    folder = shutil.copytree(MODEL_FOLDER, tmp_path / "model")
    (folder / FILE).write_text("{}")
    with pytest.raises(ModelUnusableError, match="not the file that optafly shipped"):
        pieces_of(folder / RECORD)
