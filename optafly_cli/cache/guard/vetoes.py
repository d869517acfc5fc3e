"""What refuses a semantic hit whatever the similarity and whatever the verifier says. Pure Python, under 1 ms a pair.

Each veto is symmetric and has a name: number, quoted, path, flag, identifier, operator, name, entity, negation,
opposite, quantifier, direction, literal, question. An item of one side without its counterpart is a miss: a false miss
costs a request, a false hit a wrong answer.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from optafly_cli.cache.guard.directions import direction
from optafly_cli.cache.guard.lexicon import canonical, lexicon, stem
from optafly_cli.cache.guard.literals import KINDS
from optafly_cli.cache.guard.moves import OPERANDS, place_of
from optafly_cli.cache.guard.questions import question
from optafly_cli.cache.guard.reading import Item, Reading, read
from optafly_cli.cache.guard.sameness import difference
from optafly_cli.cache.guard.subjects import subject
from optafly_cli.cache.guard.veto import Veto, lonely
from optafly_cli.cache.spelling import corrected, is_known

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
        "always",
        "sometimes",
        "rarely",
        "often",
        "none",
    ]
)
"""Quantifiers that change what is asked when one side has them and the other does not."""
_WEAK = frozenset({"1", "once", "1st", "sec", "minute", "hour", "day", "week", "month", "year"})
"""Numbers that can go without saying ("a", "single", "after", "daytime"): against no other number they are no veto."""
_FIRM = re.compile(
    r"\b(?:every|each|per|an?|one) (?:second|minute|hour|day|week|month|year)s?\b|\bfirst\b(?!\s*(?:[,.;:?!]|$))",
    re.IGNORECASE,
)
"""Where they do not: a rate, the first of several."""
_GIT = frozenset(
    [
        "commit",
        "commits",
        "branch",
        "branches",
        "stash",
        "rebase",
        "merge",
        "submodule",
        "submodules",
        "worktree",
        "gitignore",
        "checkout",
        "cherry",
        "squash",
        "staged",
        "unstaged",
    ]
)
"""Words that say that it is about git."""
_QUOTED = re.compile(r"(?<!\w)'[^'\n]*'(?!\w)")
_PRIMED = re.compile(r"\b(\w*[^\Ws])'(?![\w'])")
_DENYING = ("un", "non", "dis", "in", "im", "ir", "il", "de", "a")
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
    return _compared(*sorted((one, other)))


@lru_cache(maxsize=64)
def _compared(one: str, other: str) -> Comparison:
    """The comparison of two in order; the look-up asks for the veto first, the verifier for all of it."""
    left, right = read(one), read(other)
    if one == other:
        return Comparison(None, None, left, right)
    return Comparison(next(_vetoes(left, right), None), difference(left, right), left, right)


def veto(one: str, other: str) -> Veto | None:
    """The first veto against two instructions sharing an answer, None when there is none."""
    return compare(one, other).veto


def literal_veto(one: str, other: str) -> Veto | None:
    """The first veto over literals: a part of `veto` that takes some microseconds once both were read."""
    left, right = sorted((one, other))
    return next(_literals(read(left), read(right)), None) if left != right else None


def every_veto(comparison: Comparison) -> tuple[Veto, ...]:
    """All that speaks against sharing an answer, for who explains it; the first is `Comparison.veto`."""
    return tuple(_vetoes(comparison.left, comparison.right)) if comparison.veto else ()


def _vetoes(left: Reading, right: Reading) -> Iterator[Veto]:
    yield from _literals(left, right)
    for rule in (
        _primes,
        _unknown,
        _names,
        _negations,
        _opposites,
        _quantifiers,
        _entities,
        direction,
        subject,
        question,
    ):
        if refused := rule(left, right):
            yield refused


def opposites(one: str, other: str) -> Veto | None:
    """A veto when one text has a word whose opposite only the other has, None when there is none."""
    return _opposites(read(one), read(other))


def _literals(left: Reading, right: Reading) -> Iterator[Veto]:
    """The literals of one side, kind by kind, that the other has neither as a literal nor spelt out in its words."""
    pools = [frozenset(value for values in side.literals.values() for value in values) for side in (left, right)]
    anycase = not (left.renames or right.renames)
    for kind in KINDS:
        ours, theirs = (
            [
                value
                for value in side.literals[kind] - pool
                if not (kind in _SPELT_OUT and _stands_in(value, other.text, anycase=anycase))
            ]
            for side, other, pool in ((left, right, pools[1]), (right, left, pools[0]))
        )
        if kind == "number" and _go_without_saying(ours, theirs, left if ours else right):
            continue
        if refused := lonely(kind, [*ours, *theirs]):
            yield refused


def _go_without_saying(ours: Sequence[str], theirs: Sequence[str], side: Reading) -> bool:
    if (ours and theirs) or not _WEAK.issuperset([*ours, *theirs]):
        return False
    return not _FIRM.search(side.text)


def _stands_in(value: str, text: str, *, anycase: bool) -> bool:
    """Does the text say the value without the signs of a literal: GitHub as github, .csv as "csv files" or "a CSV"?"""
    if not value:
        return False
    if re.search(rf"(?<![\w.\-]){re.escape(value)}(?![\w\-]|\.\w)", text):
        return True
    if value[0] == "." and value[1:].isalpha():
        kind = value[1:]
        return re.search(rf"\b(?:{kind}|{kind.upper()}) files?\b|\b{kind.upper()}s?\b", text) is not None
    return anycase and value.isalnum() and value.lower() in re.findall(r"[^\W_]+", text)


def _primes(left: Reading, right: Reading) -> Veto | None:
    """A name with a prime where the other side has it without: foldl' and foldl."""
    ours, theirs = (_QUOTED.sub(" ", side.text) for side in (left, right))
    for text, other in ((ours, theirs), (theirs, ours)):
        for name in _PRIMED.findall(text):
            if re.search(rf"\b{name}\b(?!')", other):
                return Veto("identifier", f"{name!r} has a prime on one side only")
    return None


