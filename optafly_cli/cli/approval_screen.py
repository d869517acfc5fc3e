"""What the user sees of a rewrite before he decides: both prompts, the numbered changes, what it costs and gains.

Everything fits the screen: of a text that is too long its beginning and its end are shown. Added lines have a `+`
before them, so they can be told apart without colour; colours are ones that show on black and on white.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from optafly_cli.refine.markup import parse
from optafly_cli.refine.proposal import Proposal
from optafly_cli.refine.result import Change, RefinedPrompt
from optafly_cli.workspace.escape import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

SIDE_BY_SIDE = 60
"""Columns of a terminal from which the two prompts stand side by side; below, one above the other."""
LEAST_ROWS = 6
"""Rows that a prompt gets however low the screen is."""
_FRAME_ROWS, _FRAME_COLUMNS = 4, 3
ADDED, UNNAMED, UNDONE = "green", "bold magenta", "dim"

Line = tuple[str, str, str]
"""A mark, a text and a style."""


def show(console: "Console", proposal: Proposal, metrics: str, asking: int = 2) -> None:
    """Draw the proposal; `asking` rows stay free for the question below it."""
    from rich.text import Text

    below: list[RenderableType] = [changes_grid(proposal), *_questions(proposal), Text(metrics, style="bold")]
    rows = sum(len(console.render_lines(one, console.options, pad=False)) for one in below) + asking
    room = console.height - rows
    for table in _prompts(console, proposal.refined, room):
        console.print(table)
    for one in below:
        console.print(one)


def whole(proposal: Proposal, metrics: str) -> str:
    """All of both prompts and of the changes as plain text, for a pager."""
    refined = proposal.refined
    lines = ["original", "========", *printable(refined.original).split("\n"), "", "refined", "======="]
    lines += [mark + text for mark, text, _ in lines_of(refined)]
    lines += ["", "changes", "======="]
    for change in proposal.changes:
        mark, _ = _mark(proposal, change)
        cost = f"{change.tokens_added:+,} token{'s' if change.tokens_added != 1 else ''}"
        gain = f", score {_gain(change)}" if _gain(change) else ""
        lines.append(f"{change.number:>2} {mark} {_said(change)}: {cost}{gain}")
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
        rows = max(LEAST_ROWS, room - _FRAME_ROWS)
        table = Table(box=box.ROUNDED)
        table.add_column("original", width=left)
        table.add_column("refined", width=right)
        table.add_row(_folded(console, original, left, rows), _folded(console, rewritten, right, rows))
        yield table
        return
    rows = max(2 * LEAST_ROWS, room - 2 * _FRAME_ROWS)
    above = _folded(console, original, width, rows // 3)
    left_rows = rows - len(above.split("\n"))
    for title, cell in (("original", above), ("refined", _folded(console, rewritten, width, left_rows))):
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


def changes_grid(proposal: Proposal) -> "RenderableType":
    """The numbered changes, each with what it costs and what it gains."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, padding=(0, 1, 0, 0), expand=True, pad_edge=False, show_header=bool(proposal.changes))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column("changes", ratio=1, overflow="fold")
    grid.add_column("tokens", justify="right", no_wrap=True)
    grid.add_column("score", justify="right", no_wrap=True)
    for change in proposal.changes:
        mark, style = _mark(proposal, change)
        said = Text(_said(change), style=style)
        if change.rule == "context" and change.kind == "added_code_snippet":
            said.append(", not named by you", style=UNNAMED)
        undone = proposal.is_undone(change)
        tokens = Text("left out" if undone else f"{change.tokens_added:+,}", style=style)
        gain = "" if undone else _gain(change)
        grid.add_row(Text(f"{change.number}"), Text(mark, style=style), said, tokens, Text(gain, style=style))
    return grid


def _mark(proposal: Proposal, change: Change) -> tuple[str, str]:
    if proposal.is_undone(change):
        return "-", UNDONE
    return ("+", ADDED) if change.undoable else ("·", "")


def _said(change: Change) -> str:
    rule = f" ({change.rule})" if change.rule.startswith("OPF") else ""
    return printable(change.description) + rule


def _gain(change: Change) -> str:
    return f"+{change.score_gain:.2f}" if change.score_gain and change.score_gain >= 0.005 else ""


def _questions(proposal: Proposal) -> "Iterator[Text]":
    """What only the user can tell, and has not told yet."""
    from rich.text import Text

    asked = [question.text for question in proposal.refined.questions]
    if asked:
        yield Text(f"not said: {printable(' '.join(asked))} (w answers)")
