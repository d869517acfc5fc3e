"""Findings for people: place, rule and message on one line, under it the line of the prompt with a caret."""

import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence

from optafly_cli.cli.lint_json import low_message, summary
from optafly_cli.cli.ui import Ui
from optafly_cli.refine.linting.check import Checked, is_low
from optafly_cli.refine.result import Finding
from optafly_cli.wording import counted
from optafly_cli.workspace.escape import one_line, printable
from optafly_cli.workspace.secrets import redact

PIPED = 80
_INDENT = "    "
_STYLES = {"error": "error", "warning": "warning"}


def show(ui: Ui, found: Sequence[Checked], least: float | None) -> None:
    """Print the findings. In a pipe a message stays on one line, so that programs can read it."""
    terminal = sys.stdout.isatty()
    width = max(shutil.get_terminal_size().columns, 40) if terminal else PIPED
    for one in found:
        lines = one.target.text.split("\n") if one.findings else []
        safe = redact(one.target.text).text.split("\n") if one.findings else []
        for finding in one.findings:
            place = f"{one_line(one.target.key)}:{finding.line}:{finding.column}:"
            _heading(ui, place, finding, width if terminal else None)
            if finding.line <= len(lines):
                _source(ui, lines[finding.line - 1], safe[finding.line - 1], finding, width)
        if is_low(one, least):
            ui.line(f"{one_line(one.target.key)}: {low_message(one, least)}")


def summarise(ui: Ui, found: Sequence[Checked], least: float | None, *, preview: bool) -> None:
    """Say how many of everything there are, on stderr."""
    counts = summary(found, least)
    parts = [counted(counts["errors"], "error"), counted(counts["warnings"], "warning")]
    if preview:
        fixes = sum(finding.fix is not None for one in found for finding in one.findings)
        parts.append(f"{fixes} can be fixed (nothing was written)")
    if counts["fixed"]:
        parts.append(f"{counts['fixed']} fixed")
    if counts["known"]:
        parts.append(f"{counts['known']} in the baseline")
    ui.note(f"{counted(counts['prompts'], 'prompt')}: {', '.join(parts)}")


def _heading(ui: Ui, place: str, finding: Finding, width: int | None) -> None:
    style = _STYLES.get(finding.severity, "dim")
    start = [(place, "bold"), (" ", None), (finding.severity, style), (f" {finding.rule} ", None)]
    if width is None:
        ui.styled_line(*start, (finding.message, None))
        return
    taken = sum(len(text) for text, _ in start)
    message = printable(finding.message)
    if taken + len(message) <= width:
        ui.styled_line(*start, (message, None))
        return
    ui.styled_line(*start)
    for line in textwrap.wrap(message, width - 2, break_on_hyphens=False):
        ui.styled_line(("  " + line, None))


def _source(ui: Ui, line: str, safe: str, finding: Finding, width: int) -> None:
    """The line of the prompt, cut around the finding, with a caret; without one where a secret was taken out."""
    room = width - len(_INDENT) - 1
    if line != safe:
        ui.styled_line((_INDENT + _cut(printable(safe.strip()), room), "dim"))
        return
    start = min(finding.column - 1, len(line))
    end = len(line) if finding.end_line > finding.line else min(max(finding.end_column - 1, start), len(line))
    lead = len(line) - len(line.lstrip())
    before, marked, after = (
        _flat(part) for part in (line[min(lead, start) : start], line[start:end], line[end:].rstrip())
    )
    if not (before + marked + after).strip():
        return
    marked = _cut(marked, room - 2)
    spare = room - _cells(marked)
    kept = max(spare // 2, spare - _cells(after))
    if _cells(before) > kept:
        before = "…" + _last(before, kept - 1)
    after = _cut(after, room - _cells(before) - _cells(marked))
    ui.styled_line((_INDENT + before, "dim"), (marked, None), (after, "dim"))
    caret = "^" * max(_cells(marked), 1)
    ui.styled_line((_INDENT + " " * _cells(before), None), (caret, _STYLES.get(finding.severity, "dim")))


def _flat(text: str) -> str:
    return printable(text.replace("\t", " "))


def _cut(text: str, room: int) -> str:
    """The beginning that fits, with an ellipsis when something is cut."""
    if _cells(text) <= room:
        return text
    kept = ""
    for char in text:
        if _cells(kept + char) > room - 1:
            break
        kept += char
    return kept + "…" if room > 0 else ""


def _last(text: str, room: int) -> str:
    """The end that fits."""
    kept = ""
    for char in reversed(text):
        if _cells(char + kept) > room:
            break
        kept = char + kept
    return kept


def _cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
