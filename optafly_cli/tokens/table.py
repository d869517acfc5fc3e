"""tiktoken's cl100k_base from the packaged table, and what its tokens cost alone: nothing is fetched, ever.

The table is OpenAI's file, compressed; its SHA-256 is checked each time it is loaded. Loading takes about 0.16 s and
happens once, at the first count. The costs are measured by scripts/measure_tokens.py, one byte per token.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tiktoken import Encoding

TABLE = Path(__file__).parent / "data" / "cl100k_base.tiktoken.gz"
COSTS = Path(__file__).parent / "data" / "costs-2026-11-22.bin.gz"
"""Two rows of one byte per token, in the order of their ranks: for claude-3, and for claude-4.7 and later."""

SIZE = 100_256
"""Tokens of the table."""

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
    made = Encoding("cl100k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    # It has a copy of its own, and keeps these 15 MB only to be pickled
    ranks.clear()
    return made


def _ranks(table: Path) -> dict[bytes, int]:
    from binascii import a2b_base64
    from hashlib import sha256

    content = _unpacked(table)
    if sha256(content).hexdigest() != SHA256:
        raise TableUnavailable(f"the token table {table} is not the file that optafly shipped")
    words = content.split()
    return dict(zip(map(a2b_base64, words[::2]), map(int, words[1::2]), strict=True))


def costs(path: Path = COSTS) -> tuple[bytes, bytes]:
    """The two rows of the file of costs.

    Raises:
        TableUnavailable: it is missing or has another size.
    """
    content = _unpacked(path)
    if len(content) != 2 * SIZE:
        raise TableUnavailable(f"the token costs {path} are not the file that optafly shipped")
    return content[:SIZE], content[SIZE:]


def _unpacked(path: Path) -> bytes:
    import zlib

    try:
        return zlib.decompress(path.read_bytes(), wbits=31)
    except (OSError, zlib.error) as error:
        raise TableUnavailable(f"the token table {path} cannot be read: {error}") from error


@cache
def encoder() -> Callable[[str], list[int]]:
    """Text to cl100k tokens; `<|endoftext|>` is text like any other. Loads the table at the first call.

    Raises:
        TableUnavailable: as `encoding`.
    """
    return _loaded()[0].encode_ordinary


@cache
def _loaded() -> tuple["Encoding", tuple[bytes, bytes]]:
    return encoding(), costs()


def token_bytes(token: int) -> bytes:
    """The bytes of one token."""
    return _loaded()[0].decode_single_token_bytes(token)


def token_cost(token: int, row: int) -> int:
    """How many tokens Claude makes of this one when it stands alone; `row` 0 for claude-3, 1 for what came later."""
    return _loaded()[1][row][token]
