"""Whether letters were drawn by a machine or put together by a person: `sVjz6oHanr` or `utf8Reader`.

In: a word. Out: yes or no, by how often each letter follows the one before it in code, prose and file names
(data/letter_pairs.txt, which scripts/count_letter_pairs.py makes).
"""

from functools import cache
from itertools import pairwise
from pathlib import Path

PAIRS = Path(__file__).parent / "data" / "letter_pairs.txt"
STEP, ZERO = 4, ord("0")
"""What a letter of the file says: bits of surprise times `STEP`, counted from "0"."""
_DRAWN_BITS = 6.1
"""Of each letter that is drawn from some 70."""
_ENOUGH_BITS = -4.0
"""Those who ask have a reason to think of a secret, and to miss one costs more than to see one too many."""
_DIGITS = str.maketrans("123456789", "0" * 9)
_DIGIT_BITS = 3.3


def is_drawn(word: str) -> bool:
    """Whether it is likelier drawn letter by letter from all of them than written by someone."""
    surprises = _surprises()
    letters = " " + word.translate(_DIGITS)
    # What is not ASCII speaks for neither
    return sum(surprises.get(first + second, 0.0) for first, second in pairwise(letters)) > _ENOUGH_BITS


@cache
def _surprises() -> dict[str, float]:
    """Bits by which a pair speaks for a draw. A blank stands before a word, "0" for any digit."""
    letters, *rows = PAIRS.read_text("ascii").splitlines()
    return {
        first + second: (ord(mark) - ZERO) / STEP - _DRAWN_BITS + (_DIGIT_BITS if second == "0" else 0)
        for first, row in zip(letters, rows, strict=True)
        for second, mark in zip(letters, row, strict=True)
    }
