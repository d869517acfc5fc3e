"""What the index keeps of one file: a function of its text and language alone, so that equal blobs share it."""

import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from optafly_cli.workspace.index.words import counted

FACTS_VERSION = 6
"""Rises when the same text may give other facts; older facts are then made again."""

SymbolKind = Literal["function", "type", "constant", "container"]
_LONG, _SHORT = 6, 2
_PROSE = 2
"""So many lines of comments and documentation on end are a segment of their own: they are seldom what is edited."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A definition: lines 1-based and inclusive, what stands above it for it (decorators, comments) included.

    `parent` is the name of the type or container it is in, "" at the top. `header` is the line with its name.
    """

    kind: SymbolKind
    name: str
    parent: str
    start: int
    end: int
    header: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the file: of a function with the functions in it, or of what lies between functions.

    `symbol` is the number of the function, or of the type whose header it holds; -1 for neither. `prose` counts its
    lines of comments and documentation, `imports` those of imports; `size` counts characters.
    """

    start: int
    end: int
    symbol: int
    terms: Mapping[str, int]
    prose: int = 0
    imports: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file. `segments` cover its lines without overlap, in order; `imports` are as the language writes them.

    `clean`: no secret was found in its text.
    """

    symbols: tuple[Symbol, ...]
    segments: tuple[Segment, ...]
    docs: Mapping[str, int]
    imports: tuple[str, ...]
    clean: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """What a parser found in a file; `prose` and `import_lines` are the lines of comments and of imports.

    `repeated`: lines that say for a type checker alone what a definition below them says again; comments are none.
    """

    symbols: tuple[Symbol, ...]
    docs: str
    imports: tuple[str, ...]
    prose: frozenset[int] = frozenset()
    import_lines: frozenset[int] = frozenset()
    repeated: frozenset[int] = frozenset()


def facts_of(text: str, outline: Outline) -> FileFacts:
    """The facts of a file; `text` has LF line ends."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    segments = tuple(_segment(lines, outline, *stretch) for stretch in _stretches(lines, outline))
    return FileFacts(outline.symbols, segments, counted(outline.docs), outline.imports)


def _segment(lines: Sequence[str], outline: Outline, start: int, end: int, symbol: int) -> Segment:
    text = "\n".join(lines[start - 1 : end])
    numbers = range(start, end + 1)
    prose, imports = (sum(number in found for number in numbers) for found in (outline.prose, outline.import_lines))
    code = {*numbers} - outline.prose
    terms = {} if code and outline.repeated.issuperset(code) else counted(text)
    return Segment(start, end, symbol, terms, prose, imports, len(text))


def _stretches(lines: Sequence[str], outline: Outline) -> list[tuple[int, int, int]]:
    """(start, end, symbol) of every segment: outermost functions, and what is between them, cut where types begin.

    Prose is cut from code, and what is long into parts of about `_LONG` lines, where a statement of the lowest
    indentation begins.
    """
    symbols = outline.symbols
    found: list[tuple[int, int, int]] = []
    types = {symbol.start: number for number, symbol in enumerate(symbols) if symbol.kind in ("type", "container")}
    at = 1
    for number, symbol in enumerate(symbols):
        if symbol.kind == "function" and symbol.start >= at:
            found += _gap(at, symbol.start - 1, types)
            found.append((symbol.start, symbol.end, number))
            at = symbol.end + 1
    found += _gap(at, len(lines), types)
    found = [
        (*part, symbol)
        for start, end, symbol in found
        for run in _runs(start, end, outline.prose)
        for part in _cut(lines, *run)
    ]
    return [part for part in found if any(line and not line.isspace() for line in lines[part[0] - 1 : part[1]])]


def _gap(start: int, end: int, types: Mapping[int, int]) -> list[tuple[int, int, int]]:
    cuts = sorted({start, *(line for line in types if start < line <= end), end + 1})
    return [(first, after - 1, types.get(first, -1)) for first, after in pairwise(cuts) if first < after]


def _runs(start: int, end: int, prose: Collection[int]) -> list[tuple[int, int]]:
    """The lines from `start` to `end`, parted where prose of at least `_PROSE` lines begins and ends."""
    cuts = {start, end + 1}
    first = start
    for line in range(start, end + 2):
        if line > end or line not in prose:
            if line - first >= _PROSE:
                cuts |= {first, line}
            first = line + 1
    return [(first, after - 1) for first, after in pairwise(sorted(cuts))]


def _cut(lines: Sequence[str], start: int, end: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while end - start >= _LONG + _SHORT:
        cut = min(range(start + _SHORT, start + _LONG + 1), key=lambda number: _depth(lines, number))
        found.append((start, cut - 1))
        start = cut
    return [*found, (start, end)]


def _depth(lines: Sequence[str], number: int) -> tuple[float, int]:
    """How bad it is to cut before line `number` (1-based): inside a block worse, after a blank line best."""
    line = lines[number - 1] if number <= len(lines) else ""
    text = line.lstrip()
    if not text:
        return (1e9, 0)
    blank_before = number > 1 and not lines[number - 2].strip()
    closing = text[0] in ")]}" or text.startswith(("else", "elif", "except", "finally", "catch"))
    return (len(line) - len(text) - 4 * blank_before + 8 * closing, -number)


def packed(facts: FileFacts) -> bytes:
    """The facts as the disk holds them."""
    plain = [
        [[one.kind, one.name, one.parent, one.start, one.end, one.header] for one in facts.symbols],
        [[one.start, one.end, one.symbol, one.terms, one.prose, one.imports, one.size] for one in facts.segments],
        facts.docs,
        facts.imports,
        facts.clean,
    ]
    return zlib.compress(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"), 1)


def unpacked(data: bytes) -> FileFacts:
    """The inverse of `packed`. Raises ValueError or zlib.error for what is damaged."""
    plain: Any = json.loads(zlib.decompress(data))
    symbols, segments, docs, imports, clean = plain
    symbols = tuple(Symbol(*one) for one in symbols)
    return FileFacts(symbols, tuple(Segment(*one) for one in segments), docs, tuple(imports), clean)
