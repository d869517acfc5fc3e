"""The packaged table: it is OpenAI's, it is checked, and a damaged one is refused in one sentence."""

import gzip
import zlib
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import pytest

from optafly_cli.tokens.table import COSTS, SHA256, SIZE, TABLE, TableUnavailable, costs, encoder, encoding, token_bytes


def test_the_table_is_the_one_that_openai_publishes() -> None:
    """Unpacked, the table has the SHA-256 that tiktoken expects of cl100k_base."""
    published = import_module("tiktoken_ext.openai_public").__file__
    assert sha256(zlib.decompress(TABLE.read_bytes(), wbits=31)).hexdigest() == SHA256
    assert SHA256 in Path(str(published)).read_text("utf-8")


def test_text_is_cut_as_cl100k_cuts_it() -> None:
    """OpenAI's own example gives OpenAI's tokens, and special tokens are plain text."""
    assert encoder()("tiktoken is great!") == [83, 1609, 5963, 374, 2294, 0]
    assert len(encoder()("<|endoftext|>")) == 7
    assert b"".join(map(token_bytes, encoder()("naïve 中文\n"))) == "naïve 中文\n".encode()


def test_every_token_has_its_costs() -> None:
    """Both rows of costs hold one byte per token, and common words are one token."""
    old, new = costs()
    assert len(old) == len(new) == SIZE == encoding().n_vocab
    (the,) = encoder()(" the")
    assert old[the] == new[the] == 1


def test_a_changed_table_is_refused(tmp_path: Path) -> None:
    """A table with another digest is not used, and is named."""
    path = tmp_path / "table.gz"
    path.write_bytes(gzip.compress(zlib.decompress(TABLE.read_bytes(), wbits=31)[:-9]))
    with pytest.raises(TableUnavailable, match=r"table\.gz is not the file that optafly shipped"):
        encoding(path)


@pytest.mark.parametrize(
    "content", [None, b"", b"not gzip", TABLE.read_bytes()[:5000]], ids=["missing", "empty", "foreign", "cut"]
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty, cut or foreign file is refused in one sentence that names it."""
    path = tmp_path / "table.gz"
    if content is not None:
        path.write_bytes(content)
    for load in (encoding, costs):
        with pytest.raises(TableUnavailable, match=r"table\.gz cannot be read: "):
            load(path)


def test_costs_of_another_size_are_refused(tmp_path: Path) -> None:
    """A file of costs for another table is not used."""
    path = tmp_path / "costs.gz"
    path.write_bytes(gzip.compress(zlib.decompress(COSTS.read_bytes(), wbits=31)[1:]))
    with pytest.raises(TableUnavailable, match=r"costs\.gz are not the file that optafly shipped"):
        costs(path)
