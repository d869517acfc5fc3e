"""How many tokens a text is for a Claude model, without asking anyone: a count, its margin, and how it was made."""

from collections import Counter as Tally
from collections.abc import Callable, Mapping
from functools import cache
from math import ceil

from optafly_cli.models import Model
from optafly_cli.tokens.calibration import ContentClass, Ratio, content_class
from optafly_cli.tokens.families import Family, families
from optafly_cli.tokens.runs import normalised, runs_between, split, word_run
from optafly_cli.tokens.vocabulary import vocabulary

UNKNOWN_FAMILY = "claude-4.8"
"""Taken for a family that the data file does not have: the newest that was measured."""

CHUNK = 1 << 18
"""Characters that are looked at at once, about."""

REMEMBERED = 50_000
"""Words, stretches between words, and runs in those, whose tokens are remembered: texts repeat them."""

LONGEST_REMEMBERED = 64
"""Characters: what is longer seldom comes again, and fills the memory."""


LATELY, LONGEST_TEXT = 64, 1 << 16
"""Texts whose tokens are remembered, and characters of the longest: sections are counted more than once."""


class Counter:
    """Counts for one tokenizer family: claude-3, claude-4.7 or claude-4.8.

    `margin`: 95% of the texts that it was checked on were off by no more than this fraction (a text of a few words may
    be off by a token or two). `method`: what was counted with, for people. `frame`: tokens of a request with one user
    message, besides its content. `ratios`: what real answers say a count must be multiplied by, per class of content.
    The vocabulary is loaded at the first count.
    """

    __slots__ = ("_family", "_lately", "_model", "_ratios", "family", "frame")

    def __init__(self, family: str, model: str = "", ratios: Mapping[ContentClass, Ratio] | None = None) -> None:
        known = families().families
        self._family: Family = known.get(family) or known[UNKNOWN_FAMILY]
        self._model = model
        self._ratios = ratios or {}
        self._lately: dict[str, int] = {}
        self.family = self._family.name
        self.frame = self._family.frame

    def count(self, text: str, language: str = "") -> int:  # noqa: ARG002 - callers know it, measuring showed no use
        """Tokens of `text` as content: 0 for none, never negative, whatever the text holds."""
        if not text:
            return 0
        known = self._lately.get(text)
        if known is not None:
            return known
        tokens = self._counted(text)
        if len(text) <= LONGEST_TEXT:
            if len(self._lately) >= LATELY:
                self._lately.clear()
            self._lately[text] = tokens
        return tokens

    def _counted(self, text: str) -> int:
        tokens = sum(map(_tokenizer(self._family.name), _chunks(text)))
        if self._ratios:
            ratio = self._ratios.get(content_class(text))
            tokens = ceil(tokens * ratio.value) if ratio else tokens
        return max(1, tokens)

    @property
    def margin(self) -> float:
        """The fraction that a count may be off by, in 95% of cases."""
        return max([self._family.margin, *(ratio.margin for ratio in self._ratios.values())])

    @property
    def method(self) -> str:
        """What was counted with, in a few words."""
        said = f"vocabulary of {self.family}, {families().date}"
        if self._ratios:
            answers = sum(ratio.answers for ratio in self._ratios.values())
            return f"{said}, × what {answers} answers of {self._model} had"
        return said if not self._model or self._model in self._family.verified else f"{said}, assumed for {self._model}"


def counter_for(model: Model, ratios: Mapping[ContentClass, Ratio] | None = None) -> Counter:
    """The counter of that model's tokenizer family."""
    return Counter(model.tokenizer, model.id, ratios)


@cache
def _tokenizer(name: str) -> Callable[[str], int]:
    """Text to tokens, for one family."""
    family = families().families[name]
    cost = vocabulary(family.vocabulary).cost
    words: dict[str, int] = {}
    gaps: dict[str, int] = {}
    runs: dict[str, int] = {}

    def word(text: str) -> int:
        return cost(word_run(text, family.capitals_from))

    def gap(text: str, *, first: bool = False, last: bool = False) -> int:
        return _sum([*runs_between(text, after_word=not first, before_word=not last)], runs, cost)

    def tokens(text: str) -> int:
        parts = split(normalised(text, straight_quotes=family.straight_quotes))
        if len(parts) == 1:
            return gap(parts[0], first=True, last=True)
        edges = gap(parts[0], first=True) + gap(parts[-1], last=True)
        return edges + _sum(parts[1::2], words, word) + _sum(parts[2:-1:2], gaps, gap)

    return tokens


def _sum(texts: list[str], known: dict[str, int], cost: Callable[[str], int]) -> int:
    total = 0
    for text, number in Tally(texts).items():
        tokens = known.get(text)
        if tokens is None:
            tokens = cost(text)
            if len(text) <= LONGEST_REMEMBERED:
                if len(known) >= REMEMBERED:
                    known.clear()
                known[text] = tokens
        total += tokens * number
    return total


def _chunks(text: str) -> list[str]:
    """`text` in pieces that end with a line where there is one."""
    if len(text) <= CHUNK:
        return [text]
    pieces = []
    at = 0
    while at < len(text):
        end = at + CHUNK
        if end < len(text):
            line = text.rfind("\n", at, end)
            end = line + 1 if line > at else end
        pieces.append(text[at:end])
        at = end
    return pieces
