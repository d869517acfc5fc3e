"""Examples that contradict the text that they are to explain: `f(1)` gives this, and the text says that.

Looks at Python calls with a literal result: doctests, and "f(1, 2) returns 3" in words or signs.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from optafly_cli.refine.examples.reading import NOTHING, Example
from optafly_cli.refine.rules.base import Rule, Spot, Subject, quoted
from optafly_cli.refine.rules.signatures import Signature, fits, signatures
from optafly_cli.refine.rules.spoken import spoken


def contradicting_examples(subject: Subject) -> Iterator[Spot]:
    """An example that does not fit the signature, another example, or what the text says of the result."""
    text = subject.view.text
    found = [one for one in subject.view.examples if one.function]
    if not found:
        return
    known = signatures(text)
    seen: dict[str, Example] = {}
    for one in found:
        call = f"{one.function}{one.arguments}" if one.is_whole else one.call
        first = seen.setdefault(call, one) if one.is_exact else one
        fault = _against_signature(one, known.get(one.function)) or _against_text(one, text)
        if fault is None and first is not one and repr(first.result) != repr(one.result):
            fault = f"another example says {quoted(repr(first.result), 30)} for the same call"
        if fault:
            yield Spot(one.start, one.end, f"{quoted(text[one.start : one.end], 50)} contradicts the text: {fault}.")


def _against_signature(one: Example, known: Signature | None) -> str | None:
    if known is None:
        return None
    count = len(one.arguments) + one.keywords
    if count < known.fewest or (known.most is not None and count > known.most):
        wanted = str(known.fewest) if known.fewest == known.most else f"{known.fewest} or more"
        return f"{one.function} takes {wanted} arguments, here are {count}"
    for value, kind in zip(one.arguments, known.parameters, strict=False):
        if value is not NOTHING and not fits(value, kind):
            return f"{quoted(repr(value), 30)} is no {kind}"
    return None if not one.is_exact or fits(one.result, known.returns) else f"{one.function} returns {known.returns}"


def _against_text(one: Example, text: str) -> str | None:
    """What the text says of the result in words: its type, its order, that it is taken from the input."""
    if not one.is_exact:
        return None
    said = _said(text)
    result = one.result
    if one.is_whole:
        for what, wanted in spoken(text, one.arguments):
            if wanted != result:
                return f"{what} is {quoted(repr(wanted), 30)}"
    if said["truth"] and not said["other"] and not isinstance(result, bool) and result is not None:
        return "it says that the result is True or False"
    if not isinstance(result, list):
        return None
    if said["order"] and len(result) > 1 and not _is_sorted(result, down=said["order"] == "down"):
        return f"it says that the result is sorted, {'largest' if said['order'] == 'down' else 'smallest'} first"
    first = one.arguments[0] if one.arguments else NOTHING
    if said["filter"] and isinstance(first, list) and any(element not in first for element in result):
        return "it speaks of filtering, and the result has what the input has not"
    return None


def _is_sorted(values: Sequence[Any], *, down: bool) -> bool:
    try:
        return list(values) == sorted(values, reverse=down)
    except TypeError:
        return True


def _said(text: str) -> dict[str, str]:
    patterns = _patterns()
    order = patterns["sorted"].search(text)
    direction = "" if order is None else "down" if re.match(r"de|larg|high", order["how"] or "asc", re.I) else "up"
    return {
        "truth": "yes" if patterns["truth"].search(text) else "",
        "other": "yes" if patterns["otherwise"].search(text) else "",
        "order": direction,
        "filter": "yes" if patterns["filter"].search(text) else "",
    }


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "truth": re.compile(
            r"\breturns? (?:the )?(?:boolean|True if\b|True when\b|True or False\b|whether\b)"
            r"|\bcheck (?:if|whether)\b[^.\n]{0,80}\breturns? (?:true|a boolean)\b",
            re.I,
        ),
        "otherwise": re.compile(
            r"\breturns?\b(?! (?:a )?boolean)(?! (?:True|False|whether)\b)[^.\n]{1,60}"
            r"|\b(?:otherwise|else),? returns? (?!false|true)\w+",
            re.I,
        ),
        "sorted": re.compile(
            r"\breturns?\b[^.\n]{0,40}\b(?:sorted|in)\b[^.\n]{0,20}?\b"
            r"(?P<how>ascending|increasing|descending|decreasing)(?: order)?\b"
            r"(?![^.\n]{0,40}\b(?:by|based|according|if|when|otherwise)\b)",
            re.I,
        ),
        "filter": re.compile(r"\bfilter (?:an?|the|given) (?:input )?(?:given )?list\b", re.I),
    }


RULES = (
    Rule(
        "OPF019",
        "warning",
        "example that contradicts the text",
        "An example decides when text and example disagree, and nobody knows which one is wrong. Looked at are Python "
        "calls with a literal result: how many arguments, of which type, what comes back, and whether two examples of "
        "the same call agree.",
        contradicting_examples,
        bad="Write def add(a: int, b: int) -> int that adds two numbers: add(1) returns 3",
        better="Write def add(a: int, b: int) -> int that adds two numbers: add(1, 2) returns 3",
    ),
)
