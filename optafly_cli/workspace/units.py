"""The unit of code or text around some lines: the function, the small block, the paragraph. No parser, no file access.

In: a file's lines and a range in it. Out: the range of the enclosing unit. The cache compares units by their text, so
the one promise is this: adding or removing whole top-level pieces elsewhere in the file, set off by blank lines, does
not change a unit's text. Everything is therefore decided by walking outwards from the lines pointed at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from optafly_cli.workspace import headers
from optafly_cli.workspace.blocks import block_end, block_start, is_return_type
from optafly_cli.workspace.definitions import Kind, kind_of, may_define_function
from optafly_cli.workspace.headers import body, indent, is_blank
from optafly_cli.workspace.types import LineRange

# A function is taken with the functions around it up to this many lines.
OUTER_FUNCTION_LINES = 120
# A type, or another block that is no function, is taken whole up to this many lines.
BLOCK_LINES = 80
# A paragraph that goes on for longer than the first (data, a log) is cut to the second number of lines on either side.
PARAGRAPH_LINES = 60
WINDOW_LINES = 40
# How far up to look for a function in whose string or flat body the line may be.
_LOOK_BACK = 200
# So many blocks around a line are looked at; deeper nesting is not source code.
_DEEPEST = 40

_FUNCTIONS = ("function", "typed", "weak", "macro")


@dataclass(frozen=True, slots=True)
class _Around:
    """A block around the line: its statement's first line, its kind, its indentation."""

    start: int
    kind: Kind
    level: int


def enclosing_unit(lines: Sequence[str], at: LineRange) -> LineRange:
    """The unit that encloses the lines `at`; it contains them, and lies within the file.

    A function or method with the comments and decorators directly above it; closures belong to the function they are
    in, methods stand without their class. On a type's header: the type when it is short, else its header. Elsewhere:
    the paragraph, or the small block. Lines in several units give all from the first one's start to the last one's end.
    """
    if not lines:
        return LineRange(1, 1)
    start = min(max(at.start, 1), len(lines))
    end = min(max(at.end, start), len(lines))
    first = next((number for number in range(start, end + 1) if not is_blank(lines[number - 1])), start)
    last = next((number for number in range(end, start - 1, -1) if not is_blank(lines[number - 1])), end)
    top = _unit(lines, first)
    bottom = top if top.start <= last <= top.end else _unit(lines, last)
    return LineRange(min(start, top.start), max(end, top.end, bottom.end))


def _unit(lines: Sequence[str], point: int) -> LineRange:
    if is_blank(lines[point - 1]):
        return _unit_of_blank(lines, point)
    around = _chain(lines, point)
    function = _function(lines, around) or _from_above(lines, point) or _function_in_string(lines, point)
    if function is not None:
        return function
    return _block_or_paragraph(lines, point, around)


def _unit_of_blank(lines: Sequence[str], point: int) -> LineRange:
    """A blank line inside of a function belongs to it; any other stands for itself."""
    below = next((number for number in range(point + 1, len(lines) + 1) if not is_blank(lines[number - 1])), None)
    above = next((number for number in range(point - 1, 0, -1) if not is_blank(lines[number - 1])), None)
    if below is not None and above is not None:
        unit = _unit(lines, above)
        if unit.end > point:
            return unit
    return LineRange(point, point)


def _chain(lines: Sequence[str], point: int) -> list[_Around]:
    """The blocks around `point`, innermost first; the statement that begins on the line itself included."""
    found: list[_Around] = []
    limit = indent(lines[point - 1]) + 1
    for number in range(point, 0, -1):
        line = lines[number - 1]
        if is_blank(line) or (level := indent(line)) >= limit:
            continue
        text = body(line)
        adjacent = number > 1 and not is_blank(lines[number - 2])
        if (
            headers.is_comment(text)
            or headers.is_preprocessor(text)
            or headers.is_attribute(text)
            or headers.continues(text, adjacent=adjacent)
        ):
            continue
        if number == point or block_end(lines, number, point) >= point:
            found.append(_Around(number, kind_of(lines, number), level))
        if len(found) >= _DEEPEST:
            break
        # what a jump label belongs to may begin at its own indentation
        limit = level + headers.is_label(text)
        if limit == 0:
            break
    return found


def _function(lines: Sequence[str], around: Sequence[_Around]) -> LineRange | None:
    """The outermost function up to the next type that is not too long, else the innermost with a name of its own."""
    functions: list[_Around] = []
    for block in around:
        if block.kind in _FUNCTIONS:
            functions.append(block)
        elif block.kind == "type" and functions:
            break
    while len(functions) > 1 and functions[0].kind == "macro":
        functions.pop(0)
    if not functions:
        return None
    for block in reversed(functions):
        unit = _whole(lines, block)
        if unit.end - unit.start < OUTER_FUNCTION_LINES:
            return unit
    named = next((block for block in functions if block.kind != "weak"), functions[-1])
    return _whole(lines, named)


def _whole(lines: Sequence[str], block: _Around) -> LineRange:
    return LineRange(block_start(lines, block.start), block_end(lines, block.start))


def _from_above(lines: Sequence[str], point: int) -> LineRange | None:
    """The unit of the function or type whose comment, decorator or return type the line is part of."""
    level = _attribute_level(lines, point)
    if level == indent(lines[point - 1]) and not _precedes(body(lines[point - 1])) and not _in_comment(lines, point):
        return None
    for number in range(point + 1, min(point + 1 + BLOCK_LINES, len(lines) + 1)):
        line = lines[number - 1]
        if is_blank(line):
            if not _in_comment(lines, point):
                return None
            continue
        text = body(line)
        if indent(line) > level or headers.is_comment(text) or headers.is_attribute(text) or text[0] in ")]*":
            continue
        kind = kind_of(lines, number)
        if kind in _FUNCTIONS or kind == "type":
            return _definition_below(lines, number, point)
        if not _leads_on(text):
            return None
    return None


