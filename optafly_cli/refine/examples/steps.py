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
    "maps": MAPS, **{f"to {kind}": table for kind, table in REDUCTIONS.items()},
    **{f"at last {kind}": table for kind, table in LAST.items()},
}  # fmt: skip

REACH: Mapping[str, Sequence[str]] = {
    "number": ("value", "number", "list"), "truth": ("truth", "value", "number"), "list": ("value", "list"),
    "text": ("value", "text", "list", "number", "truth"), "dict": ("dict", "value"),
}  # fmt: skip
"""For each kind of result what a chain can come to before its last touch."""
NEGATED = r"\bnot\b|without|remov|delet|exclud|ignor|except|drop|other than"
DEFAULT = (
    r"\b(?:returns?|otherwise|output|be|is)\s+(?:an?\s+)?"
    r"(?:(?P<value>-?\d+\b|none\b|\[\]|''|\"\")|empty\s+(?P<empty>list|string|array))"
)
COUNTED = r"\b[nk](?:'?-?th)\b|\bfirst\b"
CONSTANT = (
    r"(?P<quote>['\"])(?P<text>[^'\"\s]{1,6})(?P=quote)|(?<![\w.])(?P<number>\d{1,4})(?![\w.]*\w)(?!-)"
    r"|\b(?P<name>zero|two|three|four|five|six|seven|eight|nine)\b"
)
"""Numbers and short texts that can be a second argument; "one" mostly is none."""
