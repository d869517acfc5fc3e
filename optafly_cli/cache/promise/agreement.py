"""Do a fresh answer and a stored one say the same? Three answers: same, other, unsure; unsure gives no label.

Made to be wrong rarely, not to answer often: a false "same" would loosen the promise. "Same" needs equal code, equal
numbers, names and negations, no opposites, and every paragraph of either answer close to one of the other's. A short
answer turns on a single word ("ascending", "descending": cosine 0.98), and so do two that are alike word for word but
for a few: there no word may be exchanged. "Other" needs a yes against a no, or texts far apart. What lies between is
unsure: other code for the same thing, say.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from unicodedata import normalize

from optafly_cli.cache.text import exact_form, stretches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Agreement = Literal["same", "other", "unsure"]
Embed = Callable[[Sequence[str]], "NDArray[np.float32]"]

SAME_MEAN, SAME_LEAST = 0.85, 0.7
"""Cosines from which prose says the same: on average, and for the paragraph that is matched worst."""
OTHER_MEAN = 0.45
"""The mean cosine below which prose is about something else."""
MOST_PROSE = 4_000
LONGEST_PARAGRAPH = 1_000
"""Characters of prose that are compared, of an answer and of a paragraph (the model reads 256 tokens)."""
SHORT = 25
"""Words of an answer, without articles and the like, up to which none may be exchanged."""
NEARLY_VERBATIM = 0.85
"""The share of the longer answer's words that the other one has, too, from which none may be exchanged."""
_FACT = re.compile(r"`[^`\n]+`|\b\w*\d[\w.]*\w\b|\b\d\b|\b\w+(?:_\w+)+\b|\b\w+\(\)")
_NOT = re.compile(
    r"\b(?:no|not|never|none|nothing|neither|nor|without|cannot|unless|\w+n['’]t|instead|avoid|fails?)\b", re.IGNORECASE
)
_FILLERS = frozenset(["a", "an", "the", "it", "this", "that", "is", "are", "and"])
_VERDICT = re.compile(r"\W*(yes|no|true|false|correct|incorrect|wrong|it is not|it does not)\b", re.IGNORECASE)
_NAYS = frozenset({"no", "false", "incorrect", "wrong", "it is not", "it does not"})


@dataclass(frozen=True, slots=True)
class _Parts:
    """An answer taken apart: its code, line by line; its paragraphs; what stands in it letter by letter."""

    code: tuple[tuple[str, ...], ...]
    prose: tuple[str, ...]
    facts: frozenset[str]
    negations: int
    nay: bool | None


def agreement(stored: str, fresh: str, embed: Embed) -> Agreement:
    """Whether the two answers say the same. `embed` gives one unit vector for each text, shape (n, d)."""
    if exact_form(stored) == exact_form(fresh):
        return "same"
    one, other = _parts(stored), _parts(fresh)
    if one.nay is not None and other.nay is not None and one.nay != other.nay:
        return "other"
    if not one.prose or not other.prose:
        alike = one.code == other.code and not one.prose and not other.prose
        return "same" if alike else "unsure"
    if any(_too_long(prose) for prose in (one.prose, other.prose)):
        return "unsure"
    mean, least = _closeness(embed(one.prose), embed(other.prose))
    if mean < OTHER_MEAN:
        return "unsure" if one.code and one.code == other.code else "other"
    close = mean >= SAME_MEAN and least >= SAME_LEAST
    return "same" if close and _nothing_differs(one, other) else "unsure"


def _nothing_differs(one: _Parts, other: _Parts) -> bool:
    """Code, facts and negations are equal, no word meets its opposite, none was exchanged."""
    from optafly_cli.cache.guard.vetoes import opposites

    if (one.code, one.facts, one.negations) != (other.code, other.facts, other.negations):
        return False
    if opposites(" ".join(one.prose), " ".join(other.prose)):
        return False
    shorter, longer = sorted((_words(one.prose), _words(other.prose)), key=len)
    shared = (Counter(shorter) & Counter(longer)).total()
    free = len(shorter) > SHORT and shared < NEARLY_VERBATIM * len(longer)
    return free or _within(shorter, longer)


def _within(words: list[str], others: list[str]) -> bool:
    """Whether the words stand among the others in their order, or, when they are few, with what was last put first."""
    turns = range(max(len(words), 1)) if len(words) <= SHORT else (0,)
    return any(_in_order(words[at:] + words[:at], others) for at in turns)


def _in_order(words: list[str], others: list[str]) -> bool:
    rest = iter(others)
    return all(word in rest for word in words)


def _words(prose: tuple[str, ...]) -> list[str]:
    found = re.findall(r"[\w'’]+|[^\w\s.,;:!?]", " ".join(prose).lower())
    return [word for word in found if word not in _FILLERS]


def _too_long(prose: tuple[str, ...]) -> bool:
    return sum(map(len, prose)) > MOST_PROSE or any(len(text) > LONGEST_PARAGRAPH for text in prose)


def _parts(answer: str) -> _Parts:
    code, prose = [], []
    for part in stretches(answer):
        if part.fenced:
            code.append(_code(part.text))
        else:
            prose += [" ".join(text.split()) for text in re.split(r"\n\s*\n", part.text)]
    prose = [text for text in prose if re.search(r"\w", text)]
    whole = " ".join(prose)
    verdict = _VERDICT.match(whole)
    return _Parts(
        code=tuple(code),
        prose=tuple(prose),
        facts=frozenset(fact.strip("`") for fact in _FACT.findall(whole)),
        negations=len(_NOT.findall(whole)),
        nay=None if verdict is None else verdict[1].lower() in _NAYS,
    )


def _code(fence: str) -> tuple[str, ...]:
    """The lines of a fence without it, white space collapsed; of indentation only the depth counts."""
    lines = [line.expandtabs() for line in normalize("NFC", fence).split("\n")[1:] if line.strip(" \t`~")]
    indents = [len(line) - len(line.lstrip()) for line in lines]
    depth = {indent: at for at, indent in enumerate(sorted(set(indents)))}
    return tuple(f"{depth[indent]} {' '.join(line.split())}" for indent, line in zip(indents, lines, strict=True))


def _closeness(one: "NDArray[np.float32]", other: "NDArray[np.float32]") -> tuple[float, float]:
    """The mean and the least, over the paragraphs of both, of the cosine with the closest one of the other side."""
    cosines = one @ other.T
    best = [*cosines.max(axis=1).tolist(), *cosines.max(axis=0).tolist()]
    return sum(best) / len(best), min(best)
