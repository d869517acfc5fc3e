"""Putting the segments that were found into the prompt: those worth most a token first, until the room is full.

What segments cost is estimated while they are picked, because counting takes longer than searching did; then the
sections are counted, and what was estimated too high or too low is taken back or made up for.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from optafly_cli.refine.pack import Group, Pack, Wanted
from optafly_cli.refine.retrieval.find import FoundUnit
from optafly_cli.workspace.types import LineRange

File = Callable[[str], Wanted | None]
MOST_LOOKED_AT = 200
ROUNDS = 3
"""So often the room that is left after counting is filled."""
_SECTION, _PART = 24, 8
"""About what the markup costs of a first part of a file, and of one more; counted when they are placed."""
_MARGIN = 1.02
_LEAST = 10
"""Room of fewer tokens is not worth filling."""
_TOUCHING = 2
"""Segments with no more lines between them than this become one piece."""


@dataclass(slots=True)
class _Picked:
    """Lines of one file that will become a piece."""

    lines: LineRange
    units: list[FoundUnit]


@dataclass(slots=True)
class _Filling:
    """What has been picked for some room. `taken` in order, with the estimates; `counted` by file.

    `rate`: tokens a character; `scale`: what estimates have to be multiplied by, as counting has shown.
    """

    pack: Pack
    file_of: File
    room: int
    files: dict[str, Wanted | None] = field(default_factory=dict)
    taken: list[tuple[FoundUnit, float]] = field(default_factory=list)
    counted: dict[str, tuple[Group, int]] = field(default_factory=dict)
    rate: float = 0.0
    scale: float = _MARGIN

    @property
    def used(self) -> int:
        """Tokens of all that is picked, as counted last."""
        return sum(tokens for _, tokens in self.counted.values())

    def wanted(self, label: str) -> Wanted | None:
        """What a file is, asked once."""
        if label not in self.files:
            self.files[label] = self.file_of(label)
        return self.files[label]

    def pick(self, units: Iterable[FoundUnit]) -> list[FoundUnit]:
        """Take units that fit into what is left by estimate; those that are passed over for now."""
        left = float(self.room - self.used)
        over: list[FoundUnit] = []
        parts = self.parts()
        for one in units:
            lines = one.unit.lines
            # A file is read, and secrets are looked for in it, only when something of it may fit
            if self.rate and self._estimate(one, 0 if one.label in self.files else _SECTION) > left:
                over.append(one)
                continue
            wanted = self.wanted(one.label)
            # The index may know the file as it was when it was longer
            if wanted is None or lines.start > wanted.lines.end or self.pack.covered(wanted, lines):
                continue
            of_file = parts.setdefault(one.label, [])
            if not self.rate:
                text = wanted.text.text(lines.start, lines.end)
                self.rate = self.pack.count(text, wanted.language) / max(1, len(text))
            touching = [part for part in of_file if _touch(part.lines, lines)]
            header = 0 if touching else _PART if of_file else _SECTION
            cost = self._estimate(one, header)
            if cost > left:
                over.append(one)
                continue
            left -= cost
            self.taken.append((one, cost / self.scale))
            _join(of_file, one)
        return over

    def _estimate(self, one: FoundUnit, header: int) -> float:
        return (one.unit.size * self.rate + header) * self.scale

    def parts(self) -> dict[str, list[_Picked]]:
        """The pieces that what is taken makes, by file."""
        found: dict[str, list[_Picked]] = {}
        for one, _ in self.taken:
            _join(found.setdefault(one.label, []), one)
        return found

    def count(self, least: int) -> None:
        """Count the sections as they are now, those that have changed; take back what is too much.

        The first `least` of what is taken are known to fit.
        """
        while True:
            before = self.counted
            self.counted = {}
            for label, parts in self.parts().items():
                group = self._group(label, parts)
                if group is not None:
                    same = before.get(label)
                    tokens = same[1] if same and same[0].markup == group.markup else self.pack.added(group)
                    self.counted[label] = (group, tokens)
            # Estimates are off by as much as they are off in all
            scale = self.used / max(1.0, sum(cost for _, cost in self.taken))
            over = float(self.used - self.room)
            if over <= 0 or len(self.taken) <= least:
                break
            while len(self.taken) > least and over > 0:
                over -= self.taken.pop()[1] * scale
        self.scale = scale or _MARGIN

    def _group(self, label: str, parts: Sequence[_Picked]) -> Group | None:
        wanted = self.files[label]
        if wanted is None:
            return None
        wanted = replace(wanted, kind="code")
        free = [
            (lines, _reason(wanted.reason, part.units))
            for part in parts
            for lines in self.pack.free(wanted, _within(part.lines, wanted.lines))
        ]
        return self.pack.with_parts(wanted, free) if free else None


def add_units(pack: Pack, wanted: Wanted, units: Iterable[FoundUnit], room: int) -> bool:
    """Place segments of the file that `wanted` is, best first, in at most `room` tokens; whether any was placed."""
    return add_found(pack, lambda label: wanted if label == wanted.label else None, units, room)


def add_found(pack: Pack, file_of: File, units: Iterable[FoundUnit], room: int) -> bool:
    """Place segments of several files, best first, in at most `room` tokens.

    `file_of` says what a file is (`Wanted` for all of its lines), once for each; None: it is passed over.
    """
    filling = _Filling(pack, file_of, min(room, pack.room))
    rest = list(units)[:MOST_LOOKED_AT]
    for _ in range(ROUNDS):
        before = len(filling.taken)
        rest = filling.pick(rest)
        if len(filling.taken) == before:
            break
        filling.count(before)
        if filling.room - filling.used < _LEAST:
            break
    for group, tokens in filling.counted.values():
        pack.put_group(group, tokens)
    return bool(filling.counted)


def _join(parts: list[_Picked], one: FoundUnit) -> None:
    """Add a unit to the pieces of its file; those that it touches become one."""
    lines = one.unit.lines
    touching = [part for part in parts if _touch(part.lines, lines)]
    merged = _span([lines, *(part.lines for part in touching)])
    units = [unit for part in touching for unit in part.units]
    parts[:] = [*(part for part in parts if part not in touching), _Picked(merged, [*units, one])]


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
