"""Direction: who does what to whom, from what to what, the same words in another order. Part of the vetoes; pure."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise, takewhile

from optafly_cli.cache.guard.lexicon import canonical, lexicon, stem
from optafly_cli.cache.guard.moves import OPERANDS, bare, has_agent, is_passive, moved, place_of, root_of
from optafly_cli.cache.guard.reading import Item, Reading
from optafly_cli.cache.guard.veto import Veto

_FEW = 2
_CONTRARY = (
    ("from", "to"),
    ("from", "into"),
    ("before", "after"),
    ("during", "after"),
    ("during", "before"),
    ("until", "after"),
    ("over", "under"),
    ("up", "down"),
    ("in", "out"),
    ("on", "off"),
    ("into", "out"),
    ("by", "to"),
)
_JOINED = re.compile(r"\b(?:and|or|vs|versus)\b|&")
_SYMMETRIC = re.compile(r"\b(?:differen(?:t|ces?)|differ|compar(?:e|es|ed|ing|ison))\b", re.IGNORECASE)
_RULING = frozenset({"by", "into", "onto", "per"})
_PLACES = frozenset({"on", "in", "from", "under", "inside"})
_PARTICLES = (("in", "out"), ("on", "off"), ("up", "down"))
_WORDS = r"([^,;:.?!]+?)"
_END = r"(?=[,;:.?!]|\s(?:in|at|on|for|when|if|because|so|and)\s|\s*$)"
_POSSESSIVE = re.compile(r"(\w+)['’]s (\w+)")
_OF = re.compile(r"(\w+) of (?:the |my |our |your |an? )?(\w+)")
_EXCHANGES = tuple(
    (re.compile(pattern, re.IGNORECASE), turned)
    for pattern, turned in (
        (rf"\b(?:replac|swap|exchang|switch|chang)\w* {_WORDS}(?: out)? (?:with|for|by) {_WORDS}{_END}", False),
        (
            r"\b(?:convert|port|turn|rewrit|migrat|translat|chang|transform|switch|renam|cast|refactor|format|pars|express)\w*"
            rf" {_WORDS} (?:to|into|as) {_WORDS}{_END}",
            False,
        ),
        (
            rf"(?:^|\b(?:can|should|could|must|does|do|is|are) ){_WORDS} (?:be |is |are |being )?"
            rf"(?:converted|turned|rewritten|transformed|formatted|parsed|renamed)"
            rf"(?: to| into| as)? {_WORDS}{_END}",
            False,
        ),
        (rf"\bfrom {_WORDS} (?:to|into) {_WORDS}{_END}", False),
        (
            rf"\b(?:use|want|prefer|need|put|take)\w* {_WORDS},?"
            rf" (?:instead of|rather than|in place of|not) {_WORDS}{_END}",
            True,
        ),
    )
)
"""What is given up and what is wanted: the two groups, the other way round where `turned`."""


def direction(left: Reading, right: Reading) -> Veto | None:
    """The first veto that has to do with order and roles, None when there is none."""
    rules = (_roles, _under, _letters, _counted, _particles, _exchanged, _owners, _order, _operands)
    return next(filter(None, (rule(left, right) for rule in rules)), None)


def _exchanged(left: Reading, right: Reading) -> Veto | None:
    """A is to become B on one side, B is to become A on the other."""
    ours, theirs = _exchange(left.text), _exchange(right.text)
    for mine in ours:
        for yours in theirs:
            crossed = (mine[0] & yours[1]) - (mine[1] | yours[0]) or (mine[1] & yours[0]) - (mine[0] | yours[1])
            if crossed:
                return Veto(
                    "direction", f"{min(crossed)!r} is what is left on one side and what is wanted on the other"
                )
    return None


def _owners(left: Reading, right: Reading) -> Veto | None:
    """A's B on one side, B's A on the other."""
    ours, theirs = (_owned(side.text) for side in (left, right))
    for owner, thing in sorted(ours - theirs):
        if (thing, owner) in theirs - ours:
            return Veto("direction", f"{thing!r} belongs to {owner!r} on one side only")
    return None


def _owned(text: str) -> set[tuple[str, str]]:
    """Pairs of owner and thing: "A's B", "the B of A"."""
    small = text.lower()
    pairs = [*_POSSESSIVE.findall(small), *(pair[::-1] for pair in _OF.findall(small))]
    return {(_full(owner), _full(thing)) for owner, thing in pairs}


def _full(word: str) -> str:
    """The stem of a word, of a short form the stem of what it is short for."""
    return stem(lexicon().abbreviations.get(word, word))


def _exchange(text: str) -> list[tuple[frozenset[str], frozenset[str]]]:
    found = []
    for pattern, turned in _EXCHANGES:
        for match in pattern.finditer(text):
            before, after = (_content(part) for part in match.groups())
            found.append((after, before) if turned else (before, after))
    return found


def _content(words: str) -> frozenset[str]:
    """The stems of words that can be told apart from grammar, with the -ly of adverbs off."""
    known = lexicon()
    small = re.findall(r"[^\W_][\w.+#-]*", words.lower())
    return frozenset(
        stem(word.removesuffix("ly")) for word in small if word not in known.filler and word not in known.relations
    )


def _roles(left: Reading, right: Reading) -> Veto | None:
    """The same thing after contrary prepositions: from a to b against from b to a."""
    ours, theirs = (_after_relations(side.items) for side in (left, right))
    for root in sorted(ours.keys() & theirs.keys()):
        for one, other in _CONTRARY:
            for mine, yours in ((one, other), (other, one)):
                if mine in ours[root] and yours in theirs[root] and mine not in theirs[root]:
                    return Veto("direction", f"{mine!r} against {yours!r} before {root.strip('=')!r}")
    return None


def _under(left: Reading, right: Reading) -> Veto | None:
    """The PID by name and the name by PID; Linux containers on Windows and Windows containers on Linux."""
    ours, theirs = (_ruled(side.items) for side in (left, right))
    said = [{place_of(item) for item in side.items if item.sort in OPERANDS} for side in (left, right)]
    for word in sorted(ours.keys() & theirs.keys()):
        mine, yours = ours[word], theirs[word]
        names = word in _RULING or {mine[0], yours[0]} <= {bare(name) for name in left.names & right.names}
        if names and not set(mine) & set(yours) and mine[0] in said[1] and yours[0] in said[0]:
            return Veto("direction", f"{word} {mine[0].strip('=')!r} against {word} {yours[0].strip('=')!r}")
    return None


def _ruled(items: Sequence[Item]) -> dict[str, list[str]]:
    """What follows each of these prepositions up to the next one; those that stand twice are left out."""
    found: dict[str, list[str]] = {}
    seen: Counter[str] = Counter()
    for at, item in enumerate(items):
        if item.sort == "relations" and item.key in _RULING | _PLACES:
            seen[item.key] += 1
            phrase = takewhile(lambda after: after.sort != "relations", items[at + 1 : at + 4])
            if things := [place_of(thing) for thing in phrase if thing.sort in OPERANDS]:
                found[item.key] = things
    return {word: things for word, things in found.items() if seen[word] == 1}


def _counted(left: Reading, right: Reading) -> Veto | None:
    """Two accounts on one phone and one account on two phones."""
    ours, theirs = (_numbered(side.items) for side in (left, right))
    both = left.literals["number"] & right.literals["number"]
    for thing in sorted(ours.keys() & theirs.keys()):
        if ours[thing] != theirs[thing] and {ours[thing], theirs[thing]} <= both:
            return Veto("direction", f"{ours[thing]} or {theirs[thing]} of {thing!r}")
    return None


def _numbered(items: Sequence[Item]) -> dict[str, str]:
    """How many there are of each thing."""
    return {place_of(thing): item.key for item, thing in pairwise(items) if item.sort == "numbers"}


def _letters(left: Reading, right: Reading) -> Veto | None:
    """Column A and column B have changed places, whatever else was said otherwise."""
    ours, theirs = (
        [item.key for item in side.items if item.key.startswith("=") and len(item.key) == _FEW]
        for side in (left, right)
    )
    if (
        ours == theirs
        or sorted(ours) != sorted(theirs)
        or moved(left, right)
        or all(map(_JOINED.search, (left.text, right.text)))
    ):
        return None
    return Veto("direction", f"{min(ours).strip('=')!r} stands elsewhere")


def _particles(left: Reading, right: Reading) -> Veto | None:
    """In against out, on against off, up against down where they belong to the verb: fade in, zoom out over the map."""
    ours, theirs = (_particles_of(side) for side in (left, right))
    for pair in _PARTICLES:
        for one, other in (pair, pair[::-1]):
            if one in ours - theirs and other in theirs - ours:
                return Veto("direction", f"{min(pair)!r} against {max(pair)!r}")
    return None


def _particles_of(side: Reading) -> frozenset[str]:
    """The prepositions that no thing follows."""
    found = set()
    for clause in side.clauses:
        for at, item in enumerate(clause):
            if item.sort == "relations" and (at + 1 == len(clause) or clause[at + 1].sort == "relations"):
                found.add(item.key)
    return frozenset(found)


def _after_relations(items: Sequence[Item]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for at, item in enumerate(items):
        if item.sort == "relations":
            thing = next((after for after in items[at + 1 : at + 3] if after.sort in OPERANDS), None)
            if thing is not None:
                found.setdefault(root_of(thing), set()).add(item.key)
    return found


def _order(left: Reading, right: Reading) -> Veto | None:
    """The same content words in another order; a clause moved to the front or "a and b" may be."""
    ours, theirs = ([place_of(item) for item in side.items if item.sort in OPERANDS] for side in (left, right))
    if len(ours) < _FEW or Counter(ours) != Counter(theirs):
        return None
    if ours == theirs and has_agent(left) == has_agent(right):
        acts = left.question != "who" or right.question != "who" or is_passive(left) == is_passive(right)
        return None if acts else Veto("direction", "who does it is asked on one side only")
    if _joined_or_turned(left, right, ours, theirs) or moved(left, right):
        return None
    return Veto("direction", "the same words stand in another order")


def _joined_or_turned(left: Reading, right: Reading, one: Sequence[str], other: Sequence[str]) -> bool:
    return _turned(left, one, other) or _turned(right, other, one) or _joined(one, other, left, right)


def _turned(side: Reading, mine: Sequence[str], yours: Sequence[str]) -> bool:
    """Do the clauses of this side, the other way round, give the order of the other?"""
    if len(side.clauses) != 2:
        return False
    cut = sum(item.sort in OPERANDS for item in side.clauses[0])
    return any([*mine[at:], *mine[:at]] == list(yours) for at in (cut - 1, cut, cut + 1) if 0 < at < len(mine))


def _joined(one: Sequence[str], other: Sequence[str], left: Reading, right: Reading) -> bool:
    """Are they the same but for two neighbours, joined by and/or on both sides?"""
    at = [place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
    if len(at) != 2 or at[1] != at[0] + 1 or one[at[0]] != other[at[1]] or one[at[1]] != other[at[0]]:
        return False
    symmetric = all(_SYMMETRIC.search(side.text) for side in (left, right))
    joined = all(_JOINED.search(side.text) for side in (left, right))
    return joined and (symmetric or not (left.strict or right.strict))


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
    if {small, little} & (spellings() | lexicon().filler | lexicon().questions.keys()):
        return False
    if small in {little, f"{little}s"} or little == f"{small}s":
        return True
    return stem(small) != stem(little) and canonical(small) == canonical(little)


@cache
def spellings() -> frozenset[str]:
    """Names and acronyms: in capitals or not they are the same word."""
    return lexicon().names | lexicon().acronyms