def _unknown(left: Reading, right: Reading) -> Veto | None:
    """Two words that no vocabulary has and that would be corrected to one: two names more likely than two slips."""
    ours, theirs = (set(re.findall(r"[^\W\d_]+", side.text.lower())) for side in (left, right))
    more, less = (
        {word: corrected(word) for word in words if not is_known(word)} for words in (ours - theirs, theirs - ours)
    )
    for word, meant in sorted(more.items()):
        if meant != word and (alike := [other for other in less if less[other] == meant]):
            return Veto("identifier", f"{word!r} against {min(alike)!r}")
    return None


def _names(left: Reading, right: Reading) -> Veto | None:
    """A language or tool of one side; an English word that is also one may stand as a word, and commits mean git."""
    words = [frozenset(re.findall(r"[a-z]+", side.text.lower())) for side in (left, right)]
    found = []
    for side, other, said in ((left, right, words[1]), (right, left, words[0])):
        for name in side.names - other.names:
            excused = (name in lexicon().ambiguous and name in said) or f".{name}" in other.literals["path"]
            if not excused and not (name == "git" and said & _GIT and not other.names):
                found.append(name)
    return lonely("name", found)


def _negations(left: Reading, right: Reading) -> Veto | None:
    """Not as many negations, or one that denies another thing that both sides speak of."""
    ours, theirs = (sum(item.sort == "negations" for item in side.items) for side in (left, right))
    if ours != theirs:
        return Veto("negation", "only one of the prompts denies something")
    return _elsewhere(left, right, "negations", "negation")


def _elsewhere(left: Reading, right: Reading, table: str, name: str) -> Veto | None:
    """Words of that table that belong to other things on each side, things that both sides speak of."""
    ours, theirs = (_belonging(side.items, table) for side in (left, right))
    roots = [{canonical(place_of(item)) for item in side.items} for side in (left, right)]
    more = [near for near in ours if not any(set(near) & set(other) for other in theirs)]
    less = [near for near in theirs if not any(set(near) & set(other) for other in ours)]
    if any(near[0] in roots[1] for near in more) and any(near[0] in roots[0] for near in less):
        return Veto(name, f"a {name} stands elsewhere")
    return None


def _belonging(items: Sequence[Item], table: str) -> set[tuple[str, ...]]:
    """The two things that follow each word of that table: its own, and the verb that a question puts after it."""
    found = set()
    for at, item in enumerate(items):
        if item.sort == table:
            after = [canonical(place_of(thing)) for thing in items[at + 1 :] if thing.sort in OPERANDS]
            found.add(tuple(after[: 1 if item.key == "without" else 2]) or ("",))
    return found


def _opposites(left: Reading, right: Reading) -> Veto | None:
    ours, theirs = ({form for item in side.items for form in _forms(item)} for side in (left, right))
    for word in sorted(ours - theirs):
        for opposite in sorted(_opposites_of().get(word, frozenset()) & (theirs - ours)):
            return Veto("opposite", f"{word!r} against {opposite!r}")
    for word, others in [(word, theirs - ours) for word in ours - theirs] + [
        (word, ours - theirs) for word in theirs - ours
    ]:
        if len(word) > _FEW and (denied := {f"{prefix}{word}" for prefix in _DENYING} & others):
            return Veto("opposite", f"{word!r} against {min(denied)!r}")
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
            spelt = spelt or (name.removesuffix("s").isupper() and _spelt_out(name.removesuffix("s"), words))
            spelt = spelt or any(corrected(word) == name.lower() for word in words if not is_known(word))
            if not (spelt or name.lower() in known or stem(name.lower()) in known):
                found.append(name)
    return lonely("entity", found)


def _spelt_out(acronym: str, words: Sequence[str]) -> bool:
    """Do as many words in a row begin with the letters of the acronym (continuous integration for CI)?"""
    letters = acronym.lower()
    initials = "".join(word[0] for word in words)
    return letters in initials
