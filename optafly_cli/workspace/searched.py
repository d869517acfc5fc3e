"""A text in which secrets are looked for: what every search asks of it, worked out once."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple


class Found(NamedTuple):
    """A secret: offsets in the text, and what it is."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Searched:
    """`text`, and where words begin in it whatever their case."""

    text: str

    @cached_property
    def lowered(self) -> str:
        """`text` in lower case, letter for letter at the same offsets."""
        lowered = self.text.lower()
        return lowered if len(lowered) == len(self.text) else self.text.translate(_to_lower())

    @cached_property
    def words(self) -> str:
        """Each of its words once: code says the same ones again and again. Split at blanks, quotes, brackets, `,;`."""
        # In two steps: to split at blanks is quick, and leaves a third for the pattern
        return "\n".join(set(_word().findall("\n".join(set(self.lowered.split())))))

    def has(self, words: Iterable[str]) -> bool:
        """Whether one of these lower-case stretches is in it; none has a blank, a quote, a bracket, `,` or `;`."""
        return any(word in self.words for word in words)

    def places(self, words: Iterable[str]) -> list[int]:
        """Where one of these lower-case stretches begins."""
        return sorted({at for word in words if word in self.words for at in _all(self.lowered, word)})

    def matches(self, pattern: re.Pattern[str], anchors: Iterable[str]) -> Iterator[re.Match[str]]:
        """What begins with one of the anchors and matches, none inside another."""
        reached = 0
        for at in self.places(anchors):
            if at >= reached and (match := pattern.match(self.text, at)):
                reached = match.end()
                yield match


def entropy(text: str) -> float:
    """Shannon's, in bits for each letter."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def _all(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


@cache
def _word() -> re.Pattern[str]:
    return re.compile(r"[^\s\"'(),;{}\[\]]+")


@cache
def _to_lower() -> dict[int, int]:
    return {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
