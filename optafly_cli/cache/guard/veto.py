"""A veto: why two instructions may not share an answer, and how items without a counterpart become one."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from optafly_cli.cache.guard.reading import Reading

TABLES = {
    "negations": "negation",
    "quantifiers": "quantifier",
    "relations": "relation",
    "modals": "modal",
    "tenses": "tense",
    "persons": "person",
}
"""The tables of `words.toml` and what a difference in one is called."""


@dataclass(frozen=True, slots=True)
class Veto:
    """Why two instructions may not share an answer; `detail` names the item."""

    name: str
    detail: str


def lonely(name: str, items: Iterable[str]) -> Veto | None:
    """A veto over the first of the items, None when there are none."""
    different = min(items, default=None)
    return None if different is None else Veto(name, f"{different.strip('=')!r} is in one of the prompts only")


def unmatched(left: Reading, right: Reading, table: str) -> Veto | None:
    """A word of that table of which the sides have not as many."""
    ours, theirs = (Counter(item.key for item in side.items if item.sort == table) for side in (left, right))
    return lonely(TABLES[table], (ours - theirs) + (theirs - ours))
