"""Are two instructions read as the same, item for item? What sets them apart otherwise has a name.

The same means: word for word where the request is about names, else the same items in the same order, but for a noun
that says what a literal is and a clause in front. Symmetric, pure. This is no veto: other words may mean the same, and
the verifier judges that.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from optafly_cli.cache.guard.reading import Item, Reading
from optafly_cli.cache.guard.veto import TABLES, Veto, lonely, unmatched

_DIFFERENT = ("negations", "quantifiers", "relations", "modals", "tenses", "persons")


def difference(left: Reading, right: Reading) -> Veto | None:
    """What sets apart two readings without a veto, None when they are read as the same."""
    if refused := _without_counterpart(left, right):
        return refused
    if not _same(left, right):
        return _difference(left, right)
    return _question(left, right) or _verbatim(left, right)


def _without_counterpart(left: Reading, right: Reading) -> Veto | None:
    ours, theirs = ({value for values in side.literals.values() for value in values} for side in (left, right))
    return lonely("literal", ours ^ theirs) or unmatched(left, right, "negations")


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
    if refused := lonely("words", (ours - theirs) + (theirs - ours)):
        return refused
    for table in _DIFFERENT:
        if refused := unmatched(left, right, table):
            return refused
    for table in ("negations", "quantifiers"):
        ordered = [[item.key for item in side.items if item.sort != table] for side in (left, right)]
        if ordered[0] == ordered[1]:
            return Veto(TABLES[table], f"a {TABLES[table]} stands elsewhere")
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
