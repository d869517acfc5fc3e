"""Where the block that begins on a line ends, and where its comments and decorators begin.

In: lines and the 1-based number of a statement's first line. Out: line numbers. Works on indentation, with closing
braces and keywords where the language has them; where code is not indented, on the balance of braces. Reads on only
as far as it must, so that what lies further down cannot change the answer.
"""

from collections.abc import Sequence

from optafly_cli.workspace import headers
from optafly_cli.workspace.definitions import kind_of
from optafly_cli.workspace.headers import body, indent, is_blank
from optafly_cli.workspace.lexing import Scanner, Style, braces

# Unindented code is followed for this many lines before it counts as unterminated.
_FLAT_LINES = 1500
_COMMENT_LINES = 200


def block_end(lines: Sequence[str], start: int, enough: int | None = None) -> int:
    """The last line of the statement or block that begins on line `start`.

    With `enough`, a line from there on that is surely inside may be returned instead of the last one.
    """
    text = body(lines[start - 1])
    if headers.is_comment(text):
        return _comment_end(lines, start) if text.startswith("/*") else start
    return _Block(lines, start).end(enough if enough is not None else len(lines))


class _Block:
    """One walk downwards from a block's first line."""

    def __init__(self, lines: Sequence[str], start: int) -> None:
        self.lines = lines
        self.start = start
        self.level = indent(lines[start - 1])
        first = body(lines[start - 1])
        self.style: Style = headers.style_of(first)
        self.last = start
        self.deep = False
        self.opened = _opens(first)
        self.braced = _opens_brace(first)

    def end(self, enough: int) -> int:
        scanner = Scanner(self.lines, self.style, self.start)
        scanner.enter(self.start)
        for number in range(self.start + 1, len(self.lines) + 1):
            inside = scanner.enter(number)
            if inside == "string":
                self.last = number
            elif not inside and not is_blank(self.lines[number - 1]) and not self._goes_on(number):
                break
            if self.last >= enough:
                break
        return self.last

    def _goes_on(self, number: int) -> bool:
        """Take line `number` in, pass over it (it may belong to what follows), or say that the block has ended."""
        line = self.lines[number - 1]
        text = body(line)
        level = indent(line)
        adjacent = not is_blank(self.lines[number - 2])
        if level > self.level:
            if not self.deep and not adjacent and not self.opened and not self._may_open():
                return False
            self.deep = True
            return self._take(number, text)
        if self._is_aside(text):
            return self.deep or self.opened or self._may_open()
        if text[0] in "})]":
            return self._closer(number, text, level)
        if level == self.level and self._joins(text, adjacent=adjacent):
            self._take(number, text)
            return not headers.is_end(text)
        if self.braced and self.style != "hash" and headers.is_label(text):
            return True
        return self._flat(number)

    def _is_aside(self, text: str) -> bool:
        """A comment or a preprocessor line: it stands where it likes, and says nothing about the block."""
        if self.style == "hash":
            return text[0] == "#"
        return headers.is_preprocessor(text) or headers.is_comment(text)

    def _take(self, number: int, text: str) -> bool:
        self.last = number
        self.opened = self.opened or _opens(text)
        self.braced = self.braced or _opens_brace(text)
        return True

    def _joins(self, text: str, *, adjacent: bool) -> bool:
        if text[0] == "{":
            return adjacent and not self.braced
        if headers.is_keyword_continuation(text):
            return self.deep
        return headers.continues(text, adjacent=adjacent)

    def _closer(self, number: int, text: str, level: int) -> bool:
        """A closing bracket at or left of the block's own indentation: as a rule its last line."""
        if level < self.level or not (self.opened or self.deep):
            return False
        self._take(number, text)
        if text.endswith(("{", "(", "[", ",", ":", "=>", "->", "=", "&&", "||", "?")) and not text.endswith("),"):
            return True
        following = self.lines[number] if number < len(self.lines) else ""
        if is_blank(following) or indent(following) != self.level:
            return False
        after = body(following)
        if text[0] in ")]" and after[0] in ")]{":
            return True
        return after[0] not in "})]{," and headers.continues(after, adjacent=True) and not headers.is_end(after)

    def _flat(self, number: int) -> bool:
        """Another statement where the block's own indentation is: its end, unless a brace is still open."""
        kind = kind_of(self.lines, self.start)
        if self.style == "hash" or not self.opened or not self._unbalanced(number):
            return False
        if kind in ("function", "typed", "weak") and kind_of(self.lines, number) in ("function", "typed"):
            return False
        self.last = self._balanced(number) or self.last
        return False

    def _unbalanced(self, number: int) -> bool:
        """Whether a brace opened since the block's start is open where line `number` begins."""
        scanner = Scanner(self.lines, self.style, self.start)
        depth = 0
        for at in range(self.start, number):
            if not scanner.enter(at):
                depth += braces(self.lines[at - 1], self.style)
        return depth > 0

    def _balanced(self, after: int) -> int | None:
        """The line, at or past `after`, on which the braces opened since the block's start are closed again."""
        scanner = Scanner(self.lines, self.style, self.start)
        depth = 0
        for at in range(self.start, min(self.start + _FLAT_LINES, len(self.lines) + 1)):
            if not scanner.enter(at):
                depth += braces(self.lines[at - 1], self.style)
            if at >= after and depth <= 0:
                return at
        return None

    def _may_open(self) -> bool:
        return bool(kind_of(self.lines, self.start))


