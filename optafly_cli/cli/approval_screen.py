"""What the user sees of a rewrite before he decides: both prompts, the numbered changes, what it costs and gains.

Everything fits a screen of 24 rows, and of fewer what has to be read: of a text that is too long its beginning and its
end are shown, the parts of one file are one row, and of a list that is still too long its beginning. Added lines have a
`+` before them, so they can be told apart without colour; colours are ones that show on black and on white.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from optafly_cli.cli.change_rows import ADDED, NOT_NAMED, UNNAMED, change_lines, gain_of, mark_of, said_of
from optafly_cli.refine.markup import parse
from optafly_cli.refine.proposal import Proposal
from optafly_cli.refine.result import RefinedPrompt
from optafly_cli.workspace.escape import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

SIDE_BY_SIDE = 60
"""Columns of a terminal from which the two prompts stand side by side; below, one above the other."""
LEAST_ROWS = 6
"""Rows that a prompt gets before the list of changes is cut."""
LOWEST = 3
"""Rows that a prompt gets, and rows of changes that are shown, however low the screen is."""
MOST_ASKED = 2
"""Rows that what is not said may take; it is counted where it takes more."""
_FRAME_ROWS, _FRAME_COLUMNS = 4, 3

Line = tuple[str, str, str]
"""A mark, a text and a style."""


def show(console: "Console", proposal: Proposal, metrics: str, question: str) -> None:
    """Draw the proposal; room stays free for the question below it, and for a line more."""
    from rich.text import Text

    last = [*_questions(console, proposal), Text(metrics, style="bold")]
    room = console.height - 1 - sum(_height(console, one) for one in [*last, Text(question)])
    below = [*_listed(change_lines(console, proposal), room - LEAST_ROWS - _FRAME_ROWS), *last]
    for table in _prompts(console, proposal.refined, room + len(last) - len(below)):
        console.print(table)
    for one in below:
        console.print(one)


def list_changes(console: "Console", proposal: Proposal) -> "tuple[list[Text], bool]":
    """Every change in a row of its own, and whether they fit the screen; cut to a line if that makes them fit."""
    whole, cut = (
        [line for row in change_lines(console, proposal, folded=False, cut=cut) for line in row]
        for cut in (False, True)
    )
    room = console.height - 1 - MOST_ASKED
    return (cut, True) if len(cut) <= room < len(whole) else (whole, len(whole) <= room)


def _height(console: "Console", text: "Text") -> int:
    return len(text.wrap(console, console.width))


def _listed(rows: "list[list[Text]]", room: int) -> "list[Text]":
    """The rows' lines, in that room; of too many rows the first, and how many more there are."""
    from rich.text import Text

    lines = [line for row in rows for line in row]
    if len(lines) <= max(room, LOWEST + 2):
        return lines
    shown, used = 0, 0
    while shown < len(rows) and (shown <= LOWEST or used + len(rows[shown]) < room):
        used += len(rows[shown])
        shown += 1
    if shown == len(rows):
        return lines
    hidden = len(rows) - shown
    more = Text(f"… {hidden} more row{'s' if hidden != 1 else ''}", style="italic")
    unnamed = sum(any(NOT_NAMED in line.plain for line in row) for row in rows[shown:])
    if unnamed:
        more.append(f", {unnamed} ").append(NOT_NAMED, style=UNNAMED)
    more.append(" (l lists them)")
    return [*(line for row in rows[:shown] for line in row), more]


def whole(proposal: Proposal, metrics: str) -> str:
    """All of both prompts and of the changes as plain text, for a pager."""
    refined = proposal.refined
    lines = ["original", "========", *printable(refined.original).split("\n"), "", "refined", "======="]
    lines += [mark + text for mark, text, _ in lines_of(refined)]
    lines += ["", "changes", "======="]
    for change in proposal.changes:
        mark, _ = mark_of(proposal, change)
        cost = f"{change.tokens_added:+,} token{'s' if change.tokens_added != 1 else ''}"
        gain = f", score {gain_of(change.score_gain)}" if gain_of(change.score_gain) else ""
        lines.append(f"{change.number:>2} {mark} {said_of(change)}: {cost}{gain}")
        lines.append(f"     {change.rule}; {printable(change.evidence)}")
    return "\n".join([*lines, "", metrics, ""])


