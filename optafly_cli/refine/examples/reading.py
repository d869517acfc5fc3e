"""Examples of input and output in a prompt: `>>> f(1)` with its result, `f(1) == 2`, "Input: … Output: …".

Only literals are read (`ast.literal_eval`); a result that is none makes no example. Nothing of a prompt is ever run.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

HEAD = 20_000
"""Characters in which examples are looked for."""
MOST_EXAMPLES = 40
MOST_CALLS = 400
LONGEST = 600
"""Characters of one argument list or result."""
NOTHING = object()
"""Stands for what is no literal."""


@dataclass(frozen=True, slots=True)
class Example:
    """What goes in and what comes out, as Python values; `start` and `end` are offsets of the whole in the text.

    `arguments` are those by place, `NOTHING` for one that is no literal; `keywords` is how many go in by name.
    `function`, and `call` as it is written, are "" where there is none. `is_exact`: the result is written as it
    comes, unlike in `set(f(1)) == {2}` or `isclose(f(1), 0.3)`.
    """

    arguments: tuple[Any, ...]
    result: Any
    start: int
    end: int
    function: str = ""
    call: str = ""
    keywords: int = 0
    is_exact: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether everything that goes in is known."""
        return not self.keywords and NOTHING not in self.arguments


def examples_in(text: str) -> tuple[Example, ...]:
    """The examples in a text, in order, at most `MOST_EXAMPLES`."""
    found: list[Example] = []
    text = text[:HEAD]
    for example in islice((*_calls(text), *_inputs(text), *_bindings(text)), MOST_EXAMPLES):
        if not any(one.start < example.end and example.start < one.end for one in found):
            found.append(example)
    return tuple(sorted(found, key=lambda one: one.start))


def _calls(text: str) -> Iterator[Example]:
    """`f(1, 2) == 3` and its like, and a doctest's call with the result in the lines under it."""
    position = 0
    for _ in range(MOST_CALLS):
        match = _patterns()["call"].search(text, position)
        if match is None:
            return
        position = match.end()
        closed = closing(text, match.end() - 1)
        if closed is None:
            continue
        before = text[max(0, match.start() - 24) : match.start()]
        result, end, is_exact = _given(text, closed + 1, before)
        call = NOTHING if result is NOTHING else _parsed(text[match.start() : closed + 1])
        if isinstance(call, tuple):
            position = end
            written = text[match.start() : closed + 1]
            yield Example(call[0], result, match.start(), end, match["name"], written, call[1], is_exact)


def _given(text: str, start: int, before: str) -> tuple[Any, int, bool]:
    """The result of a call that ends at `start`, where it ends, whether it is written as it comes."""
    patterns = _patterns()
    around = patterns["around"].search(before)
    is_exact = around is None or around["kept"] is not None
    if around is not None and text[start : start + 1] == ")":
        start += 1
    if (near := patterns["isclose"].search(before)) and (comma := patterns["comma"].match(text, start)):
        return (*_result(text, comma.end()), False)
    gives = patterns["gives"].match(text, start)
    if gives is None and patterns["prompt"].search(before):
        gives = patterns["under"].match(text, start)
    if gives is not None:
        if patterns["wrapper"].match(text, gives.end()):
            is_exact = False
        return (*_result(text, gives.end()), is_exact)
    asserted = patterns["assert"].search(before)
    if near is None and asserted and patterns["ends"].match(text, start):
        return asserted["not"] is None, start, False
    return NOTHING, start, False


def _parsed(call: str) -> tuple[tuple[Any, ...], int] | None:
    """The arguments by place and the number of those by name; None where they are calls themselves, or unpacked."""
    try:
        node = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(node, ast.Call) or any(isinstance(one, (ast.Starred, ast.Call)) for one in node.args):
        return None
    if any(one.arg is None for one in node.keywords):
        return None
    return tuple(literal(one) for one in node.args), len(node.keywords)


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


def literal(source: str | ast.expr) -> Any:
    """The value of a literal; `NOTHING` when it is none."""
    try:
        return ast.literal_eval(source.strip() if isinstance(source, str) else source)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return NOTHING


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    value = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|(?:True|False|None)\b"
    return {
        "call": re.compile(r"(?<![\w.])(?<!def )(?P<name>[A-Za-z_]\w{0,60})\("),
        "gives": re.compile(
            r"`?[ \t]*(?:#[ \t]*)?(?:=>|={1,3}>?|-+>|➞|→|⇒"
            r"|(?:should |will |must )?(?:returns?|gives?|be|is|equals?|yields?|outputs?|evaluates to)\b:?)[ \t]*`?"
        ),
        # `set(f(1)) == …`, `print(f(1))`, `(f(1))`
        "around": re.compile(r"(?:(?:\b(?:set|sorted|list|tuple|frozenset))|(?P<kept>\bprint|(?<!\w)))\($"),
        "isclose": re.compile(r"isclose\([ \t]*$"),
        "comma": re.compile(r"[ \t]*,[ \t]*"),
        "assert": re.compile(r"^[ \t]*assert (?P<not>not )?$", re.M),
        "ends": re.compile(r"[ \t]*(?:\n|$)"),
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
