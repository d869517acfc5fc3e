"""What real answers say about our counts: a ratio per model and class of content. Pure.

An answer's `usage` is the truth about the request that it answers. A vocabulary that is right needs no correction;
one that is only assumed for a model is put right by what that model's answers say.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, get_args

ContentClass = Literal["prose", "code", "other"]
CLASSES: tuple[ContentClass, ...] = get_args(ContentClass)

ENOUGH = 8
"""Answers before a ratio is used."""

KEPT = 50
"""The latest answers of a model and class that count."""

SMALLEST = 200
"""Tokens: of a shorter request too much is frame to say anything about its content."""

PLAUSIBLE = (0.6, 1.7)
"""A ratio beyond is of something that was not counted (a server's own prompt, an image), and is not kept."""

_STEP = 0.005
_LOOKED_AT = 20_000
_LETTERS = re.compile("[A-Za-z]+")
_MARKS = re.compile(r"[{}()\[\];=<>_:/\\|&*+#$@\"`]")
_FOREIGN = re.compile("[^\x00-\u024f\u2010-\u2027]")
_CODE_FROM = 0.35
_FOREIGN_FROM = 0.1


@dataclass(frozen=True, slots=True)
class Ratio:
    """Tokens billed over tokens counted. `margin`: 95% of the answers were within that fraction of it."""

    value: float
    margin: float
    answers: int


def content_class(text: str) -> ContentClass:
    """What a text is made of, by its beginning: prose, code (or data), or another script than Latin."""
    looked_at = text[:_LOOKED_AT]
    if not looked_at.isascii() and len(_FOREIGN.findall(looked_at)) > _FOREIGN_FROM * len(looked_at):
        return "other"
    words = len(_LETTERS.findall(looked_at))
    return "code" if len(_MARKS.findall(looked_at)) > _CODE_FROM * words else "prose"


def observed(counted: int, billed: int) -> float | None:
    """The ratio of one answer; None when it says nothing."""
    if counted < SMALLEST or billed <= 0:
        return None
    ratio = billed / counted
    return ratio if PLAUSIBLE[0] <= ratio <= PLAUSIBLE[1] else None


def ratio_of(ratios: Sequence[float]) -> Ratio | None:
    """The ratio to count with: the median, in steps, so that no answer alone moves it far; None before ENOUGH."""
    if len(ratios) < ENOUGH:
        return None
    middle = median(ratios)
    value = round(round(middle / _STEP) * _STEP, 3)
    off = sorted(abs(ratio / value - 1) for ratio in ratios)
    return Ratio(value, round(off[min(len(off) - 1, int(0.95 * len(off)))], 3), len(ratios))


def ratios_of(observations: Mapping[ContentClass, Sequence[float]]) -> dict[ContentClass, Ratio]:
    """The ratios that are to be used, of those classes that were seen often enough."""
    found = {name: ratio_of(ratios) for name, ratios in observations.items()}
    return {name: ratio for name, ratio in found.items() if ratio is not None}
