"""Examples that contradict the text that they are to explain: `f(1)` gives this, and the text says that.

Reads Python calls and values only: doctests, and "f(1, 2) returns 3" in words or signs. Nothing is run; what cannot be
read as a literal is left alone.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from optafly_cli.refine.examples.reading import closing
from optafly_cli.refine.rules.base import Rule, Spot, Subject, quoted
from optafly_cli.refine.rules.signatures import Signature, fits, signatures
from optafly_cli.refine.rules.spoken import spoken

MOST_EXAMPLES = 40
MOST_CALLS = 400
LONGEST = 400
_UNREAD = object()


@dataclass(frozen=True, slots=True)
class Example:
    """A call with its result as a literal, and where both stand. `values` are the arguments, None where unreadable."""

    function: str
    call: str
    values: tuple[Any, ...]
    keywords: int
    result: Any
    start: int
    end: int


def contradicting_examples(subject: Subject) -> Iterator[Spot]:
    """An example that does not fit the signature, another example, or what the text says of the result."""
    text = subject.view.text
    if "(" not in text:
        return
    found = list(_examples(text))
    if not found:
        return
    known = signatures(text)
    seen: dict[str, Example] = {}
    for one in found:
        first = seen.setdefault(one.call, one)
        fault = _against_signature(one, known.get(one.function)) or _against_text(one, text)
        if fault is None and first is not one and repr(first.result) != repr(one.result):
            fault = f"another example says {quoted(repr(first.result), 30)} for the same call"
        if fault:
            yield Spot(one.start, one.end, f"{quoted(text[one.start : one.end], 50)} contradicts the text: {fault}.")


def _against_signature(one: Example, known: Signature | None) -> str | None:
    if known is None:
        return None
    count = len(one.values) + one.keywords
    if count < known.fewest or (known.most is not None and count > known.most):
        wanted = str(known.fewest) if known.fewest == known.most else f"{known.fewest} or more"
        return f"{one.function} takes {wanted} arguments, here are {count}"
    for value, kind in zip(one.values, known.parameters, strict=False):
        if value is not _UNREAD and not fits(value, kind):
            return f"{quoted(repr(value), 30)} is no {kind}"
    return None if fits(one.result, known.returns) else f"{one.function} returns {known.returns}"


def _against_text(one: Example, text: str) -> str | None:
    """What the text says of the result in words: its type, its order, that it is taken from the input."""
    said = _said(text)
    result = one.result
    if _UNREAD not in one.values and not one.keywords:
        for what, wanted in spoken(text, one.values):
            if wanted != result:
                return f"{what} is {quoted(repr(wanted), 30)}"
    if said["truth"] and not said["other"] and not isinstance(result, bool) and result is not None:
        return "it says that the result is True or False"
    if not isinstance(result, list):
        return None
    if said["order"] and len(result) > 1 and not _is_sorted(result, down=said["order"] == "down"):
        return f"it says that the result is sorted, {'largest' if said['order'] == 'down' else 'smallest'} first"
    first = one.values[0] if one.values else _UNREAD
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


def _examples(text: str) -> Iterator[Example]:
    count = 0
    for match in islice(_patterns()["call"].finditer(text), MOST_CALLS):
        closed = closing(text, match.end() - 1, LONGEST)
        if closed is None:
            continue
        end = closed + 1
        rest = _patterns()["gives"].match(text, end)
        if rest is None or (match["doctest"] is None and rest["line"] is not None):
            continue
        literal = _literal(text[rest.end() : rest.end() + LONGEST])
        call = _parsed(text[match.start("name") : end])
        if literal is not None and call is not None:
            values, keywords = call
            source = re.sub(r"\s+", "", text[match.start("name") : end])
            yield Example(
                match["name"], source, values, keywords, literal[0], match.start("name"), rest.end() + literal[1]
            )
            count += 1
        if count >= MOST_EXAMPLES:
            return


def _parsed(call: str) -> tuple[tuple[Any, ...], int] | None:
    try:
        node = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(node, ast.Call) or any(isinstance(one, ast.Starred) for one in node.args):
        return None
    if any(one.arg is None for one in node.keywords):
        return None
    return tuple(_value(one) for one in node.args), len(node.keywords)


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return _UNREAD


def _literal(text: str) -> tuple[Any, int] | None:
    """The literal at the beginning of the text, and how long it is; None when there is none."""
    line = text.split("\n", 1)[0]
    tried = [line.rstrip().rstrip(".;")]
    closed = closing(line, 0, LONGEST) if line.startswith(("(", "[", "{")) else None
    tried += [] if closed is None else [line[: closed + 1]]
    tried += [
        part[0]
        for part in (re.match(r"[-+]?\d[\d_.]*(?:e-?\d+)?|True|False|None|'[^'\n]*'|\"[^\"\n]*\"", line),)
        if part
    ]
    for one in tried:
        text_of = one.rstrip(".") if re.fullmatch(r"[\d.+-]+\.", one) else one
        try:
            return ast.literal_eval(text_of.strip()), len(text_of)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    return None


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "call": re.compile(
            r"(?P<doctest>^[ \t]*>>> (?:print\()?)?(?<![\w.])(?<!def )(?P<name>[A-Za-z_]\w{0,60})\(", re.M
        ),
        "gives": re.compile(
            r"`?[ \t]*(?:(?P<line>\n[ \t]*(?!>>>|\.\.\.))"
            r"|(?:==|=>|->|➞|→|⇒|=|(?:should |must |will )?"
            r"(?:returns?|gives?|equals?|be|is|yields?|outputs?|evaluates to))[ \t]+`?)"
        ),
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
