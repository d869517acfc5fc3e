"""The changes of a rewrite as rows of the approval screen: the parts of one file in one row, or each in its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optafly_cli.cli.columns import clipped, clipped_start, columns
from optafly_cli.refine.proposal import Proposal
from optafly_cli.refine.result import Change, by_file
from optafly_cli.refine.undo import span
from optafly_cli.workspace.escape import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

ADDED, UNNAMED, UNDONE = "green", "bold magenta", "dim"
ONE_LINE = 72
"""Columns of a terminal from which a row that is cut is one line; below, what is not named is said on a second."""
NOT_NAMED = "not named by you"
_ADDED = "Added "


@dataclass(frozen=True, slots=True)
class _Row:
    """One row. `short` is the place that stands for all of `said` where not even that fits, "" for none.

    `parts`: how many of that file's, "" for a change that is shown alone.
    """

    numbers: str
    mark: str
    said: str
    short: str
    parts: str
    note: str
    tokens: str
    gain: str
    style: str


def change_lines(
    console: "Console", proposal: Proposal, *, folded: bool = True, cut: bool = True
) -> "list[list[Text]]":
    """The lines of each row, the table's head first; none when nothing was changed.

    `folded`: the parts of one file in one row. `cut`: what is too long for a line is cut, not wrapped.
    """
    groups = by_file(proposal.changes) if folded else ((change,) for change in proposal.changes)
    rows = [_row(proposal, group) for group in groups]
    if not rows:
        return []
    parts = " (l: all)" if len(rows) < len(proposal.changes) else ""
    rows.insert(0, _Row("", "", f"changes{parts}", "", "", "", "tokens", "score", "bold"))
    cells = ((row.numbers, row.tokens, row.gain) for row in rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [list(_lines(console, row, widths, cut=cut)) for row in rows]


def mark_of(proposal: Proposal, change: Change) -> tuple[str, str]:
    """What stands before a change, and the style of its row."""
    if proposal.is_undone(change):
        return "-", UNDONE
    return ("+", ADDED) if change.undoable else ("·", "")


def said_of(change: Change) -> str:
    """The change in words, with the finding that it answers."""
    rule = f" ({change.rule})" if change.rule.startswith("OPF") else ""
    return printable(change.description) + rule


def gain_of(gain: float | None) -> str:
    """What the score gains, "" for what is not worth a word."""
    return f"+{gain:.2f}" if gain and gain >= 0.005 else ""


def gain_together(present: Sequence[Change]) -> str:
    """What the score gains by a change, or by the parts of one file together; "" for none."""
    if len(present) > 1:
        return gain_of(present[0].file_gain)
    return gain_of(present[0].score_gain) if present else ""


def together(group: Sequence[Change], present: int) -> str:
    """The parts of one file in words; `present` of them are not left out."""
    return f"{_ADDED}{group[0].path}: {_parts(group, present)}"


def _parts(group: Sequence[Change], present: int) -> str:
    return f"{present} of {len(group)} parts" if 0 < present < len(group) else f"{len(group)} parts"


def _row(proposal: Proposal, group: Sequence[Change]) -> _Row:
    first = group[0]
    present = [change for change in group if not proposal.is_undone(change)]
    mark, style = mark_of(proposal, (present or group)[0])
    note = NOT_NAMED if first.path and first.rule == "context" else ""
    tokens = f"{sum(change.tokens_added for change in present):+,}" if present else "left out"
    if len(group) == 1:
        place = printable(first.evidence) if first.path else ""
        return _Row(f"{first.number}", mark, said_of(first), place, "", note, tokens, gain_together(present), style)
    numbers, said = span(first.number, group[-1].number), printable(together(group, len(present)))
    path, parts = printable(first.path), _parts(group, len(present))
    return _Row(numbers, mark, said, path, parts, note, tokens, gain_together(present), style)


def _lines(console: "Console", row: _Row, widths: Sequence[int], *, cut: bool) -> "Iterator[Text]":
    from rich.text import Text

    numbers, tokens, gain = widths
    room = console.width - numbers - tokens - gain - 6
    note = Text(row.note, style=UNNAMED)
    behind = Text.assemble(", ", note) if row.note else note
    if cut and console.width >= ONE_LINE:
        said = [Text.assemble((_cut(row, room - behind.cell_len), row.style), behind)]
    elif cut:
        below = Text.assemble((row.parts, row.style), behind if row.parts else note)
        said = [Text(_cut(row, room, alone=True), row.style), *([below] if below else [])]
    else:
        said = [*Text.assemble((row.said, row.style), behind).wrap(console, room, overflow="fold")]
    for number, part in enumerate(said):
        part.rstrip()
        line = Text(f"{row.numbers if not number else '':>{numbers}} {row.mark if not number else '':1} ")
        line.stylize(row.style, numbers)
        line.append_text(part)
        if not number and (row.tokens or row.gain):
            line.append(" " * (room - part.cell_len + 1))
            line.append(f"{row.tokens:>{tokens}} {row.gain:>{gain}}".rstrip(), style=row.style)
        yield line


def _cut(row: _Row, room: int, *, alone: bool = False) -> str:
    """What the row says, in that many columns; of a path the end stays. `alone`: without how many parts."""
    parts = f": {row.parts}" if row.parts and not alone else ""
    if row.short and (alone or columns(_ADDED + row.short + parts) > room):
        return clipped_start(row.short, room - columns(parts)) + parts
    return clipped(row.said, room)