def lines_of(refined: RefinedPrompt) -> Iterator[Line]:
    """The lines of the refined prompt, those that were added marked."""
    text = refined.text
    structure = parse(text) if refined.changes else None
    start, end = structure.original if structure else (0, len(text))
    position = 0
    for line in text.split("\n"):
        added = not start <= position <= end
        yield ("+ " if added else "  ", printable(line).expandtabs(4), ADDED if added else "")
        position += len(line) + 1


def _prompts(console: "Console", refined: RefinedPrompt, room: int) -> "Iterator[RenderableType]":
    from rich import box
    from rich.table import Table

    original = [("", printable(line).expandtabs(4), "") for line in refined.original.split("\n")]
    rewritten = list(lines_of(refined))
    width = console.width - 1 - _FRAME_COLUMNS
    if console.width >= SIDE_BY_SIDE:
        left = max(len("original"), min(max(len(text) for _, text, _ in original), console.width // 3))
        right = width - left - _FRAME_COLUMNS
        rows = max(LOWEST, room - _FRAME_ROWS)
        table = Table(box=box.ROUNDED)
        table.add_column("original", width=left)
        table.add_column("refined", width=right)
        table.add_row(_folded(console, original, left, rows), _folded(console, rewritten, right, rows))
        yield table
        return
    cells: list[tuple[str, Text]] = []
    rows = room - _FRAME_ROWS
    if rows - _FRAME_ROWS >= 2 * LEAST_ROWS:
        above = _folded(console, original, width, (rows - _FRAME_ROWS) // 3)
        cells.append(("original", above))
        rows -= _FRAME_ROWS + len(above.split("\n"))
    # Low and narrow: what was typed stands in the refined prompt, without a mark
    cells.append(("refined", _folded(console, rewritten, width, max(LOWEST, rows))))
    for title, cell in cells:
        table = Table(box=box.ROUNDED)
        table.add_column(title, width=width)
        table.add_row(cell)
        yield table


def _folded(console: "Console", lines: Sequence[Line], width: int, rows: int) -> "Text":
    """The lines in that many rows and columns: all of them, else the first and the last with a note between."""
    from rich.text import Text

    top = _rows(console, lines, width, rows + 1)
    if len(top) <= rows:
        return Text("\n").join(row for row, _ in top)
    head = top[: (rows - 1) // 2]
    tail = _rows(console, lines[::-1], width, rows - 1 - len(head), backwards=True)
    first, last = head[-1][1] if head else -1, len(lines) - 1 - tail[-1][1]
    hidden = last - first - 1
    note = f"… {hidden:,} more line{'s' if hidden != 1 else ''} (v shows all)" if hidden > 0 else "… (v shows all)"
    parts = [*(row for row, _ in head), Text(note, style="italic"), *(row for row, _ in reversed(tail))]
    return Text("\n").join(parts)


def _rows(
    console: "Console", lines: Sequence[Line], width: int, most: int, *, backwards: bool = False
) -> "list[tuple[Text, int]]":
    """At most so many rows of the lines, each with the number of its line; `backwards`: a line's last rows first."""
    from rich.text import Text

    found: list[tuple[Text, int]] = []
    for number, (mark, text, style) in enumerate(lines):
        if len(found) >= most:
            break
        longest = width * most
        part = text[-longest:] if backwards else text[:longest]
        inner = max(1, width - len(mark))
        wrapped = Text(part, style=style).wrap(console, inner, overflow="fold") if part else [Text()]
        rows = [Text.assemble((mark, style), row) for row in wrapped]
        found += [(row, number) for row in (reversed(rows) if backwards else rows)]
    return found[:most]


def _questions(console: "Console", proposal: Proposal) -> "Iterator[Text]":
    """What only the user can tell, and has not told yet."""
    from rich.text import Text

    asked = [question.text for question in proposal.refined.questions]
    if not asked:
        return
    text = Text(f"not said: {printable(' '.join(asked))} (w answers)")
    if _height(console, text) > MOST_ASKED:
        text = Text(f"not said: {len(asked)} thing{'s' if len(asked) != 1 else ''} (w asks)")
    yield text
