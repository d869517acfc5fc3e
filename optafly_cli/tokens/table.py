"""tiktoken's cl100k_base from the packaged table: nothing is fetched, ever.

The table is OpenAI's file, compressed; its SHA-256 is checked each time it is loaded. Loading takes about 0.16 s and
happens once, at the first count.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiktoken import Encoding

TABLE = Path(__file__).parent / "data" / "cl100k_base.tiktoken.gz"
SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
"""Of the unpacked table, as tiktoken_ext/openai_public.py of tiktoken 0.14.0 expects it."""

PATTERN = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"""
    r"""|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)
"""How cl100k_base cuts text before it merges, from the same file."""


class TableUnavailable(Exception):
    """tiktoken does not import, or the packaged table is missing or damaged. The message is one sentence."""


def encoding(table: Path = TABLE) -> "Encoding":
    """cl100k_base without special tokens, from the packaged table.

    Raises:
        TableUnavailable: with what is missing.
    """
    ranks = _ranks(table)
    try:
        from tiktoken import Encoding
    except ImportError as error:
        raise TableUnavailable(f"tiktoken does not import: {error}") from error
    return Encoding("cl100k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


def _ranks(table: Path) -> dict[bytes, int]:
    import zlib
    from binascii import a2b_base64
    from hashlib import sha256

    try:
        content = zlib.decompress(table.read_bytes(), wbits=31)
    except (OSError, zlib.error) as error:
        raise TableUnavailable(f"the token table {table} cannot be read: {error}") from error
    if sha256(content).hexdigest() != SHA256:
        raise TableUnavailable(f"the token table {table} is not the file that optafly shipped")
    words = content.split()
    return dict(zip(map(a2b_base64, words[::2]), map(int, words[1::2]), strict=True))


@cache
def encoder() -> Callable[[str], list[int]]:
    """Text to cl100k tokens; `<|endoftext|>` is text like any other. Loads the table at the first call.

    Raises:
        TableUnavailable: as `encoding`.
    """
    return _loaded().encode_ordinary


@cache
def _loaded() -> "Encoding":
    return encoding()


def token_bytes(token: int) -> bytes:
    """The bytes of one token."""
    return _loaded().decode_single_token_bytes(token)
