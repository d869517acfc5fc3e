"""What refuses a semantic hit whatever the similarity and whatever the verifier says. Pure Python, under 1 ms a pair.

Each veto is symmetric and has a name: number, quoted, path, flag, identifier, operator, name, entity, negation,
opposite, quantifier, direction, literal. An item of one side without its counterpart is a miss: a false miss costs
a request, a false hit a wrong answer.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from optafly_cli.cache.guard.lexicon import canonical, lexicon, stem
from optafly_cli.cache.guard.literals import KINDS
from optafly_cli.cache.guard.reading import Item, Reading, read
from optafly_cli.cache.guard.sameness import difference
from optafly_cli.cache.guard.veto import Veto, lonely

_SPELT_OUT = frozenset({"quoted", "path", "identifier", "flag"})
_TELLING = frozenset(
    [
        "only",
        "except",
        "most",
        "half",
        "few",
        "less",
        "more",
        "another",
        "always",
        "sometimes",
        "rarely",
        "often",
        "none",
    ]
)
"""Quantifiers that change what is asked when one side has them and the other does not."""
_CONTRARY = (
    ("from", "to"), ("from", "into"), ("before", "after"), ("until", "after"), ("over", "under"), ("up", "down"), ("in", "out"),
    ("on", "off"), ("into", "out"), ("by", "to"),
)  # fmt: skip
_OPERANDS = frozenset({"literal", "word", "numbers"})
_FEW = 2


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two instructions side by side.

    `veto`: never share an answer. `difference`: what else keeps them from being read as the same; None with no veto
    means that they are the same for all that can be told without understanding.
    """

    veto: Veto | None
    difference: Veto | None
    left: Reading
    right: Reading

    @property
    def same(self) -> bool:
        """Read as the same, item for item."""
        return self.veto is None and self.difference is None


def compare(one: str, other: str) -> Comparison:
    """The comparison of two instructions; which is which never matters."""
    a, b = sorted((one, other))
    left, right = read(a), read(b)
    if a == b:
        return Comparison(None, None, left, right)
    return Comparison(next(_vetoes(left, right), None), difference(left, right), left, right)


def veto(one: str, other: str) -> Veto | None:
    """The first veto against two instructions sharing an answer, None when there is none."""
    return compare(one, other).veto


def every_veto(comparison: Comparison) -> tuple[Veto, ...]:
    """All that speaks against sharing an answer, for who explains it; the first is `Comparison.veto`."""
    return tuple(_vetoes(comparison.left, comparison.right)) if comparison.veto else ()


def _vetoes(left: Reading, right: Reading) -> Iterator[Veto]:
    yield from _literals(left, right)
    for rule in (_names, _negations, _opposites, _quantifiers, _entities, _roles, _order, _operands):
        if refused := rule(left, right):
            yield refused


def opposites(one: str, other: str) -> Veto | None:
    """A veto when one text has a word whose opposite only the other has, None when there is none."""
    return _opposites(read(one), read(other))


def _literals(left: Reading, right: Reading) -> Iterator[Veto]:
    """The literals of one side, kind by kind, that the other has neither as a literal nor spelt out in its words."""
    pools = [frozenset(value for values in side.literals.values() for value in values) for side in (left, right)]
    for kind in KINDS:
        found = [
            value
            for side, other, pool in ((left, right, pools[1]), (right, left, pools[0]))
            for value in side.literals[kind] - pool
            if not (kind in _SPELT_OUT and _stands_in(value, other.text))
        ]
        if refused := lonely(kind, found):
            yield refused


def _stands_in(value: str, text: str) -> bool:
    return bool(value) and re.search(rf"(?<![\w.\-]){re.escape(value)}(?![\w\-]|\.\w)", text) is not None


def _names(left: Reading, right: Reading) -> Veto | None:
    return lonely("name", left.names ^ right.names)


def _negations(left: Reading, right: Reading) -> Veto | None:
    """Not as many negations, or one that denies another thing that both sides speak of."""
    ours, theirs = (sum(item.sort == "negations" for item in side.items) for side in (left, right))
    if ours != theirs:
        return Veto("negation", "only one of the prompts denies something")
    return _elsewhere(left, right, "negations", "negation")


def _elsewhere(left: Reading, right: Reading, table: str, name: str) -> Veto | None:
    """Words of that table that belong to other things on each side, things that both sides speak of."""
    ours, theirs = (_belonging(side.items, table) for side in (left, right))
    roots = [{_root(item) for item in side.items} for side in (left, right)]
    if any(root in roots[1] for _, root in ours - theirs) and any(root in roots[0] for _, root in theirs - ours):
        return Veto(name, f"a {name} stands elsewhere")
    return None


def _belonging(items: Sequence[Item], table: str) -> set[tuple[str, str]]:
    """Each word of that table with the thing that follows it."""
    found = set()
    for at, item in enumerate(items):
        if item.sort == table:
            found.add((item.key, next((_root(after) for after in items[at + 1 :] if after.sort in _OPERANDS), "")))
    return found


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


def _quantifiers(left: Reading, right: Reading) -> Veto | None:
    """A telling quantifier on one side alone, or another one on each side."""
    ours, theirs = (Counter(item.key for item in side.items if item.sort == "quantifiers") for side in (left, right))
    more, less = ours - theirs, theirs - ours
    if more and less:
        return Veto("quantifier", f"{min(more)!r} against {min(less)!r}")
    return lonely("quantifier", _TELLING & (more.keys() | less.keys())) or _elsewhere(
        left, right, "quantifiers", "quantifier"
    )


