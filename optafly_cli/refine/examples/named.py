"""What the words of a text name for a chain: steps, numbers and short texts, what is returned otherwise."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from optafly_cli.refine.examples import steps as known_steps
from optafly_cli.refine.examples.reading import literal
from optafly_cli.refine.examples.values import NAMES

MOST_CONSTANTS = 2
Given = tuple[Any, ...]
Named = Mapping[str, Sequence[Any]]


def named_in(words: str) -> Named:
    """The steps that the words name, by kind."""
    single = set(re.findall(r"[a-z]+", words))
    known = _Words(
        words, frozenset(single), frozenset(word[:end] for word in single for end in range(2, len(word) + 1))
    )
    named = {
        kind: [step for pattern, step in table if not pattern or known.have(pattern)]
        for kind, table in known_steps.TABLES.items()
    }
    named["negated"] = [None] if known.have(known_steps.NEGATED) else []
    named["counted"] = [None] if known.have(known_steps.COUNTED) else []
    return named


@dataclass(frozen=True, slots=True)
class _Words:
    """A text, its words, and all beginnings of its words."""

    text: str
    whole: frozenset[str]
    begun: frozenset[str]

    def have(self, pattern: str) -> bool:
        """Whether a pattern is found in the text; a regular expression is tried last."""
        whole, begun, rest = _parted(pattern)
        if not self.whole.isdisjoint(whole) or not self.begun.isdisjoint(begun):
            return True
        return rest is not None and rest.search(self.text) is not None


@cache
def _parted(pattern: str) -> tuple[frozenset[str], frozenset[str], re.Pattern[str] | None]:
    r"""The alternatives of a pattern that are words (`\bsums?\b`), beginnings of words (`\bsort`), and the others."""
    whole: list[str] = []
    begun: list[str] = []
    rest: list[str] = []
    for part in _compiled(_ALTERNATIVE).findall(pattern):
        match = re.fullmatch(r"\\b(?:([a-z]{2,})|\(\?:([a-z|]{2,})\))(s\?)?(\\b)?", part)
        if match is None or (match[3] and not match[4]):
            rest.append(part)
            continue
        words = (match[1] or match[2]).split("|")
        (whole if match[4] else begun).extend(words + ([f"{word}s" for word in words] if match[3] else []))
    return frozenset(whole), frozenset(begun), re.compile("|".join(rest)) if rest else None


_ALTERNATIVE = r"(?:[^|()\[\\]|\\.|\[[^\]]*\]|\((?:[^()]|\([^()]*\))*\))+"
"""What stands between the bars of a pattern, with its brackets whole."""


def constants_in(text: str) -> Given:
    """Numbers and short quoted texts that the words name: "divisible by 11", "the letter 'p'"."""
    found: list[Any] = []
    for match in _compiled(known_steps.CONSTANT).finditer(text):
        value: Any = match["text"]
        if value is None:
            value = int(match["number"]) if match["number"] else NAMES.index(match["name"])
        if not any(type(value) is type(one) and value == one for one in found):
            found.append(value)
    return tuple(found[:MOST_CONSTANTS])


def defaults_in(words: str) -> Iterator[Any]:
    """What the words say is returned when nothing else can be: "otherwise return -1"."""
    for match in _compiled(known_steps.DEFAULT).finditer(words):
        if match["empty"]:
            yield "" if match["empty"] == "string" else []
        else:
            yield literal(match["value"].replace("none", "None"))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