def block_start(lines: Sequence[str], start: int) -> int:
    """The first of the comments, decorators and attributes directly above the statement on line `start`."""
    level = indent(lines[start - 1])
    number = start
    while number > 1:
        above = _above(lines, number - 1, level)
        if above is None:
            break
        number = above
    return number


def _above(lines: Sequence[str], number: int, level: int) -> int | None:
    """The first line of the comment, decorator or return type that ends on line `number`; None when there is none."""
    line = lines[number - 1]
    if is_blank(line):
        return None
    text = body(line)
    if "*/" in text and "/*" not in text:
        return _comment_start(lines, number)
    if indent(line) != level:
        return _attribute_start(lines, number, level) if indent(line) > level or text[0] in ")]" else None
    if headers.is_comment(text) or headers.is_attribute(text):
        return number
    if text[0] in ")]":
        return _attribute_start(lines, number, level)
    if is_return_type(text) and kind_of(lines, number + 1) in ("weak", "typed"):
        return number
    return None


def _comment_end(lines: Sequence[str], number: int) -> int:
    for at in range(number, min(number + _COMMENT_LINES, len(lines) + 1)):
        if "*/" in lines[at - 1]:
            return at
    return number


def _comment_start(lines: Sequence[str], number: int) -> int | None:
    for at in range(number, max(0, number - _COMMENT_LINES), -1):
        if "/*" in lines[at - 1]:
            return at if body(lines[at - 1]).startswith("/*") else None
    return None


def _attribute_start(lines: Sequence[str], number: int, level: int) -> int | None:
    """The line on which a decorator of several lines begins that ends on line `number`."""
    for at in range(number, max(0, number - headers.HEADER_LINES), -1):
        line = lines[at - 1]
        if is_blank(line):
            return None
        text = body(line)
        if indent(line) == level and text[0] not in ")]":
            return at if text[0] in "@[#" and (headers.is_attribute(text) or text.endswith(("(", "[", ","))) else None
        if indent(line) < level:
            return None
    return None


def is_return_type(text: str) -> bool:
    """`static int` on a line of its own above the function's name."""
    return text.replace("*", "").replace(" ", "").replace("_", "").replace("::", "").isalnum() and (
        headers.first_word(text)
        not in ("else", "do", "return", "end", "try", "break", "continue", "pass", "fi", "done")
    )


def _opens(text: str) -> bool:
    """Whether more brackets open than close on the line."""
    opening = text.count("{") + text.count("(") + text.count("[")
    return opening > text.count("}") + text.count(")") + text.count("]") or text.endswith(":")


def _opens_brace(text: str) -> bool:
    return text.endswith("{") or text.count("{") > text.count("}")