def _entities(left: Reading, right: Reading) -> Veto | None:
    """A name with a capital inside the sentence that the other side does not have in any spelling."""
    found = []
    for side, other in ((left, right), (right, left)):
        words = [word.lower() for word in re.findall(r"[^\W\d_]+", other.text)]
        known = {*words, *map(stem, words)}
        for item in side.items:
            name = item.key.removeprefix("=")
            if item.sort != "word" or not item.key.startswith("=") or len(name) < _FEW or not name[0].isupper():
                continue
            spelt = not (name.isascii() and name.isalpha()) and name.lower() in other.text.lower()
            spelt = spelt or (name.isupper() and _spelt_out(name, words))
            if not (spelt or name.lower() in known or stem(name.lower()) in known):
                found.append(name)
    return lonely("entity", found)


def _spelt_out(acronym: str, words: Sequence[str]) -> bool:
    """Do as many words in a row begin with the letters of the acronym (continuous integration for CI)?"""
    letters = acronym.lower()
    initials = "".join(word[0] for word in words)
    return letters in initials


def _roles(left: Reading, right: Reading) -> Veto | None:
    """The same thing after contrary prepositions: from a to b against from b to a."""
    ours, theirs = (_after_relations(side.items) for side in (left, right))
    for root in sorted(ours.keys() & theirs.keys()):
        for one, other in _CONTRARY:
            for mine, yours in ((one, other), (other, one)):
                if mine in ours[root] and yours in theirs[root] and mine not in theirs[root]:
                    return Veto("direction", f"{mine!r} against {yours!r} before {root.strip('=')!r}")
    return None


def _after_relations(items: Sequence[Item]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for at, item in enumerate(items):
        if item.sort == "relations":
            thing = next((after for after in items[at + 1 : at + 3] if after.sort in _OPERANDS), None)
            if thing is not None:
                found.setdefault(_root(thing), set()).add(item.key)
    return found


def _order(left: Reading, right: Reading) -> Veto | None:
    """The same content words in another order; a clause moved to the front or "a and b" may be."""
    ours, theirs = ([_root(item) for item in side.items if item.sort in _OPERANDS] for side in (left, right))
    common = Counter(ours) & Counter(theirs)
    missing = max(len(ours), len(theirs)) - common.total()
    one, other = (_only(words, common) for words in (ours, theirs))
    if one == other or len(one) < _FEW or missing > 0:
        return None
    if _joined_or_turned(left, right, one, other):
        return None
    return Veto("direction", "the same words stand in another order")


def _only(words: Iterable[str], common: Counter[str]) -> list[str]:
    left = Counter(common)
    kept = []
    for word in words:
        if left[word] > 0:
            left[word] -= 1
            kept.append(word)
    return kept


def _joined_or_turned(left: Reading, right: Reading, one: Sequence[str], other: Sequence[str]) -> bool:
    return _turned(left, one, other) or _turned(right, other, one) or _joined(one, other, left, right)


def _turned(side: Reading, mine: Sequence[str], yours: Sequence[str]) -> bool:
    """Do the clauses of this side, the other way round, give the order of the other?"""
    if len(side.clauses) != 2:
        return False
    cut = sum(item.sort in _OPERANDS for item in side.clauses[0])
    return any([*mine[at:], *mine[:at]] == list(yours) for at in (cut - 1, cut, cut + 1) if 0 < at < len(mine))


def _joined(one: Sequence[str], other: Sequence[str], left: Reading, right: Reading) -> bool:
    """Are they the same but for two neighbours, joined by and/or on both sides?"""
    at = [place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
    if len(at) != 2 or at[1] != at[0] + 1 or one[at[0]] != other[at[1]] or one[at[1]] != other[at[0]]:
        return False
    return all(re.search(r"\b(?:and|or|vs|versus)\b|&", side.text) for side in (left, right)) and not (
        left.strict or right.strict
    )


def _operands(left: Reading, right: Reading) -> Veto | None:
    """Where a side renames, converts or replaces, forms of one word are names of their own: user, users, User."""
    if not (left.renames or right.renames):
        return None
    ours, theirs = ([item.key for item in side.verbatim if item.sort == "word"] for side in (left, right))
    more, less = Counter(ours) - Counter(theirs), Counter(theirs) - Counter(ours)
    if not more and not less and ours != theirs and not _joined_or_turned(left, right, ours, theirs):
        return Veto("direction", "the same words stand in another order")
    for word in sorted(more):
        for other in sorted(less):
            if _forms_of_one_name(word, other):
                return Veto("literal", f"{word!r} against {other!r} in a request about names")
    return None


def _forms_of_one_name(one: str, other: str) -> bool:
    """Capitals, a plural or a synonym apart; words that a sentence needs are no names."""
    small, little = one.lower(), other.lower()
    if {small, little} & (_spellings() | lexicon().filler | lexicon().questions.keys()):
        return False
    if small == little or small == f"{little}s" or little == f"{small}s":
        return True
    return stem(small) != stem(little) and canonical(small) == canonical(little)


@cache
def _spellings() -> frozenset[str]:
    return lexicon().names | lexicon().acronyms


def _root(item: Item) -> str:
    return (item.root or item.key).lower()