def _precedes(text: str) -> bool:
    """A line that could stand directly above a function and belong to it."""
    return headers.is_comment(text) or headers.is_attribute(text) or text[0] in ")]" or is_return_type(text)


def _attribute_level(lines: Sequence[str], point: int) -> int:
    """The indentation of the decorator of several lines that `point` is in, else of the line itself."""
    level = indent(lines[point - 1])
    for number in range(point - 1, max(0, point - headers.HEADER_LINES), -1):
        line = lines[number - 1]
        if is_blank(line):
            break
        if indent(line) < level:
            return indent(line) if headers.is_attribute(body(line)) else level
    return level


def _definition_below(lines: Sequence[str], number: int, point: int) -> LineRange | None:
    if block_start(lines, number) > point:
        return None
    around = _chain(lines, number)
    return _function(lines, around) or _block_or_paragraph(lines, number, around)


def _leads_on(text: str) -> bool:
    """A line without punctuation that could be a return type, or text of a comment's middle."""
    return not text.endswith((";", "}", "{", ":", ","))


def _in_comment(lines: Sequence[str], point: int) -> bool:
    """Whether a block comment that begins at or above `point` goes on there."""
    for number in range(point, max(0, point - BLOCK_LINES), -1):
        line = lines[number - 1]
        if "*/" in line and (number < point or "/*" not in line):
            return number == point
        if "/*" in line:
            return True
    return False


def _function_in_string(lines: Sequence[str], point: int) -> LineRange | None:
    """The function that runs past `point` against the indentation: in a string, or in code that is not indented."""
    limit: int | None = None
    for number in range(point - 1, max(0, point - _LOOK_BACK), -1):
        line = lines[number - 1]
        if is_blank(line) or (limit is not None and indent(line) >= limit):
            continue
        if may_define_function(body(line)) and kind_of(lines, number) in _FUNCTIONS:
            if block_end(lines, number, point) >= point:
                return _function(lines, _chain(lines, number))
            limit = indent(line)
            if limit == 0:
                return None
    return None


def _block_or_paragraph(lines: Sequence[str], point: int, around: Sequence[_Around]) -> LineRange:
    """The outermost block that is not too long, with its paragraph; a type as a whole or, when long, its header."""
    chosen: LineRange | None = None
    level = indent(lines[point - 1])
    for block in around:
        first = block_start(lines, block.start)
        end = block_end(lines, block.start, first + BLOCK_LINES)
        if end - first >= BLOCK_LINES:
            break
        if block.kind == "type":
            return _outer_type(lines, around, block) or LineRange(first, end)
        chosen, level = LineRange(block.start, end), block.level
    if chosen is None or not chosen.start <= point <= chosen.end:
        chosen = LineRange(point, point)
    return _paragraph(lines, point, chosen, level)


def _outer_type(lines: Sequence[str], around: Sequence[_Around], inner: _Around) -> LineRange | None:
    """The outermost short type around `inner`."""
    found = None
    for block in around[around.index(inner) + 1 :]:
        first = block_start(lines, block.start)
        end = block_end(lines, block.start, first + BLOCK_LINES)
        if block.kind != "type" or end - first >= BLOCK_LINES:
            break
        found = LineRange(first, end)
    return found


def _paragraph(lines: Sequence[str], point: int, core: LineRange, level: int) -> LineRange:
    """`core` with the lines directly above and below at its level, up to a blank line, a function or a type."""
    start, end = core.start, core.end
    while start > 1 and core.start - start < PARAGRAPH_LINES:
        above = _paragraph_above(lines, start - 1, level)
        if above is None:
            break
        start = above
    while end < len(lines) and end - core.end < PARAGRAPH_LINES:
        below = _paragraph_below(lines, end + 1, level)
        if below is None:
            break
        end = below
    if end - start > PARAGRAPH_LINES:
        start, end = max(start, point - WINDOW_LINES), min(end, point + WINDOW_LINES)
    return LineRange(start, end)


def _paragraph_above(lines: Sequence[str], number: int, level: int) -> int | None:
    """The first line of the statement that ends on line `number`, when it belongs to the same paragraph."""
    line = lines[number - 1]
    if is_blank(line) or indent(line) < level:
        return None
    text = body(line)
    first = number
    if indent(line) > level or text[0] in "})]" or headers.is_keyword_continuation(text):
        first = _statement_start(lines, number, level)
    return None if kind_of(lines, first) else first


def _statement_start(lines: Sequence[str], number: int, level: int) -> int:
    for at in range(number, max(0, number - PARAGRAPH_LINES), -1):
        line = lines[at - 1]
        if is_blank(line) or indent(line) > level:
            continue
        if indent(line) < level:
            break
        if not headers.continues(body(line), adjacent=True) and block_end(lines, at, number) >= number:
            return at
    return number


def _paragraph_below(lines: Sequence[str], number: int, level: int) -> int | None:
    """The last line of the statement that begins on line `number`, when it belongs to the same paragraph."""
    line = lines[number - 1]
    if is_blank(line) or indent(line) < level or body(line)[0] in "})]":
        return None
    if kind_of(lines, number) or (_precedes(body(line)) and _from_above(lines, number) is not None):
        return None
    return min(block_end(lines, number, number + PARAGRAPH_LINES), number + PARAGRAPH_LINES)
