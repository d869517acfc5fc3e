"""Whether a prompt's examples show what its words say: the operations that the words name, tried on the examples.

A chain is: what is looked at (an argument, its words, its digits …), what is kept of it, what is made of each, what
it comes to, a last touch. Only steps that the words name are tried, so a result that no chain gives speaks against the
example, or for an operation that is not known here.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from optafly_cli.refine.examples import steps as known_steps
from optafly_cli.refine.examples.reading import Example, literal

MOST_STEPS = 600
"""So many steps are tried on one example."""
LONGEST_WORDS = 3_000
_FAULTS = (ArithmeticError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
_MOST_RANGE = 500

Steps = tuple[Callable[..., Any], ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the examples and the words go together, each 0 to 1.

    `explained`: the largest share of the examples that one chain of named operations explains; `depth`: how much of
    what is named that chain uses. `echoes`: how much of the results only repeats their arguments. `shown`: how much
    the results show, those that say the same counted once. `overfull`: the share that makes something of nothing.
    """

    explained: float = 0.0
    depth: float = 0.0
    echoes: float = 0.0
    shown: float = 0.0
    overfull: float = 0.0


def agreement(text: str, examples: Sequence[Example]) -> Agreement:
    """How the examples of a text go together with the rest of it."""
    if not examples:
        return Agreement()
    share, depth = _explained(_words(text, examples), examples)
    count = len(examples)
    return Agreement(
        share,
        depth,
        sum(_echoes(one) for one in examples) / count,
        sum(_shown(result) for result in {repr(one.result) for one in examples}) / count,
        sum(_overfull(one) for one in examples) / count,
    )


def _shown(result: str) -> float:
    """More, the longer a result is; 0.5 for seven characters. A truth value shows as much as the other."""
    return 0.4 if result in ("True", "False") else len(result) / (len(result) + 7)


def _words(text: str, examples: Sequence[Example]) -> str:
    """The text without its examples."""
    parts, position = [], 0
    for one in examples:
        parts.append(text[position : one.start])
        position = one.end
    return " ".join([*parts, text[position:]])[:LONGEST_WORDS].lower()


def _echoes(example: Example) -> float:
    """How much of a result stands in the arguments already; a truth value repeats nothing."""
    if isinstance(example.result, bool):
        return 0.0
    given = {repr(one) for one in _leaves(example.arguments)}
    result = [repr(one) for one in _leaves(example.result)]
    return sum(one in given for one in result) / len(result) if result else 0.0


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set)):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _overfull(example: Example) -> bool:
    empty = any(isinstance(one, (list, str, dict)) and not one for one in example.arguments)
    return empty and isinstance(example.result, (list, str, dict)) and bool(example.result)


def _explained(words: str, examples: Sequence[Example]) -> tuple[float, float]:
    # Those with the longest arguments say most: what gives none of their results is not tried on the others
    ordered = sorted(examples, key=lambda one: -len(repr(one.arguments)))
    named = _named(words)
    defaults = list(_defaults(words))
    best = (0.0, 0.0)
    for first in ordered[:2]:
        for steps, value, used in _chains(named, first.arguments):
            if used and same(value, first.result):
                good = sum(_gives(steps, one) or any(same(one.result, other) for other in defaults) for one in ordered)
                best = max(best, (good / len(ordered), min(1.0, used / 3)))
        if best[0]:
            break
    return best


def _named(words: str) -> Mapping[str, Sequence[Any]]:
    """The steps that the words name, by kind."""
    single = set(re.findall(r"[a-z\d^\"\'-]+", words))
    known = _Words(
        words, frozenset(single), frozenset(word[:end] for word in single for end in range(2, len(word) + 1))
    )
    named = {
        kind: [step for pattern, step in table if not pattern or known.have(pattern)]
        for kind, table in known_steps.TABLES.items()
    }
    named["negated"] = [None] if known.have(known_steps.NEGATED) else []
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
    r"""The alternatives of a pattern that are a word (`\bsum\b`), a word's beginning (`\bsort`), and the others."""
    if re.search(r"[(\[]", pattern):
        return frozenset(), frozenset(), re.compile(pattern)
    whole: list[str] = []
    begun: list[str] = []
    rest: list[str] = []
    for part in pattern.split("|"):
        match = re.fullmatch(r"\\b([a-z]{2,})(\\b)?", part)
        if match is None:
            rest.append(part)
        else:
            (whole if match[2] else begun).append(match[1])
    return frozenset(whole), frozenset(begun), re.compile("|".join(rest)) if rest else None


