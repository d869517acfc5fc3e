"""Results that a plain sentence fixes: "return the largest number in the list". Only for `examples`.

Only sentences that say this and nothing more; "the sum of the even numbers" is no sum.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

_LIST = r"(?:(?:in|of|from) (?:the |a |an )?(?:given |input )?(?:list|array|numbers|elements)(?: \w)?)"
_END = r"\s*(?:[.\n]|and (?:nothing|no more)|$)"


def spoken(text: str, values: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """What the text says of the result for these arguments: in words, and its value."""
    for pattern, takes, compute in _sentences():
        match = pattern.search(text)
        if match is None or not takes(values):
            continue
        try:
            yield " ".join(match["what"].split()), compute(*values)
        except (TypeError, ValueError, IndexError):
            continue


def _one_list(values: Sequence[Any]) -> bool:
    return len(values) == 1 and isinstance(values[0], list) and bool(values[0])


def _numbers(values: Sequence[Any]) -> bool:
    return _one_list(values) and all(isinstance(one, int) for one in values[0])


def _two_integers(values: Sequence[Any]) -> bool:
    return len(values) == 2 and all(isinstance(one, int) for one in values)


def _sized(values: Sequence[Any]) -> bool:
    return len(values) == 1 and isinstance(values[0], str | list)


@cache
def _sentences() -> tuple[tuple[re.Pattern[str], Callable[[Sequence[Any]], bool], Callable[..., Any]], ...]:
    element = r"(?:element|number|value|item|integer)s?"

    def compiled(what: str) -> re.Pattern[str]:
        return re.compile(rf"\b(?:returns?|computes?|calculates?|finds?)\s+(?:the |a )?(?P<what>{what}){_END}", re.I)

    return (
        (compiled(rf"(?:max(?:imum)?|largest|biggest|greatest) {element} {_LIST}"), _numbers, max),
        (compiled(rf"(?:min(?:imum)?|smallest|least) {element} {_LIST}"), _numbers, min),
        (compiled(rf"sum (?:of )?(?:all )?(?:the )?{element}? ?{_LIST}"), _numbers, sum),
        (compiled(r"(?:length|size) of (?:the |a )?(?:given |input )?(?:string|list|array)"), _sized, len),
        (
            compiled(r"greatest common divisor of (?:the )?(?:two )?(?:integers|numbers)?[ \w]{0,10}"),
            _two_integers,
            math.gcd,
        ),
        (
            re.compile(rf"\b(?P<what>adds? (?:the )?two (?:numbers|integers)(?: \w and \w)?){_END}", re.I),
            _two_integers,
            lambda one, other: one + other,
        ),
    )
