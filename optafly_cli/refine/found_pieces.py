"""Putting the segments that were found into the prompt: the likeliest first, those that touch made one piece."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from optafly_cli.refine.pack import Pack, Wanted
from optafly_cli.refine.retrieval.find import FoundUnit
from optafly_cli.workspace.types import LineRange

File = Callable[[str], Wanted | None]
MOST_LOOKED_AT = 80
_HEADER_TOKENS = 24
"""About what the markup around a piece costs; the exact count is made when it is placed."""
_MARGIN = 1.05
_TOUCHING = 2
"""Segments with no more lines between them than this become one piece."""


@dataclass(slots=True)
class _Picked:
    """Lines of one file that will become a piece."""

    lines: LineRange
    units: list[FoundUnit] = field(default_factory=list)


def add_units(pack: Pack, wanted: Wanted, units: Iterable[FoundUnit], room: int) -> bool:
    """Place segments of the file that `wanted` is, best first, in at most `room` tokens; whether any was placed."""
    return add_found(pack, lambda label: wanted if label == wanted.label else None, units, room)


def add_found(pack: Pack, file_of: File, units: Iterable[FoundUnit], room: int) -> bool:
    """Place segments of several files, best first, in at most `room` tokens.

    `file_of` says what a file is (`Wanted` for all of its lines), once for each; None: it is passed over.
    """
    files: dict[str, Wanted | None] = {}
    picked = _pick(pack, file_of, files, units, room)
    keep = max(0, pack.room - room)
    before = len(pack.chosen)
    for label, parts in picked.items():
        wanted = files[label]
        if wanted is None:
            continue
        for part in sorted(parts, key=lambda one: one.lines.start):
            best = part.units[0]
            reason = _reason(wanted.reason, part.units)
            must = _within(best.unit.lines, part.lines)
            pack.place(replace(wanted, kind="code", lines=part.lines, must=must, reason=reason), keep)
    return len(pack.chosen) > before


def _pick(
    pack: Pack, file_of: File, files: "dict[str, Wanted | None]", units: Iterable[FoundUnit], room: int
) -> dict[str, list[_Picked]]:
    picked: dict[str, list[_Picked]] = {}
    rates: dict[str, float] = {}
    left = room
    for looked_at, found in enumerate(units):
        if looked_at >= MOST_LOOKED_AT or left <= _HEADER_TOKENS:
            break
        if found.label not in files:
            files[found.label] = file_of(found.label)
        wanted = files[found.label]
        if wanted is None:
            continue
        lines = LineRange(found.unit.lines.start, min(found.unit.lines.end, len(wanted.text.lines)))
        if lines.end < lines.start or pack.covered(found.label, lines):
            continue
        parts = picked.setdefault(found.label, [])
        touching = [part for part in parts if _touch(part.lines, lines)]
        merged = _span([lines, *(part.lines for part in touching)])
        text = wanted.text.text(lines.start, lines.end)
        if found.label not in rates:
            # Counting takes longer than searching did: the first segment tells how dense the file is
            rates[found.label] = pack.count(text, wanted.language) / max(1, len(text))
        cost = round(len(text) * rates[found.label] * _MARGIN) + (0 if touching else _HEADER_TOKENS)
        if cost > left:
            continue
        left -= cost
        parts[:] = [part for part in parts if part not in touching]
        parts.append(_Picked(merged, [unit for part in touching for unit in part.units] + [found]))
    return {label: parts for label, parts in picked.items() if parts}


def _touch(one: LineRange, other: LineRange) -> bool:
    return one.start - other.end <= _TOUCHING + 1 and other.start - one.end <= _TOUCHING + 1


def _span(parts: Sequence[LineRange]) -> LineRange:
    return LineRange(min(part.start for part in parts), max(part.end for part in parts))


def _within(lines: LineRange, outer: LineRange) -> LineRange:
    return LineRange(max(lines.start, outer.start), min(lines.end, outer.end))


def _reason(lead: str, units: Sequence[FoundUnit]) -> str:
    why = next((unit.why for unit in units if unit.why), "")
    names = dict.fromkeys(unit.unit.symbol.name for unit in units if unit.unit.symbol is not None)
    what = ", ".join(list(names)[:3])
    return ", ".join(part for part in (lead, what, why) if part)
