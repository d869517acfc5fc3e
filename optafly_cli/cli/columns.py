"""Text that has to fit into columns of a terminal."""

import shutil
from collections.abc import Iterable
from typing import TextIO
from unicodedata import east_asian_width

from optafly_cli.workspace.escape import printable

Line = tuple[tuple[str, str | None], ...]
"""One line on the screen: texts, each with its style."""


def width_of(stream: TextIO) -> int:
    """The terminal's columns; 80 in a pipe."""
    return max(shutil.get_terminal_size().columns, 40) if stream.isatty() else 80


def fitting(line: Iterable[tuple[str, str | None]], width: int) -> Line:
    """The line, cut off with an ellipsis where it is longer than the screen."""
    parts: list[tuple[str, str | None]] = []
    room = width
    for text, style in line:
        cut = clipped(text, room)
        parts.append((cut, style))
        room -= columns(cut)
        if cut != text:
            break
    return tuple(parts)


def clipped(text: str, width: int) -> str:
    """The text, its end cut off with an ellipsis where it needs more than `width` columns."""
    if columns(text) <= width:
        return text
    cut = text[: max(width - 1, 0)]
    while columns(cut) >= max(width, 1):
        cut = cut[:-1]
    return cut + "…"


def clipped_start(text: str, width: int) -> str:
    """The text, its beginning cut off: of a path the last part says most."""
    if columns(text) <= width:
        return text
    cut = text[-max(width - 1, 1) :]
    while columns(cut) >= max(width, 2):
        cut = cut[1:]
    return "…" + cut


def padded(text: str, width: int) -> str:
    """The text with blanks behind it, `width` columns in all."""
    return text + " " * (width - columns(text))


def columns(text: str) -> int:
    """How many columns a terminal needs for it: two for a wide character."""
    return len(text) if text.isascii() else sum(1 + (east_asian_width(character) in "WF") for character in text)


def flat(text: str) -> str:
    """The text on one line, without control characters."""
    return printable(" ".join(text.split()))
