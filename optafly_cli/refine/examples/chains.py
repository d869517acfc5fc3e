"""Chains of operations that the words name, tried on examples.

A chain is: what is looked at (an argument, its words, its digits …), what is kept of it, what is made of each, what
it comes to, a last touch. Only steps that the words name are tried, so a result that no chain gives speaks against the
example, or for an operation that is not known here.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from optafly_cli.refine.examples import steps as known_steps
from optafly_cli.refine.examples.named import Given, Named, constants_in, defaults_in, named_in
from optafly_cli.refine.examples.reading import Example

MOST_STEPS = 800
"""So many steps are tried on one example, those that fail included."""
_FAULTS = (ArithmeticError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)
_MOST_RANGE = 500
_MANY = 32

Steps = tuple[Callable[..., Any], ...]


def explained(text: str, examples: Sequence[Example]) -> tuple[float, float]:
    """The largest share of the examples that one chain explains, and 1 by the number of steps of the shortest."""
    words = text.lower()
    # Those with the longest arguments say most: what gives none of their results is not tried on the others
    ordered = sorted(examples, key=lambda one: -len(repr(one.arguments)))
    named = named_in(words)
    constants = constants_in(text)
    defaults = list(defaults_in(words))
    best = (0.0, 0.0)
    for first in ordered[:2]:
        for steps, used in _chains(named, first, constants):
            if used:
                good = sum(
                    _gives(steps, (*one.arguments, *constants), one.result)
                    or any(same(one.result, other) for other in defaults)
                    for one in ordered
                )
                best = max(best, (good / len(ordered), 1.0 / used))
                if best == (1.0, 1.0):
                    return best
        if best[0]:
            break
    return best


def _gives(steps: Steps, given: Given, result: Any) -> bool:
    source, keep, change, reduce, last = steps
    try:
        value = last(reduce(change(keep(source(given), given))))
    except _FAULTS:
        return False
    return same(value, result)


def _chains(named: Named, example: Example, constants: Given) -> Iterator[tuple[Steps, int]]:
    """Each chain that gives the result, and how many named steps it has. Constants are the last of what is given."""
    given = (*example.arguments, *constants)
    reductions, lasts = _ends(named, example.result)
    search = _Search(MOST_STEPS)
    seen: list[Any] = []
    for started, changed, before in _begun(search, named, given, len(constants)):
        if any(type(changed) is type(one) and changed == one for one in seen):
            continue
        seen.append(changed)
        for reduce, reduced, reduces in search.tried(reductions, changed):
            if same(reduced, example.result):
                yield (*started, reduce, _unchanged), before + reduces
            for last, value, _ in search.tried(lasts, reduced):
                if same(value, example.result):
                    yield (*started, reduce, last), before + reduces + 1


def _begun(search: "_Search", named: Named, given: Given, constants: int) -> Iterator[tuple[Steps, Any, int]]:
    """What is looked at, kept and made of each: the shorter chains first, those with a constant last."""
    count = len(given) - constants
    sources = list(search.tried(_sources(named, count), given))
    alone = [(source, begun, sourced, _keeps(named, begun, range(min(count, 3)))) for source, begun, sourced in sources]
    numbers = range(-constants, 0)
    bound = [(source, begun, sourced, _bound(named, begun, numbers)) for source, begun, sourced in sources]
    for parts in (alone, bound):
        kept = []
        for source, begun, sourced, keeping in parts:
            for keep, values, keeps in search.tried(keeping, begun, given):
                kept.append((source, keep, values, sourced + keeps))
                yield (source, keep, _unchanged), values, sourced + keeps
        for source, keep, values, before in kept:
            for change, changed, changes in search.tried(_changes(named, values), values):
                yield (source, keep, change), changed, before + changes


class _Search:
    """Steps tried on one example, as long as there are some left."""

    def __init__(self, left: int) -> None:
        self._left = left

    def tried(self, steps: Iterable[tuple[Any, int]], *values: Any) -> Iterator[tuple[Any, Any, int]]:
        """The steps that can be taken, with what each gives. One on many values counts as several."""
        cost = 1 + (len(values[0]) // _MANY if isinstance(values[0], (list, tuple, str)) else 0)
        for step, used in steps:
            self._left -= cost
            if self._left < 0:
                return
            try:
                value = step(*values)
            except _FAULTS:
                continue
            yield step, value, used


def _unchanged(value: Any) -> Any:
    return value


def _ends(named: Named, result: Any) -> tuple[list[tuple[Any, int]], list[tuple[Any, int]]]:
    """What a value can come to, to give such a result, and the last touches that do."""
    kind = next((kind for kind, types in _KINDS if isinstance(result, types)), "list")
    reductions = [(step, 1) for reached in known_steps.REACH[kind] for step in named[f"to {reached}"]]
    return [(_unchanged, 0), *reductions], [(step, 1) for step in named.get(f"at last {kind}", ())]


_KINDS: Sequence[tuple[str, type | tuple[type, ...]]] = (
    ("truth", bool), ("number", (int, float)), ("text", str), ("dict", dict),
)  # fmt: skip


def _sources(named: Named, count: int) -> Iterator[tuple[Any, int]]:
    for at in range(min(count, 3)):
        yield (lambda given, at=at: given[at]), 0
        for make in named["sources"]:
            yield (lambda given, at=at, make=make: make(given[at])), 1
        if named["counted"]:
            for test in named["predicates"]:
                yield (lambda given, at=at, test=test: _first(given[at], test)), 1
                yield (lambda given, at=at, test=test: _first(given[at], test)[-1]), 1
    if count > 1:
        yield (lambda given: list(given[:count])), 0
        yield (lambda given: [int(one) for one in re.findall(r"-?\d+", repr(given[:count]))]), 0
        yield (lambda given: _range(given[0], given[1])), 0
        yield (lambda given: _range(min(given[:2]), max(given[:2]))), 0


def _range(first: int, last: int) -> list[int]:
    if last - first > _MOST_RANGE:
        raise ValueError
    return list(range(first, last + 1))


def _first(count: int, test: Callable[[Any], Any]) -> list[int]:
    """So many numbers from 1 on that pass a test."""
    if isinstance(count, bool) or not 0 <= count <= _MOST_COUNTED:
        raise ValueError
    found: list[int] = []
    for number in range(1, _MOST_RANGE):
        if len(found) == count:
            return found
        if test(number):
            found.append(number)
    raise ValueError


_MOST_COUNTED = 40


def _keeps(named: Named, begun: Any, others: Sequence[int]) -> Iterator[tuple[Any, int]]:
    """What is kept: all of it, or what a test, a place or another argument keeps."""
    yield (lambda values, _: values), 0
    if isinstance(begun, (list, tuple)):
        for place in named["places"]:
            yield (lambda values, _, place=place: place(values)), 1
            for test in named["predicates"]:
                yield (lambda values, _, place=place, test=test: [one for one in place(values) if test(one)]), 2
        for test in named["predicates"]:
            yield (lambda values, _, test=test: [one for one in values if test(one)]), 1
            yield (lambda values, _, test=test: [test(one) for one in values]), 1
            if named["negated"]:
                yield (lambda values, _, test=test: [one for one in values if not test(one)]), 1
        for step in named["to list"]:
            yield (lambda values, _, step=step: step(values)), 1
    if len(others) > 1:
        yield from _bound(named, begun, others)


def _bound(named: Named, begun: Any, others: Sequence[int]) -> Iterator[tuple[Any, int]]:
    """What is kept by, or made with, a second argument; `others` are their places among what is given."""
    for at in others:
        for step in named["with"]:
            yield (lambda values, given, at=at, step=step: step(values, given[at])), 1
        if not isinstance(begun, (list, tuple)):
            for step in named["each"]:
                yield (lambda values, given, at=at, step=step: step(values, given[at])), 1
            continue
        for step in named["each"]:
            yield (lambda values, given, at=at, step=step: [step(one, given[at]) for one in values]), 1
        for test in named["against"]:
            yield (lambda values, given, at=at, test=test: [one for one in values if test(one, given[at])]), 1
            yield (lambda values, given, at=at, test=test: [test(one, given[at]) for one in values]), 1
            if named["negated"]:
                yield (lambda values, given, at=at, test=test: [one for one in values if not test(one, given[at])]), 1


def _changes(named: Named, kept: Any) -> Iterator[tuple[Any, int]]:
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
        if isinstance(one, int) and isinstance(other, int):
            return one == other
        try:
            return math.isclose(one, other, rel_tol=0.005, abs_tol=0.005)
        except OverflowError:
            return False
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)
