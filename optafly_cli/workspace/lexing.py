"""Just enough of a lexer for `units`: which lines begin inside a string or a comment, and how braces balance.

In: lines, read from the first line of a block. No language is known, only one of three styles: "hash" (Python, Ruby:
`#` comments, triple quotes), "rust" (`'a` is no string, plain strings span lines), "brace" (everything else).
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Literal

Style = Literal["hash", "rust", "brace"]
Inside = Literal["", "string", "comment"]

# A string or comment that has not ended after this many lines was none: an apostrophe, a glob, a regular expression.
LONGEST = 400
# Longer lines are minified or data; their insides tell nothing.
WIDEST = 2000

_REGEX = r"(?<=[(,=:\[!&|?{};])\s*/(?![/*])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/"
_STRING = r'"(?:[^"\\]|\\.)*"?'
_PATTERNS: dict[Style, str] = {
    "hash": rf"#.*|\"\"\"|'''|{_STRING}|'(?:[^'\\]|\\.)*'?",
    "rust": rf"//.*|/\*|\bb?r#*\"|{_STRING}|'(?:[^'\\]|\\[^']{{1,10}})'",
    "brace": rf"//.*|(?<![\w\"'}}$*.])/\*|{_REGEX}|\"\"\"|'''|`|\bR\"[^()\\\s\"]{{0,16}}\(|{_STRING}|'(?:[^'\\]|\\.)*'",
}
_MARKERS: dict[Style, tuple[str, ...]] = {
    "hash": ('"""', "'''"),
    "rust": ('"', "/*"),
    "brace": ('"""', "'''", "`", "/*", 'R"'),
}


@cache
def _tokens(style: Style) -> re.Pattern[str]:
    return re.compile(_PATTERNS[style])


class Scanner:
    """Walks lines in order from `start` and tells for each whether it begins inside a string or a comment."""

    def __init__(self, lines: Sequence[str], style: Style, start: int) -> None:
        self._lines = lines
        self._start = start
        self._style: Style = style
        self._until = ""
        self._inside: Inside = ""

    def enter(self, number: int) -> Inside:
        """What line `number` (1-based) begins inside of. Must be called for consecutive lines."""
        line = self._lines[number - 1]
        before = self._inside
        if len(line) > WIDEST:
            return before
        position = 0
        if self._until:
            found = _find(line, self._until, 0)
            if found < 0:
                return before
            position = found + len(self._until)
            self._until, self._inside = "", ""
        if any(marker in line for marker in _MARKERS[self._style]):
            self._open(line, position, number)
        return before

    def _open(self, line: str, position: int, number: int) -> None:
        while match := _tokens(self._style).search(line, position):
            position = match.end()
            until = _terminator(match.group(), self._style)
            if not until or (number == self._start and _closes(line, match.start(), match.end())):
                continue
            found = _find(line, until, position)
            if found >= 0:
                position = found + len(until)
            elif self._ends_later(until, number):
                self._until = until
                self._inside = "comment" if until == "*/" else "string"
                return

    def _ends_later(self, until: str, number: int) -> bool:
        return any(_find(line, until, 0) >= 0 for line in self._lines[number : number + LONGEST])


def braces(line: str, style: Style) -> int:
    """Opening minus closing curly braces of a line that begins outside strings; those in strings do not count."""
    if len(line) > WIDEST:
        return 0
    bare = _tokens(style).sub("", line) if any(mark in line for mark in "\"'`/#") else line
    return bare.count("{") - bare.count("}")


def without_strings(text: str, style: Style) -> str:
    """`text` (one line, or a joined header) with its strings emptied and comments removed."""
    return _tokens(style).sub(lambda match: '""' if match.group()[0] in "\"'`" else "", text)


def _terminator(found: str, style: Style) -> str:
    """What ends the multi-line construct that `found` opens; "" when it opens none."""
    if found in ('"""', "'''", "`"):
        return found
    if found == "/*":
        return "*/"
    if style == "rust" and found[0] in "br" and found.endswith('"'):
        return '"' + "#" * found.count("#")
    if style == "rust" and found[0] == '"' and (len(found) == 1 or not _closed(found)):
        return '"'
    if found.startswith('R"'):
        return f'){found[2:-1]}"'
    return ""


def _closes(line: str, start: int, end: int) -> bool:
    """Whether quotes on a block's first line rather end a string that began above it: alone, or after prose."""
    before = line[:start].rstrip()
    if before:
        return before[-1] not in "=([,{:+%rRbBfFuU>?&|"
    return line[end : end + 1] in ("", ")", ",", ".", ";", "]", "}", " ")


def _closed(token: str) -> bool:
    return token.endswith('"') and (len(token) - len(token[:-1].rstrip("\\"))) % 2 == 1


def _find(line: str, until: str, start: int) -> int:
    """Where `until` stands in `line` without a backslash before it, else -1."""
    found = line.find(until, start)
    while found > 0 and until != "*/" and (found - len(line[:found].rstrip("\\"))) % 2 == 1:
        found = line.find(until, found + 1)
    return found
