"""What is counted about two instructions, beside the cross-encoder's logit. Pure Python, symmetric, no model.

Each feature is a number of modest size; `NAMES` gives their order in verifier.json.
"""

from collections import Counter
from collections.abc import Sequence

from optafly_cli.cache.guard.moves import OPERANDS, root_of
from optafly_cli.cache.guard.reading import Reading
from optafly_cli.cache.guard.vetoes import Comparison
from optafly_cli.cache.spelling import is_known

NAMES = (
    "logit",
    "cosine",
    "same",
    "lonely",
    "lonely_more",
    "slips",
    "shared",
    "relations",
    "grammar",
    "question_missing",
    "question_differs",
    "turned",
    "length",
    "trigrams",
    "strict",
    "literals",
)
_GRAMMAR = frozenset({"modals", "tenses", "persons", "quantifiers"})
_LONGEST_SLIP = 2
_MOST_LONELY = 6


def features(logit: float, cosine: float, compared: Comparison) -> tuple[float, ...]:
    """The features of a pair, in the order of `NAMES`."""
    left, right = compared.left, compared.right
    ours, theirs = (Counter(root_of(item) for item in side.items if item.sort in OPERANDS) for side in (left, right))
    more, less = _words(ours - theirs), _words(theirs - ours)
    slips = _slips(more, less)
    fewer, most = sorted((len(more) - slips, len(less) - slips))
    common = (ours & theirs).total()
    asked = (left.question, right.question)
    sizes = sorted((len(left.text), len(right.text)))
    return (
        logit,
        (cosine - 0.85) / 0.15,
        float(compared.same),
        min(fewer, _MOST_LONELY),
        min(most - fewer, _MOST_LONELY),
        float(slips),
        common / max(1, common + most),
        float(_differing(left, right, {"relations"})),
        float(_differing(left, right, _GRAMMAR)),
        float(asked[0] != asked[1] and "" in asked),
        float(asked[0] != asked[1] and "" not in asked),
        _turned(left, right),
        sizes[0] / max(1, sizes[1]),
        _dice(left.text.lower(), right.text.lower()),
        float(left.strict or right.strict),
        float(min(2, sum(len(values) for values in left.literals.values()))),
    )


def _words(found: Counter[str]) -> list[str]:
    return sorted(found.elements())


def _slips(more: Sequence[str], less: Sequence[str]) -> int:
    """How many lonely words are probably the same word with a slip of the keyboard: near, and one of them no word."""
    left, count = list(less), 0
    for word in more:
        near = next((other for other in left if _is_slip(word, other)), None)
        if near is not None:
            left.remove(near)
            count += 1
    return count


def _is_slip(one: str, other: str) -> bool:
    if min(len(one), len(other)) < 4 or abs(len(one) - len(other)) > _LONGEST_SLIP:
        return False
    if is_known(one) == is_known(other):
        return False
    return _distance(one, other) <= (1 if min(len(one), len(other)) < 6 else _LONGEST_SLIP)


def _distance(one: str, other: str) -> int:
    """Edits between two words, two letters turned round counting as one (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        last, row = row, [at] + [0] * len(other)
        for to, wanted in enumerate(other, 1):
            row[to] = min(last[to] + 1, row[to - 1] + 1, last[to - 1] + (letter != wanted))
            if before and to > 1 and letter == other[to - 2] and one[at - 2] == wanted:
                row[to] = min(row[to], before[to - 2] + 1)
        before = last
    return row[-1]


def _differing(left: Reading, right: Reading, sorts: set[str] | frozenset[str]) -> int:
    ours, theirs = (Counter(item.key for item in side.items if item.sort in sorts) for side in (left, right))
    return max((ours - theirs).total(), (theirs - ours).total())


def _turned(left: Reading, right: Reading) -> float:
    """The share of pairs of common content words that stand the other way round, 0 to 1."""
    ours, theirs = ([root_of(item) for item in side.items if item.sort in OPERANDS] for side in (left, right))
    places = {word: at for at, word in enumerate(theirs) if theirs.count(word) == 1}
    order = [places[word] for word in ours if word in places and ours.count(word) == 1]
    pairs = len(order) * (len(order) - 1) // 2
    turned = sum(one > other for at, one in enumerate(order) for other in order[at + 1 :])
    return turned / pairs if pairs else 0.0


def _dice(one: str, other: str) -> float:
    """Sørensen-Dice over three letters in a row, 0 to 1."""
    ours, theirs = (Counter(text[at : at + 3] for at in range(max(1, len(text) - 2))) for text in (one, other))
    return 2 * (ours & theirs).total() / max(1, ours.total() + theirs.total())
