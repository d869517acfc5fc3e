"""Limits that cannot hold together."""

import math
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from optafly_cli.refine.rules.base import PROMPTS, Rule, Spot, Subject, quoted

_BELOW = ("fewer than", "less than")


class _Limit(NamedTuple):
    """What a limit allows, inclusively, and its words."""

    low: float
    high: float
    said: str


def contradictory_limits(subject: Subject) -> Iterator[Spot]:
    """ "at least 10 lines … at most 5 lines", "between 9 and 3"."""
    prose = subject.view.prose
    ranges: dict[str, tuple[_Limit, _Limit]] = {}
    for match in _patterns()["limit"].finditer(prose):
        strict = (match["low"] or match["high"] or "").lower().endswith(" than") and "no" not in match.group()[
            :3
        ].lower()
        if strict and _patterns()["condition"].search(prose[max(0, match.start() - 40) : match.start()]):
            continue
        unit = match["unit"].lower().rstrip("s")
        value = int(match["value"].replace(",", ""))
        one = _Limit(value, value, match.group())
        if match["low"]:
            one = _Limit(value + (match["low"].lower() in ("more than", "over")), math.inf, match.group())
        elif match["high"]:
            one = _Limit(0, value - (match["high"].lower() in _BELOW), match.group())
        low, high = ranges.get(unit, (_Limit(0, math.inf, ""), _Limit(0, math.inf, "")))
        if one.low > high.high or one.high < low.low:
            other = high if one.low > high.high else low
            yield Spot(*match.span(), f"{quoted(one.said)} contradicts {quoted(other.said)}.")
            continue
        ranges[unit] = (one if one.low > low.low else low, one if one.high < high.high else high)
    for match in _patterns()["between"].finditer(prose):
        if int(match["first"]) > int(match["last"]):
            yield Spot(*match.span(), f"{quoted(match.group())} holds no number: the first is the larger one.")


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "limit": re.compile(
            r"\b(?:(?P<low>at least|no (?:fewer|less) than|a minimum of|minimum of|(?<!no )(?<!not )more than)|"
            r"(?P<high>at most|no more than|not more than|a maximum of|maximum of|up to|not exceed(?:ing)?|within"
            r"|(?<!no )(?:fewer|less) than)|exactly)\s+"
            r"(?P<value>\d{1,3}(?:,\d{3})+|\d{1,9})\s+(?P<unit>[A-Za-z]{1,20})\b",
            re.I,
        ),
        # "when there are more than 10 files" says what happens, not what is wanted
        "condition": re.compile(
            r"\b(?:if|when|whenever|where|unless|with|has|have|had|is|are|was|were|took|takes?|after|once|contains?)\b"
            r"[^.!?;\n]{0,30}\Z",
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
        bad="Write at least 10 lines and at most 5 lines on the cache",
        better="Write at most 5 lines on the cache",
        kinds=PROMPTS,
    ),
)