def _defaults(words: str) -> Iterator[Any]:
    """What the words say is returned when nothing else can be: "otherwise return -1"."""
    for match in _compiled(known_steps.DEFAULT).finditer(words):
        if match["empty"]:
            yield "" if match["empty"] == "string" else []
        else:
            yield literal(match["value"].replace("none", "None"))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _gives(steps: Steps, example: Example) -> bool:
    source, keep, change, reduce, last = steps
    try:
        value = last(reduce(change(keep(source(example.arguments), example.arguments))))
    except _FAULTS:
        return False
    return same(value, example.result)


def _chains(named: Mapping[str, Sequence[Any]], arguments: tuple[Any, ...]) -> Iterator[tuple[Steps, Any, int]]:
    """Each chain, what it gives for these arguments, and how many named steps it has."""
    left = MOST_STEPS
    for source, begun, sourced in _tried(_sources(named, arguments), arguments):
        seen: list[Any] = []
        for keep, kept, keeps in _tried(_keeps(named, begun, arguments), begun, arguments):
            for change, changed, changes in _tried(_changes(named, kept), kept):
                left -= len(named["reductions"])
                if left < 0:
                    return
                if any(type(changed) is type(one) and changed == one for one in seen):
                    continue
                seen.append(changed)
                for reduce, reduced, reduces in _tried(_counted(named["reductions"]), changed):
                    for last, value, _ in _tried(_counted(named["last"]), reduced):
                        yield (source, keep, change, reduce, last), value, sourced + keeps + changes + reduces


def _tried(steps: Iterator[tuple[Any, int]], *values: Any) -> Iterator[tuple[Any, Any, int]]:
    """The steps that can be taken, with what each gives."""
    for step, used in steps:
        try:
            value = step(*values)
        except _FAULTS:
            continue
        yield step, value, used


def _counted(steps: Sequence[Any]) -> Iterator[tuple[Any, int]]:
    """The first does nothing."""
    for number, step in enumerate(steps):
        yield step, int(number > 0)


def _sources(named: Mapping[str, Sequence[Any]], arguments: tuple[Any, ...]) -> Iterator[tuple[Any, int]]:
    for at in range(min(len(arguments), 3)):
        yield (lambda given, at=at: given[at]), 0
        for make in named["sources"]:
            yield (lambda given, at=at, make=make: make(given[at])), 1
    if len(arguments) > 1:
        yield list, 0
        yield (lambda given: [int(one) for one in re.findall(r"-?\d+", repr(given))]), 0
        yield (lambda given: _range(given[0], given[1])), 0
        yield (lambda given: _range(min(given[:2]), max(given[:2]))), 0


def _range(first: int, last: int) -> list[int]:
    if last - first > _MOST_RANGE:
        raise ValueError
    return list(range(first, last + 1))


def _keeps(named: Mapping[str, Sequence[Any]], begun: Any, arguments: tuple[Any, ...]) -> Iterator[tuple[Any, int]]:
    yield (lambda values, _: values), 0
    if len(arguments) > 1:
        for at in range(min(len(arguments), 3)):
            for step in named["with"]:
                yield (lambda values, given, at=at, step=step: step(values, given[at])), 1
    if not isinstance(begun, (list, tuple)):
        return
    for place in named["places"]:
        yield (lambda values, _, place=place: place(values)), 1
        for test in named["predicates"]:
            yield (lambda values, _, place=place, test=test: [one for one in place(values) if test(one)]), 2
    for test in named["predicates"]:
        yield (lambda values, _, test=test: [one for one in values if test(one)]), 1
        yield (lambda values, _, test=test: [test(one) for one in values]), 1
        if named["negated"]:
            yield (lambda values, _, test=test: [one for one in values if not test(one)]), 1
    for at in range(min(len(arguments), 3)):
        for test in named["against"]:
            yield (lambda values, given, at=at, test=test: [one for one in values if test(one, given[at])]), 1
            yield (lambda values, given, at=at, test=test: [test(one, given[at]) for one in values]), 1
            if named["negated"]:
                yield (lambda values, given, at=at, test=test: [one for one in values if not test(one, given[at])]), 1


def _changes(named: Mapping[str, Sequence[Any]], kept: Any) -> Iterator[tuple[Any, int]]:
    yield (lambda values: values), 0
    for change in named["maps"]:
        if not isinstance(kept, (list, tuple)):
            yield change, 1
            continue
        yield (lambda values, change=change: [change(one) for one in values]), 1
        yield (lambda values, change=change: sorted(values, key=change)), 1
        for other in named["maps"]:
            if other is not change:
                yield (lambda values, change=change, other=other: [other(change(one)) for one in values]), 2


def same(one: Any, other: Any) -> bool:
    """Equal: lists and tuples alike, numbers as far as two digits behind the point show; True is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        exact = isinstance(one, int) and isinstance(other, int)
        return one == other if exact else abs(one - other) <= 0.005 * max(1.0, abs(other))
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)
