"""How `cache list` and `cache show` look. Pure but for the width of the terminal."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from optafly_cli.cli.columns import Line, clipped, clipped_start, columns, flat, padded, width_of
from optafly_cli.cli.documents import size
from optafly_cli.wording import age, counted
from optafly_cli.workspace.escape import one_line

if TYPE_CHECKING:
    from optafly_cli.cache.listing import Listed, Order, Place
    from optafly_cli.cache.types import Entry

_GAP = "  "
_MODEL = 14
_LEAST = 20
"""Columns that an instruction has at least, on a terminal of 40."""


def rows(found: Sequence["Listed"]) -> Iterator[str]:
    """A line for programs, columns separated by tabs, nothing cut off. Times in UTC."""
    for one in found:
        files = ",".join(one_line(file) for file in one.files)
        when, used = (
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)) for moment in (one.created, one.last_used)
        )
        yield "\t".join(
            (_number(one), when, used, str(one.hits), str(one.bytes), one.model, files, flat(one.instruction))
        )


def table(found: Sequence["Listed"], place: "Place", now: float, order: "Order") -> Iterator[Line]:
    """A line of titles and one for each entry, as wide as the terminal; what it is sorted by is among the columns.

    What has expired is dim.
    """
    width = width_of(sys.stdout)
    titles = ("id", "used" if order == "used" else "age", "size" if order == "size" else "hits", "model", "about")
    cells = [titles, *(_cells(one, place, now, order) for one in found)]
    widths = [max(columns(row[at]) for row in cells) for at in range(len(titles))]
    widths[3:] = min(widths[3], _MODEL), min(widths[4], width // 4)
    for left_out in (3, 4):
        if width - sum(wide + len(_GAP) for wide in widths if wide) < _LEAST:
            widths[left_out] = 0
    texts = ("instruction", *(flat(one.instruction) for one in found))
    styles = ("bold", *("dim" if one.expires <= now else None for one in found))
    for row, text, style in zip(cells, texts, styles, strict=True):
        shown = [_cell(at, cell, wide) for at, (cell, wide) in enumerate(zip(row, widths, strict=True)) if wide]
        lead = _GAP.join(shown) + _GAP
        yield ((lead + clipped(text, width - columns(lead)), style),)


def _cell(at: int, text: str, width: int) -> str:
    """Numbers to the right; of a path its end."""
    if at < 3:
        return f"{text:>{width}}"
    return padded(clipped(text, width) if at == 3 else clipped_start(text, width), width)


def _cells(one: "Listed", place: "Place", now: float, order: "Order") -> tuple[str, ...]:
    since = age(now - (one.last_used if order == "used" else one.created))
    last = size(one.bytes) if order == "size" else f"{one.hits:,}"
    return (_number(one), since, last, one_line(one.model.removeprefix("claude-")), _about(one, place))


def _number(one: "Listed") -> str:
    return "" if one.id is None else str(one.id)


def _about(one: "Listed", place: "Place") -> str:
    """The first file and how many more; of another workspace with its folder's name before it."""
    named = [*one.files, *one.besides]
    if not named:
        return "" if place.is_of(one.workspace) else f"{_name(one.workspace)}/"
    first = named[0] if place.is_of(one.workspace) or named[0].startswith("/") else f"{_name(one.workspace)}/{named[0]}"
    more = f" +{len(named) - 1}" if len(named) > 1 else ""
    return one_line(first) + more


def _name(workspace: str) -> str:
    """A short name of a workspace: its folder's, or the beginning of its first commit."""
    kind, _, commit = workspace.partition(":")
    return commit[:7] if kind == "git" and commit else workspace.rstrip("/").rpartition("/")[2]


def facts(one: "Listed", entry: "Entry", place: "Place", now: float) -> Iterator[Line]:
    """All that is known about an entry but its answer, a line each."""
    for label, text in _facts(one, entry, place, now):
        for at, line in enumerate(text.splitlines() or [""]):
            yield ((f"{'' if at else label:<10}", "dim"), (line, None))


def _facts(one: "Listed", entry: "Entry", place: "Place", now: float) -> Iterator[tuple[str, str]]:
    usage = entry.answer.usage
    sent = usage.prompt_tokens
    yield "entry", str(one.id)
    yield "prompt", one.prompt
    yield "workspace", one_line(one.workspace) + ("" if place.is_of(one.workspace) else " (not this one)")
    for item in entry.evidence.files:
        yield "file", f"{one_line(item.path)} ({(item.digest or 'absent')[:12]})"
    for unit in entry.evidence.units:
        start, end = unit.typed
        lines = str(start) if start == end else f"{start}-{end}"
        yield "file", f"{one_line(unit.path)}:{lines} ({unit.digest[:12]})"
    if one.besides:
        yield "with", ", ".join(one.besides)
    price = "" if one.cost is None else f", ${one.cost:.4f}"
    yield "model", f"{one_line(one.model)}: {sent:,} tokens in, {usage.output_tokens:,} out{price}"
    yield "stored", _when(one.created, now)
    yield "used", f"{counted(one.hits, 'hit')}" + (f", the last {_when(one.last_used, now)}" if one.hits else "")
    yield "expires", _day(one.expires) + (" (it is not served any more)" if one.expires <= now else "")
    yield "size", size(one.bytes)
    yield "answers", "its words, and others that mean the same" if one.reworded else "the very same words only"


def _when(moment: float, now: float) -> str:
    return f"{_day(moment)} ({age(now - moment)} ago)"


def _day(moment: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
    except (OverflowError, ValueError, OSError):
        return "never"
