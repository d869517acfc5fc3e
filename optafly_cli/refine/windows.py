"""Which units of a file matter for a prompt, when the whole file does not fit."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

from optafly_cli.refine.data import cues
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.workspace.types import LineRange
from optafly_cli.workspace.units import enclosing_unit

MAX_TERMS = 24
MAX_SEEDS = 12
LARGEST = 20_000
"""Lines of a file that are searched for the prompt's words."""
_COMMON = frozenset((
    "this", "that", "these", "those", "with", "from", "into", "when", "where", "what", "which", "while", "have",
    "does", "should", "would", "could", "must", "there", "here", "their", "then", "than", "they", "them", "your",
    "need", "want", "make", "made", "some", "only", "also", "please", "after", "before", "because", "about", "code",
    "file", "line", "lines", "function", "method", "class", "error", "issue", "problem", "value", "values", "instead",
    "expected", "actual", "using", "used", "like", "just", "wrong", "result", "output", "input", "none", "true",
    "false", "return", "returns",
))  # fmt: skip


def terms(view: PromptText) -> tuple[str, ...]:
    """The words of the prompt that may stand in code, identifiers first, lower-case."""
    text = view.without("fence", "code")[:20_000]
    words = dict.fromkeys(match.group().lower() for match in _word().finditer(text))
    plain = [word for word in words if word not in _COMMON and word not in cues().verbs]
    return tuple(sorted(plain, key=lambda word: "_" not in word)[:MAX_TERMS])


def relevant_units(
    lines: Sequence[str], errors: Iterable[int], words: Sequence[str]
) -> list[tuple[LineRange, LineRange]]:
    """Units of the file with the line in each that made it relevant, best first: error lines, then rare words.

    Lines are 1-based; `errors` beyond the end are ignored.
    """
    seeds = [number for number in dict.fromkeys(errors) if 1 <= number <= len(lines)]
    weights = _weights(lines[:LARGEST], words)
    for number in sorted(weights, key=lambda number: (-weights[number], number)):
        if len(seeds) >= MAX_SEEDS:
            break
        seeds.append(number)
    units: list[tuple[LineRange, LineRange]] = []
    for number in seeds:
        if not any(unit.start <= number <= unit.end for unit, _ in units):
            at = LineRange(number, number)
            units.append((enclosing_unit(lines, at), at))
    return units


def _weights(lines: Sequence[str], words: Sequence[str]) -> dict[int, float]:
    """How much each line says about the words: a word that stands in few lines says more."""
    if not words:
        return {}
    places: dict[str, list[int]] = defaultdict(list)
    pattern = re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)))
    for number, line in enumerate(lines, 1):
        for word in set(pattern.findall(line[:400].lower())):
            places[word].append(number)
    weights: dict[int, float] = defaultdict(float)
    for numbers in places.values():
        if len(numbers) <= max(3, len(lines) // 20):
            for number in numbers:
                weights[number] += 1 / len(numbers) ** 0.5
    return weights


@cache
def _word() -> re.Pattern[str]:
    return re.compile(r"[A-Za-z_][\w]{3,60}")
