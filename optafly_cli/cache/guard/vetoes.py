"""The guard: vetoes that refuse a semantic hit, whatever the similarity. Pure Python, under 1 ms a pair.

Two instructions pass only if they are read as the same sequence of items (`reading.py`), word for word where the
request is about names. Each veto is symmetric and has a name: number, quoted, path, flag, identifier, operator, name,
negation, opposite, quantifier, relation, modal, tense, person, question, words, direction, literal. A false miss costs
a request, a false hit a wrong answer.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from optafly_cli.cache.guard.lexicon import canonical, lexicon, stem
from optafly_cli.cache.guard.literals import KINDS
from optafly_cli.cache.guard.reading import Item, Reading, read

_TABLES = {
    "negations": "negation",
    "quantifiers": "quantifier",
    "relations": "relation",
    "modals": "modal",
    "tenses": "tense",
    "persons": "person",
}


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
    return (
        _literals(left, right)
        or _names(left, right)
        or _table(left, right, "negations")
        or _opposites(left, right)
        or (None if _same(left, right) else _difference(left, right))
        or _question(left, right)
        or _verbatim(left, right)
    )


def opposites(one: str, other: str) -> Veto | None:
    """A veto when one text has a word whose opposite only the other has, None when there is none."""
    return _opposites(read(one), read(other))


def _literals(left: Reading, right: Reading) -> Veto | None:
    pools = [frozenset(item for items in side.literals.values() for item in items) for side in (left, right)]
    for kind in KINDS:
        lonely = (left.literals[kind] - pools[1]) | (right.literals[kind] - pools[0])
        if lonely:
            return Veto(kind, f"{min(lonely)!r} is in one of the prompts only")
    return None


def _names(left: Reading, right: Reading) -> Veto | None:
    ours, theirs = ({item.key for item in side.items} & lexicon().names for side in (left, right))
    return _lonely("name", ours ^ theirs)


def _table(left: Reading, right: Reading, table: str) -> Veto | None:
    """A word of that table of which the sides have not as many."""
    ours, theirs = (Counter(item.key for item in side.items if item.sort == table) for side in (left, right))
    return _lonely(_TABLES[table], (ours - theirs) + (theirs - ours))


def _lonely(name: str, items: Iterable[str]) -> Veto | None:
    different = min(items, default=None)
    return None if different is None else Veto(name, f"{different.strip('=')!r} is in one of the prompts only")


def _opposites(left: Reading, right: Reading) -> Veto | None:
    ours, theirs = ({form for item in side.items for form in _forms(item)} for side in (left, right))
    for word in sorted(ours - theirs):
        for opposite in sorted(_opposites_of().get(word, frozenset()) & (theirs - ours)):
            return Veto("opposite", f"{word!r} against {opposite!r}")
    return None


def _forms(item: Item) -> set[str]:
    word = item.raw.lower()
    return {word, stem(word), canonical(word), item.root} - {""}


@cache
def _opposites_of() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in lexicon().opposites:
        for word, other in (pair, pair[::-1]):
            for form in (word, stem(word), canonical(word)):
                found.setdefault(form, set()).update((other, stem(other), canonical(other)))
    return {word: frozenset(others) for word, others in found.items()}


def _same(left: Reading, right: Reading) -> bool:
    """The same items in the same order; a noun that says what a literal is may be missing, a phrase be in front."""
    if _one_class_two_words(left, right):
        return False
    if _aligned(left, right, left.items, right.items):
        return True
    if _aligned(left, right, _without_kinds(left.items), right.items):
        return True
    if _aligned(left, right, left.items, _without_kinds(right.items)):
        return True
    plain = all(item.sort not in {"negations", "quantifiers"} for item in left.items)
    return plain and (_fronted(left, right, left.clauses, right) or _fronted(left, right, right.clauses, left))


def _fronted(left: Reading, right: Reading, clauses: Sequence[tuple[Item, ...]], other: Reading) -> bool:
    """Two clauses, the first with a preposition, that the other side has the other way round without a pause."""
    if len(clauses) != 2 or len(other.clauses) != 1 or clauses[0][0].sort != "relations":
        return False
    if sum(item.sort == "relations" for item in other.items) > 1:
        return False
    turned = clauses[1] + clauses[0]
    pair = (turned, other.items) if other is right else (other.items, turned)
    return len(clauses[1]) > 1 and _aligned(left, right, *pair)


def _without_kinds(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(item for item in items if not item.kind)


def _aligned(left: Reading, right: Reading, ours: Sequence[Item], theirs: Sequence[Item]) -> bool:
    """The same items in the same order, but for one ending that agrees with do or be ("does it work", "it works")."""
    if [item.key for item in ours] == [item.key for item in theirs]:
        return True
    ours = [item for item in ours if item.key != "did"]
    theirs = [item for item in theirs if item.key != "did"]
    if len(ours) != len(theirs):
        return False
    different = [(x, y) for x, y in zip(ours, theirs, strict=True) if x.key != y.key]
    if len(different) != 1:
        return False
    x, y = different[0]
    return _agree(x, y, left.aux, right.aux) or _agree(y, x, right.aux, left.aux)


def _agree(bare: Item, ended: Item, aux: frozenset[str], others: frozenset[str]) -> bool:
    """Is the one the verb after a form of do that the other is by itself, or after a form of be?"""
    if bare.sort != "word" or not bare.root or bare.root != ended.root or bare.ending or others & {"do", "does", "did"}:
        return False
    if ended.ending == "s":
        return "does" in aux and not others
    if ended.ending == "ing":
        return bool(aux & {"do", "does"}) and bool(others & {"is", "are", "am"})
    return ended.ending == "ed" and "did" in aux and not others


def _one_class_two_words(left: Reading, right: Reading) -> bool:
    """Does a side use two words of one class (folder, directory; all, every), and the other not the very same?"""
    ours, theirs = (_spelt(side.items) for side in (left, right))
    return any(
        max(len(set(ours.get(key, ()))), len(set(theirs.get(key, ())))) > 1 and ours.get(key) != theirs.get(key)
        for key in ours.keys() | theirs.keys()
    )


def _spelt(items: Iterable[Item]) -> dict[str, list[str]]:
    """The words of each class as written, the first letter of the prompt apart."""
    found: dict[str, list[str]] = {}
    for at, item in enumerate(items):
        if item.sort == "literal":
            continue
        word = item.raw if at else item.raw.lower()
        found.setdefault(item.root or item.key.removeprefix("=").lower(), []).append(word)
    return found


def _difference(left: Reading, right: Reading) -> Veto:
    """The name of what sets apart two readings that are not the same."""
    if refused := _question(left, right):
        return refused
    ours, theirs = (Counter(item.key for item in side.items if item.sort == "word") for side in (left, right))
    if refused := _lonely("words", (ours - theirs) + (theirs - ours)):
        return refused
    for table in ("quantifiers", "relations", "modals", "tenses", "persons"):
        if refused := _table(left, right, table):
            return refused
    for table in ("negations", "quantifiers"):
        ordered = [[item.key for item in side.items if item.sort != table] for side in (left, right)]
        if ordered[0] == ordered[1]:
            return Veto(_TABLES[table], f"a {_TABLES[table]} stands elsewhere")
    return Veto("direction", "the same words stand in another order")


def _question(left: Reading, right: Reading) -> Veto | None:
    if left.question == right.question:
        return None
    return Veto("question", f"{left.question or 'no question word'!r} against {right.question or 'no question word'!r}")


def _verbatim(left: Reading, right: Reading) -> Veto | None:
    """Where a side renames, converts or compares, every word may be a name: they must be the same as written."""
    if not (left.strict or right.strict):
        return None
    sides = [[item.key for item in side.verbatim] for side in (left, right)]
    bare = [[item.key for item in _without_kinds(side.verbatim)] for side in (left, right)]
    if sides[0] == sides[1] or bare[0] == sides[1] or sides[0] == bare[1]:
        return None
    return Veto("literal", "a request about names must be the same word for word")
