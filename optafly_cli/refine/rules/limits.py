"""Limits that cannot hold together."""

import re
from collections.abc import Iterator
from functools import cache

from optafly_cli.refine.rules.base import Rule, Spot, Subject, quoted


def contradictory_limits(subject: Subject) -> Iterator[Spot]:
    """ "at least 10 lines … at most 5 lines", "between 9 and 3"."""
    prose = subject.view.prose
    lows: dict[str, tuple[int, str]] = {}
    highs: dict[str, tuple[int, str]] = {}
    for match in _patterns()["limit"].finditer(prose):
        unit = match["unit"].lower().rstrip("s")
        low = match["low"] is not None
        value, said = int(match["value"].replace(",", "")), match.group()
        (lows if low else highs)[unit] = (value, said)
        if unit in lows and unit in highs and lows[unit][0] > highs[unit][0]:
            other = highs[unit][1] if low else lows[unit][1]
            yield Spot(*match.span(), f"{quoted(said)} contradicts {quoted(other)}.")
    for match in _patterns()["between"].finditer(prose):
        if int(match["first"]) > int(match["last"]):
            yield Spot(*match.span(), f"{quoted(match.group())} holds no number: the first is the larger one.")


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "limit": re.compile(
            r"\b(?:(?P<low>at least|no (?:fewer|less) than|a minimum of|minimum of)|"
            r"(?P<high>at most|no more than|not more than|a maximum of|maximum of|up to|not exceed(?:ing)?|within))\s+"
            r"(?P<value>\d{1,3}(?:,\d{3})+|\d{1,9})\s+(?P<unit>[A-Za-z]{1,20})\b",
            re.I,
        ),
        "between": re.compile(r"\bbetween\s+(?P<first>\d{1,9})\s+and\s+(?P<last>\d{1,9})\b(?!\.\d)", re.I),
    }


RULES = (
    Rule(
        "OPF008",
        "warning",
        "contradictory limits",
        "Two limits on the same thing cannot both hold. Say which one counts.",
        contradictory_limits,
    ),
)
