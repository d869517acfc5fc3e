"""The guard: vetoes that refuse a semantic hit, whatever the similarity. Pure Python, under 1 ms a pair.

Each veto is symmetric and has a name: number, quoted, path, flag, identifier,
operator, name, negation, opposite, quantifier,
relation, modal, question, direction, words. An item of one side without its counterpart is a veto: a false miss costs a
request, a false hit a wrong answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from optafly_cli.cache.lexicon import lexicon
from optafly_cli.cache.reading import LITERAL_KINDS, Reading, bare, canonical, read, stem

_CONFUSABLE = frozenset({frozenset({"contract", "contact"}), frozenset({"unload", "upload"})})
_VOWELS = frozenset("aeiouy")
_MIN_TYPO = 6


@dataclass(frozen=True, slots=True)
class Veto:
    """Why two instructions may not share an answer; `detail` names the item."""

    name: str
    detail: str


def veto(one: str, other: str) -> Veto | None:
    """The first veto against two instructions sharing an answer, None when there is none."""
    if one == other:
        return None
    a, b = sorted((one, other))
    left, right = read(a), read(b)
    only_left, only_right, same = _differences(left, right)
    return (
        _literals(left, right)
        or _names(only_left | only_right)
        or _negation(left, right)
        or _opposites(left, right, only_left, only_right)
        or _sets("quantifier", left.quantifiers, right.quantifiers)
        or _sets("relation", left.relations, right.relations)
        or _modal(left, right)
        or _question(left, right)
        or _words(left, right, only_left, only_right)
        or _direction(left, right, same)
    )


def _literals(left: Reading, right: Reading) -> Veto | None:
    pool_left, pool_right = _pool(left), _pool(right)
    for kind in LITERAL_KINDS:
        lonely = [item for item in left.literals[kind] if not _has(item, pool_right, right)]
        lonely += [item for item in right.literals[kind] if not _has(item, pool_left, left)]
        if lonely:
            return Veto(kind, f"{min(lonely)!r} is in one of the prompts only")
    return None


def _pool(reading: Reading) -> frozenset[str]:
    return frozenset(item for items in reading.literals.values() for item in items)


def _has(item: str, pool: frozenset[str], reading: Reading) -> bool:
    return item in pool or bare(item) in reading.raw


def _names(different: frozenset[str]) -> Veto | None:
    names = sorted(different & lexicon().names)
    return Veto("name", f"{names[0]!r} is in one of the prompts only") if names else None


def _negation(left: Reading, right: Reading) -> Veto | None:
    return None if left.negations == right.negations else Veto("negation", "one of the prompts negates")


def _opposites(left: Reading, right: Reading, only_left: frozenset[str], only_right: frozenset[str]) -> Veto | None:
    for word in sorted(only_left | left.raw - right.raw):
        for opposite in sorted(_opposites_of().get(word, frozenset()) & (only_right | right.raw - left.raw)):
            return Veto("opposite", f"{word!r} against {opposite!r}")
    return None


@cache
def _opposites_of() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in lexicon().opposites:
        for word, other in (pair, pair[::-1]):
            for form in (word, stem(word), canonical(word)):
                found.setdefault(form, set()).update((other, stem(other), canonical(other)))
    return {word: frozenset(others) for word, others in found.items()}


def _sets(name: str, left: frozenset[str], right: frozenset[str]) -> Veto | None:
    different = sorted(left ^ right)
    return Veto(name, f"{different[0]!r} is in one of the prompts only") if different else None


def _modal(left: Reading, right: Reading) -> Veto | None:
    if (left.obliged and right.able and not right.obliged) or (right.obliged and left.able and not left.obliged):
        return Veto("modal", "one of the prompts asks what must be, the other what can be")
    return None


def _question(left: Reading, right: Reading) -> Veto | None:
    if left.question == right.question:
        return None
    return Veto("question", f"{left.question or 'no question word'!r} against {right.question or 'no question word'!r}")


def _words(left: Reading, right: Reading, only_left: frozenset[str], only_right: frozenset[str]) -> Veto | None:
    if (not only_right and only_left <= left.kinds) or (not only_left and only_right <= right.kinds):
        return None
    different = sorted(only_left | only_right)
    return Veto("words", f"{different[0]!r} is in one of the prompts only") if different else None


def _direction(left: Reading, right: Reading, same: dict[str, str]) -> Veto | None:
    """The same content in another order: who does what to whom may have changed. A phrase in front is no change."""
    clauses = [tuple(same.get(item, item) for item in clause) for clause in left.clauses]
    dropped = left.kinds ^ right.kinds
    ours = _flat(clauses, dropped)
    if ours == _flat(right.clauses, dropped):
        return None
    plain = not (left.negations or left.quantifiers or left.relations)
    if plain and (_fronted(clauses, right.clauses) or _fronted(right.clauses, clauses)):
        return None
    return Veto("direction", "the same words stand in another order")


def _fronted(clauses: Sequence[tuple[str, ...]], other: Sequence[tuple[str, ...]]) -> bool:
    """Two clauses, the first of more than one word, that the other side has the other way round without a pause."""
    return len(clauses) == 2 and len(other) == 1 and clauses[1] + clauses[0] == other[0] and len(clauses[1]) > 1


def _flat(clauses: Iterable[tuple[str, ...]], dropped: frozenset[str]) -> list[str]:
    return [item for clause in clauses for item in clause if item not in dropped]


def _differences(left: Reading, right: Reading) -> tuple[frozenset[str], frozenset[str], dict[str, str]]:
    """The content words of each side without a counterpart; words of the left that are misspellings of the right's."""
    only_left, only_right = set(left.words - right.words), set(right.words - left.words)
    same: dict[str, str] = {}
    for word in sorted(only_left):
        match = next((other for other in sorted(only_right) if _misspelt(word, other)), None)
        if match is not None:
            same[word] = match
            only_left.discard(word)
            only_right.discard(match)
    return frozenset(only_left), frozenset(only_right), same


def _misspelt(one: str, other: str) -> bool:
    """Two letters swapped, a letter missing or doubled, or a wrong vowel: a slip of the keyboard in a long word."""
    short, long = sorted((one, other), key=len)
    if (
        len(short) < _MIN_TYPO - 1
        or len(long) < _MIN_TYPO
        or short[0] != long[0]
        or frozenset({one, other}) in _CONFUSABLE
    ):
        return False
    if len(short) + 1 == len(long):
        return any(long[:at] + long[at + 1 :] == short for at in range(1, len(long)))
    if len(short) != len(long):
        return False
    wrong = [at for at, (x, y) in enumerate(zip(short, long, strict=True)) if x != y]
    if len(wrong) == 1:
        return {short[wrong[0]], long[wrong[0]]} <= _VOWELS
    return (
        len(wrong) == 2
        and wrong[1] == wrong[0] + 1
        and short[wrong[0]] == long[wrong[1]]
        and short[wrong[1]] == long[wrong[0]]
    )
