"""How many tokens a run is: the shortest tiling of it over the pieces of a tokenizer generation.

The pieces are those of ctok 1.3.0 (MIT), each measured to be one token; scripts/pack_vocabulary.py packs them. What no
piece covers costs what its UTF-8 bytes do.
"""

import zlib
from collections import defaultdict
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"

LONGEST_RUN = 256
"""Characters after which a run is cut for tiling, which takes time that grows faster than the run."""


class Vocabulary:
    """The pieces of one generation, and the beginnings of UTF-8 sequences that are one token."""

    __slots__ = ("_beginnings", "_longest", "_pieces")

    def __init__(self, pieces: frozenset[str], beginnings: frozenset[bytes]) -> None:
        self._pieces = pieces
        self._beginnings = beginnings
        self._longest: defaultdict[str, int] = defaultdict(lambda: 1)
        for piece in pieces:
            self._longest[piece[0]] = max(self._longest[piece[0]], len(piece))

    def cost(self, run: str) -> int:
        """Tokens of one run as `runs` spells it."""
        if run in self._pieces:
            return 1
        if len(run) > LONGEST_RUN:
            return sum(self.cost(run[start : start + LONGEST_RUN]) for start in range(0, len(run), LONGEST_RUN))
        pieces = self._pieces
        size = len(run)
        best = [0] + [4 * size + 1] * size
        for start, character in enumerate(run):
            alone = best[start] + (1 if character in pieces else self._of_bytes(character))
            best[start + 1] = min(best[start + 1], alone)
            after = best[start] + 1
            for end in range(start + 2, min(size, start + self._longest[character]) + 1):
                if after < best[end] and run[start:end] in pieces:
                    best[end] = after
        return best[size]

    def _of_bytes(self, character: str) -> int:
        raw = character.encode()
        best = list(range(len(raw) + 1))
        for end in range(2, len(raw) + 1):
            joined = [best[start] + 1 for start in range(end - 1) if raw[start:end] in self._beginnings]
            best[end] = min([best[end - 1] + 1, *joined])
        return best[-1]


@cache
def vocabulary(name: str) -> Vocabulary:
    """The packaged vocabulary in that file, read once."""
    content = zlib.decompress((DATA / name).read_bytes(), wbits=31).decode()
    pieces, _, beginnings = content.partition("\0\0")
    return Vocabulary(frozenset(pieces.split("\0")), frozenset(map(bytes.fromhex, beginnings.split())))
