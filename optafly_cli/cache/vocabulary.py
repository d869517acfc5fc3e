"""The vocabulary that both models read with: texts to the numbers of their pieces. Importing this imports nothing."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from optafly_cli.cache.onnx_model import ModelUnusableError, checked

FILE = "tokenizer.json"
CLS, SEP = 101, 102
"""The pieces that begin and end what a model reads."""


@cache
def pieces_of(record: Path) -> Callable[[str], list[int]]:
    """What gives the pieces of a text, all of them and without CLS and SEP, by the vocabulary beside the record.

    Loaded once: it takes 9 MB.

    Raises:
        ModelUnusableError: the file is missing or is not the one that was shipped, or tokenizers does not import.
    """
    path = checked(record, FILE)
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ModelUnusableError(f"it needs a package that does not import: {error}") from error
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()

    def pieces(text: str) -> list[int]:
        # encode_batch would start a thread per core
        found: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return found

    return pieces
