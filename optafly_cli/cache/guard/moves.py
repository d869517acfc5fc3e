"""Phrases that may stand elsewhere without changing what is asked. Pure.

A reading is cut into phrases: each begins with its preposition or conjunction, or after a pause. The same phrases in
another order ask the same ("if it fails, retry": "retry if it fails"); so do "the tests for the parser" and "the parser
tests", and a passive with "by" or "should be" and its active. What only changes places with another word does not.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from optafly_cli.cache.guard.lexicon import stem
from optafly_cli.cache.guard.literals import MARK
from optafly_cli.cache.guard.reading import Item, Reading

OPERANDS = frozenset({"literal", "word", "numbers"})
"""The sorts of items that a request can be about."""
_SILENT = frozenset({"modals", "tenses", "persons", "questions"})
_FOLDED = frozenset({"of", "for", "in", "on", "at", "about"})
"""Prepositions of a phrase that can stand as a plain noun before what it describes."""
_MOST_PHRASES = 6
_OF = re.compile(r"([\w-]+) of (?:the |my |our |your |this |that |these |an? )?([\w-]+)")
_DONE_BY_WHOEVER = frozenset({"should", "must", "can", "could", "may"})
_HOW_TO = re.compile(r"how (?:to|(?:do|can|could|would|should) (?:i|you|we))\b", re.IGNORECASE)
_PASSIVE = frozenset({"is", "are", "was", "were", "be", "been", "being"})
Phrase = tuple[str, ...]
"""The relation that a phrase begins with ("" for none), and what follows: roots, negations, quantifiers."""


def root_of(item: Item) -> str:
    """What two items must share to be about the same thing."""
    return (item.root or item.key).lower()


def place_of(item: Item) -> str:
    """What an item is where only its place counts: without capitals, endings and the signs of a name."""
    return bare(root_of(item).removeprefix("=").removeprefix(MARK))


def bare(word: str) -> str:
    """The stem of a word, with the -ly of adverbs and a last e off."""
    return stem(word).removesuffix("ly").removesuffix("e")


def moved(left: Reading, right: Reading) -> bool:
    """Can the one be had from the other by moving whole phrases, folding "x for y" to "y x", or the passive?"""
    universal = any(item.key == "all" for item in left.items) and left.question == "yes or no"
    return not universal and _asked_alike(left, right) and (_reached(left, right) or _reached(right, left))


def has_agent(side: Reading) -> bool:
    """Is it a passive with its agent, "y is done by x"?"""
    phrases = _phrases(side)
    return any(phrase[0] == "by" for phrase in phrases) and any(_active(phrases, side))


def is_passive(side: Reading) -> bool:
    """Does a form of be stand before a participle, "who is painted"?"""
    done = [item.raw.lower() for item in side.items if item.sort == "word" and item.ending in {"ed", "other"}]
    return any(re.search(rf"\b(?:{'|'.join(_PASSIVE)}) {re.escape(word)}\b", side.text.lower()) for word in done)


def _asked_alike(left: Reading, right: Reading) -> bool:
    """The same question word, at the end of one side too ("is covered by which test")."""
    words = [set(re.findall(r"[a-z]+", side.text.lower().replace("whom", "who"))) for side in (left, right)]
    ours, theirs = (side.question.split(" ")[0] for side in (left, right))
    if ours == theirs or {ours, theirs} == {"which", "what"}:
        return True
    if {ours, theirs} == {"", "how"}:
        return any(_HOW_TO.match(side.text) for side in (left, right))
    return "" in (ours, theirs) and (ours or theirs) in words[0] & words[1]


def _reached(side: Reading, other: Reading) -> bool:
    """Moves, folds and the active of this side against the other side as written, or in the active."""
    goal = _phrases(other)
    goals = [goal, *_active(goal, other)]
    plain = _phrases(side)
    starts = [plain, *_active(plain, side)]
    for start in starts:
        for end in goals:
            fewer = _relations(start) - _relations(end)
            if _relations(end) - _relations(start) or not _FOLDED.issuperset(fewer):
                continue
            forms = [start, *(_folded(start, fewer) if fewer else ())]
            if any(_covers(form, _flat(end), frozenset(fewer)) for form in forms):
                return True
    return False


def _relations(phrases: Sequence[Phrase]) -> Counter[str]:
    return Counter(phrase[0] for phrase in phrases if phrase[0])


def _phrases(side: Reading) -> tuple[Phrase, ...]:
    """The phrases in order; the owner after "of" is a phrase of its own."""
    owned = {(bare(thing), bare(owner)) for thing, owner in _OF.findall(side.text.lower())}
    found: list[list[str]] = []
    for clause in side.clauses:
        before = ""
        found.append([""])
        for item in clause:
            if item.key == "when" and before:
                found.append(["if"])
            elif item.key == "who" and found[-1] == ["by"]:
                found.append([""])
            if item.sort in _SILENT:
                continue
            root = place_of(item)
            if item.sort == "relations":
                found.append([root])
            elif (before, root) in owned:
                found.append(["of", root])
            else:
                found[-1].append(root)
            before = root
    return tuple(tuple(phrase) for phrase in found if phrase != [""])


def _folded(phrases: tuple[Phrase, ...], fewer: Counter[str]) -> Iterator[tuple[Phrase, ...]]:
    """Each phrase that loses its preposition put before the last word, or the last two, of the phrase before it."""
    for at in range(1, len(phrases)):
        (relation, *words), before = phrases[at], phrases[at - 1]
        if relation in fewer:
            for cut in {max(1, len(before) - 1), max(1, len(before) - 2)}:
                yield (*phrases[: at - 1], (*before[:cut], *words, *before[cut:]), *phrases[at + 1 :])


def _active(phrases: tuple[Phrase, ...], side: Reading) -> Iterator[tuple[Phrase, ...]]:
    """ "y is done by x" as "x do y"; "y should be done" as "do y"."""
    said = set(re.findall(r"[a-z]+", side.text.lower()))
    if said.isdisjoint(_PASSIVE):
        return
    done = {place_of(item) for item in side.items if item.sort == "word" and item.ending in {"ed", "other"}}
    for at, (relation, *words) in enumerate(phrases):
        verbs = [place for place, word in enumerate(words) if word in done and place > 0]
        if relation or not verbs:
            continue
        verb = verbs[-1]
        rest = (*phrases[:at], *phrases[at + 1 :])
        agent = next((phrase for phrase in rest if phrase[0] == "by"), None)
        others = tuple(phrase for phrase in rest if phrase is not agent)
        if agent:
            yield (("", *agent[1:], words[verb], *words[:verb], *words[verb + 1 :]), *others)
        elif said & _DONE_BY_WHOEVER or side.question == "how":
            yield (("", words[verb], *words[:verb], *words[verb + 1 :]), *others)


def _flat(phrases: Sequence[Phrase]) -> Phrase:
    return tuple(word for phrase in phrases for word in phrase if word)


def _covers(phrases: Sequence[Phrase], words: Phrase, bare: frozenset[str]) -> bool:
    """Do the phrases, each used once, make up the words? Those of one relation stay in order; `bare` may lose it."""
    if not phrases or not words:
        return not phrases and not words
    if len(phrases) > _MOST_PHRASES:
        return False
    begun: set[str] = set()
    for at, phrase in enumerate(phrases):
        if phrase[0] in begun:
            continue
        begun.add(phrase[0])
        rest = (*phrases[:at], *phrases[at + 1 :])
        for form in {_flat([phrase]), phrase[1:] if phrase[0] in bare else _flat([phrase])}:
            if form and words[: len(form)] == form and _covers(rest, words[len(form) :], bare):
                return True
    return False
