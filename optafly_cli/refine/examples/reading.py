"""Examples of input and output in a prompt: `>>> f(1)` with its result, `f(1) == 2`, "Input: … Output: …".

Only literals are read (`ast.literal_eval`); what cannot be read is no example. Nothing of a prompt is ever run.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

HEAD = 20_000
"""Characters in which examples are looked for."""
MAX_EXAMPLES = 8
LONGEST = 600
"""Characters of one argument list or result."""


@dataclass(frozen=True, slots=True)
class Example:
    """What goes in and what comes out, as Python values; `start` and `end` are offsets of the whole in the text."""

    arguments: tuple[Any, ...]
    result: Any
    start: int
    end: int


def examples_in(text: str) -> tuple[Example, ...]:
    """The examples in a text, in order, at most `MAX_EXAMPLES`."""
    found: list[Example] = []
    text = text[:HEAD]
    for example in (*_calls(text), *_inputs(text), *_bindings(text)):
        if not any(one.start < example.end and example.start < one.end for one in found):
            found.append(example)
    return tuple(sorted(found, key=lambda one: one.start)[:MAX_EXAMPLES])


def _calls(text: str) -> Iterator[Example]:
    """`f(1, 2) == 3` and its like, and a doctest's call with the result in the lines under it."""
    position = 0
    while match := _patterns()["call"].search(text, position):
        position = match.end()
        closed = closing(text, match.end() - 1)
        if closed is None:
            continue
        arguments = literal(f"({text[match.end() : closed]},)" if text[match.end() : closed].strip() else "()")
        is_doctest = _patterns()["prompt"].search(text, max(0, match.start() - 12), match.start()) is not None
        gives = _patterns()["gives"].match(text, closed + 1)
        if gives is None and is_doctest:
            gives = _patterns()["under"].match(text, closed + 1)
        if arguments is NOTHING or gives is None:
            continue
        result, end = _result(text, gives.end())
        if result is not NOTHING:
            position = end
            yield Example(arguments, result, match.start(), end)


def _inputs(text: str) -> Iterator[Example]:
    """ "Input: words = 3" with "Output: 5" under it."""
    for match in _patterns()["input"].finditer(text):
        arguments = _bound(match["input"])
        result, end = _result(text, match.end())
        if arguments and result is not NOTHING:
            yield Example(arguments, result, match.start(), end)


def _bindings(text: str) -> Iterator[Example]:
    """ "For lst = [1, 2] the output should be 3"."""
    for match in _patterns()["binding"].finditer(text):
        arguments = _bound(match["input"])
        result, end = _result(text, match.end())
        if arguments and result is not NOTHING:
            yield Example(arguments, result, match.start(), end)


def _bound(text: str) -> tuple[Any, ...]:
    """The values in "a = 1, b : [2]", or the one value that stands there alone; () when one cannot be read."""
    values: list[Any] = []
    position = 0
    while match := _patterns()["name"].search(text, position):
        value, position = _result(text, match.end())
        if value is NOTHING:
            return ()
        values.append(value)
    if not values:
        alone = literal(text.strip())
        return () if alone is NOTHING else (alone,)
    return tuple(values)


NOTHING = object()


def _result(text: str, start: int) -> tuple[Any, int]:
    """The literal that stands at `start` and where it ends; of "1 + 2 = 3" what it comes to."""
    start = _patterns()["blank"].match(text, start).end()  # type: ignore[union-attr]
    wrapped = _patterns()["wrapper"].match(text, start)
    if wrapped:
        value, end = _result(text, wrapped.end())
        return (sorted(value, key=repr) if isinstance(value, (list, tuple, set)) else value), end
    if text[start : start + 1] in ("[", "(", "{"):
        closed = closing(text, start)
        return (NOTHING, start) if closed is None else (literal(text[start : closed + 1]), closed + 1)
    total = _patterns()["sum"].match(text, start)
    plain = total or _patterns()["plain"].match(text, start)
    if plain is None:
        return NOTHING, start
    return literal(plain["total"] if total else plain.group()), plain.end()


def closing(text: str, start: int, within: int = LONGEST) -> int | None:
    """Where the bracket at `start` is closed, strings skipped; None when it is not `within` so many characters."""
    depth = 0
    quote = ""
    position = start
    stop = min(len(text), start + within)
    while position < stop:
        char = text[position]
        if quote:
            if char == "\\":
                position += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return None


def literal(source: str) -> Any:
    """The value of a literal; `NOTHING` when it is none."""
    try:
        return ast.literal_eval(source.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return NOTHING


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    value = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|(?:True|False|None)\b"
    return {
        "call": re.compile(r"\b[A-Za-z_]\w*\("),
        # `set(f(1)) == set(…)` too
        "gives": re.compile(
            r"\)?[ \t]*(?:#[ \t]*)?(?:=>|={1,3}>?|-+>|➞|→|⇒"
            r"|(?:should |will |must )?(?:returns?|gives?|be|is|equals?)\b:?)[ \t]*"
        ),
        "under": re.compile(r"[ \t]*\n[ \t]*(?!>>>|\"\"\"|''')"),
        "prompt": re.compile(r">>>[ \t]*(?:\w+\()?\Z"),
        "blank": re.compile(r"[ \t]*"),
        "wrapper": re.compile(r"(?:set|sorted|list|tuple|frozenset)\((?=[\[({])"),
        "input": re.compile(
            r"\binputs?[ \t]*:[ \t]*(?P<input>[^\n]{0,400}(?:\n[^\n]{0,300}){0,4}?)\s*\n?[ \t]*\boutputs?[ \t]*:[ \t]*",
            re.I,
        ),
        "binding": re.compile(
            r"\b(?:for|given|with|if)\s+(?P<input>\w+\s*=\s*[^\n]{1,200}?)[,:]?\s+(?:the\s+)?(?:output|result|answer|function)?\s*"
            r"(?:should|must|will|would)?\s*(?:be|is|returns?|equals?)\s+",
            re.I,
        ),
        "name": re.compile(r"\b[A-Za-z_]\w*\s*[=:](?!=)"),
        "sum": re.compile(r"-?\d[\d.]*(?:[ \t]*[-+*/][ \t]*-?\d[\d.]*)+[ \t]*=[ \t]*(?P<total>-?\d+(?:\.\d+)?)"),
        "plain": re.compile(value),
    }
