"""Tokens of texts for placing anchors: short texts are counted, long ones by samples, and both are remembered.

An anchor is a matter of some thousand tokens, a few more or less; and whoever asks waits while they are counted.
"""

from optafly_cli.cache.digest import sha256
from optafly_cli.models import Model

_COUNTED = 2_048
"""Characters that are counted whole: half a millisecond."""
_SAMPLES = 8
_SAMPLE = 128
_WORD = 32
_REMEMBERED = 1_024


class Counts:
    """Counts for several threads at once. Remembered are digests and numbers, the newest 1,024 at most."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], int] = {}

    def __call__(self, model: Model, text: str) -> int:
        """Tokens of a text for that model; of a long one about, from 1,024 of its characters."""
        from optafly_cli.tokens.counter import counter_for

        read = text if len(text) <= _COUNTED else sampled(text)
        key = (model.tokenizer, sha256(read))
        tokens = self._known.get(key)
        if tokens is None:
            tokens = counter_for(model).count(read)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = tokens
        return tokens * len(text) // max(1, len(read))


def sampled(text: str) -> str:
    """Pieces of a long text, evenly spaced from its beginning to its end, with their words whole."""
    last = len(text) - _SAMPLE
    return "".join(_piece(text, last * n // (_SAMPLES - 1)) for n in range(_SAMPLES))


def _piece(text: str, at: int) -> str:
    # Parts of words are words that nobody has seen: each would be counted anew
    begin = text.find(" ", at, at + _WORD) if at else 0
    begin = at if begin < 0 else begin
    end = text.find(" ", begin + _SAMPLE, begin + _SAMPLE + _WORD)
    return text[begin : begin + _SAMPLE if end < 0 else end]
