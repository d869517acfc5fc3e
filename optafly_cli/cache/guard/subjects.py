"""Who acts, on one or on all, and whether it does or should: what a small word decides. Part of the vetoes; pure."""

import re
from collections.abc import Iterable

from optafly_cli.cache.guard.lexicon import canonical, lexicon, stem
from optafly_cli.cache.guard.moves import OPERANDS, place_of
from optafly_cli.cache.guard.reading import Item, Reading
from optafly_cli.cache.guard.veto import Veto

_ARTICLE = r"(?:(?:the|an?|my|our|your|its|their|this|that) )?"
_ACTING = re.compile(r"\b(?:it|they|he|she|i|we|you|this) (\w+)")
_ACTED_ON = re.compile(r"\b(?:that|which|who) (\w+) (?:it|them|him|her|me|us|you|this)\b")
_PASSIVE = re.compile(rf"\b(?:be|been|being|is|are|was|were|gets?|got|getting) (\w+) by {_ARTICLE}(\w+)")
_ACTIVE = re.compile(rf"(?=\b(\w+) {_ARTICLE}(\w+))")
_ENDS = r"(?=\s*(?:$|[,.;:?!])| (?:in|of|on|from|to|that|which|with|for|and|or|is|are)\b)"
_ONE = re.compile(rf"\ban? (\w+){_ENDS}")
_ALL = re.compile(rf"\b(?:all|every|each)(?: of)?(?: the| my| our)? (\w+){_ENDS}")
_TIMES = frozenset(map(stem, ("second", "minute", "hour", "day", "night", "week", "month", "year", "time")))
_ASKED = re.compile(r"(?:(?:how|why|when|where|what|which) )?(should|does|do|did) (?!(?:i|we|you|one|u)\b)\w")
_OUGHT = "should"
_MOVING = frozenset({"to", "into", "from", "with", "for", "on"})
"""After a verb they make another of it: revert to, delete from, search for, encrypt with."""
_PLACED = ("as", "only")


def subject(left: Reading, right: Reading) -> Veto | None:
    """The first veto that has to do with who acts and on how many, None when there is none."""
    ours, theirs = left.text.lower(), right.text.lower()
    for rule in (_pronoun, _passive, _one_or_all):
        if refused := rule(ours, theirs) or rule(theirs, ours):
            return refused
    return _ought(ours, theirs) or _between(left, right)


def _pronoun(one: str, other: str) -> Veto | None:
    """The module it imports, and the module that imports it."""
    acting, acted_on = ([_verbs(rule.findall(text)) for text in (one, other)] for rule in (_ACTING, _ACTED_ON))
    turned = (acting[0] - acted_on[0]) & (acted_on[1] - acting[1])
    return Veto("direction", f"who does {min(turned)!r} and whom it is done to") if turned else None


def _verbs(words: Iterable[str]) -> set[str]:
    return {canonical(stem(word)) for word in words}


def _passive(one: str, other: str) -> Veto | None:
    """What cannot be reached by the function, and what cannot reach the function."""
    does = {(canonical(stem(verb)), stem(thing)) for verb, thing in _ACTIVE.findall(other)}
    words = [canonical(stem(word)) for word in re.findall(r"\w+", other)]
    for verb, agent in _PASSIVE.findall(one):
        act, actor = canonical(stem(verb)), stem(agent)
        before = any(actor in words[max(0, at - 3) : at] for at, word in enumerate(words) if word == act)
        if (act, actor) in does and not before and agent not in lexicon().numbers:
            return Veto("direction", f"{agent!r} does it on one side and has it done on the other")
    return None


def _one_or_all(one: str, other: str) -> Veto | None:
    """From a namespace, and from all namespaces."""
    single, every = {stem(word) for word in _ONE.findall(one)}, {stem(word) for word in _ALL.findall(other)}
    counted = (
        (single & every)
        - _TIMES
        - {stem(word) for word in _ALL.findall(one)}
        - {stem(word) for word in _ONE.findall(other)}
    )
    return Veto("quantifier", f"one {min(counted)!r} against all") if counted else None


def _ought(one: str, other: str) -> Veto | None:
    """Does the filter run first, and should it: the same words but for that."""
    asked = [_ASKED.match(text) for text in (one, other)]
    verbs = {found[1] for found in asked if found}
    rest = [sorted(stem(word) for word in re.findall(r"\w+", text) if word not in verbs) for text in (one, other)]
    if all(asked) and len(verbs) > 1 and _OUGHT in verbs and rest[0] == rest[1]:
        return Veto("question", "what is so is asked on one side, what should be on the other")
    return None


def _between(left: Reading, right: Reading) -> Veto | None:
    """The same words in the same order, and another small one between them: revert to it, use it as a cache."""
    ours, theirs = (_things(side) for side in (left, right))
    if len(ours) < 2 or [place_of(item) for item in ours] != [place_of(item) for item in theirs]:
        return None
    for one, other in zip(ours, theirs, strict=True):
        if one.raw != other.raw and {_form(one), _form(other)} == {"ing", "ed"}:
            return Veto("direction", f"{one.raw!r} against {other.raw!r}")
    gaps, others = (_small(side) for side in (left, right))
    after_verb = (gaps[1], others[1])
    denies = any(item.sort == "negations" for side in (left, right) for item in side.items)
    if not all(after_verb) and (lonely := gaps[1] | others[1]) and lonely <= _MOVING and not denies:
        return Veto("direction", f"{min(lonely)!r} is in one of the prompts only")
    for word in _PLACED:
        if [word in gap for gap in gaps] != [word in gap for gap in others]:
            name = "quantifier" if word == "only" else "direction"
            return Veto(name, f"{word!r} stands elsewhere, or on one side only")
    return None


def _form(item: Item) -> str:
    word = item.raw.lower()
    return "ing" if word.endswith("ing") else "ed" if word.endswith("ed") else ""


def _things(side: Reading) -> list[Item]:
    return [item for item in side.items if item.sort in OPERANDS]


def _small(side: Reading) -> list[frozenset[str]]:
    """The prepositions, and "only", before each thing and after the last."""
    gaps: list[set[str]] = [set()]
    for item in side.items:
        if item.sort in OPERANDS:
            gaps.append(set())
        elif item.sort == "relations" or item.key in _PLACED:
            gaps[-1].add(item.key)
    return [frozenset(gap) for gap in gaps]
