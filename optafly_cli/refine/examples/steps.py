"""Operations that a text can name ("the sum of the even numbers"), as functions on values, by the words that name them.

Each table is one kind of step: what is looked at, what is kept of it (by itself, or against a second argument), what is
made of each, what it comes to, a last touch. A step that cannot be taken raises.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from optafly_cli.refine.examples.arguments import AGAINST, EACH, WITH
from optafly_cli.refine.examples.results import LAST, MAPS, REDUCTIONS
from optafly_cli.refine.examples.sources import PLACES, PREDICATES, SOURCES

TABLES: Mapping[str, Sequence[tuple[str, Any]]] = {
    "sources": SOURCES, "predicates": PREDICATES, "against": AGAINST, "with": WITH, "each": EACH, "places": PLACES,
    "maps": MAPS, "reductions": REDUCTIONS, **LAST,
}  # fmt: skip

NEGATED = r"\bnot\b|without|remov|delet|exclud|ignor|except|drop|other than"
DEFAULT = (
    r"\b(?:returns?|otherwise|output|be|is)\s+(?:an?\s+)?"
    r"(?:(?P<value>-?\d+\b|none\b|\[\]|''|\"\")|empty\s+(?P<empty>list|string|array))"
)
COUNTED = r"\b[nk](?:'?-?th)\b|\bfirst\b"
CONSTANT = (
    r"'(?P<text>[^'\s]{1,6})'|(?<![\w.])(?P<number>\d{1,4})(?![\w.]*\w)(?!-)"
    r"|\b(?P<name>zero|two|three|four|five|six|seven|eight|nine)\b"
)
"""Numbers and short texts that can be a second argument; "one" mostly is none."""
