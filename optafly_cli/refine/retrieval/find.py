"""From a query to files and segments, best first: the weighed sums of their signals."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from optafly_cli.refine.retrieval.clarity import Clarity, clarity
from optafly_cli.refine.retrieval.places import Places, places_of
from optafly_cli.refine.retrieval.query import Query
from optafly_cli.refine.retrieval.signals import signals_of
from optafly_cli.refine.retrieval.units import NAMES, unit_signals
from optafly_cli.refine.retrieval.weights import weights
from optafly_cli.workspace.index.units import Unit
from optafly_cli.workspace.index.view import IndexView

READ_FILES = 8
"""So many of the best files give segments."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file and how likely it is the one, among all; the likelihoods of all candidates add up to 1."""

    label: str
    likelihood: float


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """A segment and how likely it is to be edited. `why` says what the prompt names of it, "" when only words match."""

    label: str
    unit: Unit
    likelihood: float
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """Best first. `named`: the prompt names something of the workspace outright (a path, a frame, a definition).

    `certainty`: the likelihood of the best file, 0 where the prompt has too few words to tell.
    `clarity`: how clearly the first files come first; None where there are none.
    """

    files: tuple[FoundFile, ...] = ()
    units: tuple[FoundUnit, ...] = ()
    named: bool = False
    certainty: float = 0.0
    clarity: Clarity | None = None


def find(view: IndexView, query: Query) -> Found:
    """The files and segments that belong to a query."""
    return with_units(view, query, find_files(view, query))


def find_files(view: IndexView, query: Query) -> Found:
    """The files alone: for a score nobody needs segments."""
    places = places_of(view, query)
    signals = signals_of(view, query, places)
    likelihoods = file_likelihoods(signals)
    return Found(
        tuple(FoundFile(view.labels[file], likelihood) for file, likelihood in likelihoods.items()),
        (),
        bool(places.files) or any(weight >= _SURE and view.defining(name) for name, weight in query.names.items()),
        next(iter(likelihoods.values()), 0.0) if len(query.text) >= _FEWEST_TERMS else 0.0,
        clarity(signals, likelihoods),
    )


def with_units(view: IndexView, query: Query, found: Found) -> Found:
    """The same with the segments of its best files."""
    best = {file: one.likelihood for one in found.files[:READ_FILES] if (file := view.file(one.label)) is not None}
    units = _found_units(view, query, places_of(view, query), best)
    return replace(found, units=tuple(units))


def find_inside(view: IndexView, query: Query, labels: Sequence[str]) -> tuple[FoundUnit, ...]:
    """The segments of these files, best first; the files are the ones that are meant. () when none shares a word."""
    files = [file for label in labels if (file := view.file(label)) is not None]
    return tuple(_found_units(view, query, places_of(view, query), dict.fromkeys(files, 1.0), every=True))


_SURE = 0.7
_FILE = 0.75
"""The power of a file's likelihood that those of its segments are multiplied by; measured."""
SIZE, HEADER = 0.5, 40
"""The power of a segment's characters, and of about those of a header, that its likelihood is divided by; measured."""
_FEWEST_TERMS = 3
_TEXT, _NAMED_LINE = NAMES.index("text"), NAMES.index("named_line")


def file_likelihoods(signals: Mapping[int, Sequence[float]]) -> dict[int, float]:
    """The candidates, best first, with a softmax over their weighed signals."""
    linear = weights().files
    sums = {file: linear.sum(values) for file, values in signals.items()}
    if not sums:
        return {}
    highest = max(sums.values())
    shares = {file: math.exp(value - highest) for file, value in sums.items()}
    total = sum(shares.values())
    return {file: shares[file] / total for file in sorted(shares, key=lambda file: (-shares[file], file))}


def _found_units(
    view: IndexView, query: Query, places: Places, files: Mapping[int, float], *, every: bool = False
) -> list[FoundUnit]:
    linear = weights().units
    signals = unit_signals(view, query, places, files, every=every)
    # What shares no word with the prompt is not found, whatever file it is in; of a named one it fills the room
    sums = {
        segment: linear.sum(values)
        for segment, values in signals.items()
        if every or values[_TEXT] or values[_NAMED_LINE]
    }
    lines: dict[int, list[int]] = {}
    for file, line in sorted(places.lines):
        lines.setdefault(file, []).append(line)
    found = []
    for segment, total in sums.items():
        unit = view.unit(segment)
        likelihood = files[unit.file] ** _FILE / (1.0 + math.exp(-total))
        why = _why(unit, query, lines.get(unit.file, ()))
        found.append(FoundUnit(view.labels[unit.file], unit, likelihood, why))
    return sorted(found, key=_worth)


def _worth(one: FoundUnit) -> tuple[float, str, int]:
    """The order in which segments are taken: likely ones first, of equally likely ones the short."""
    return -one.likelihood / (one.unit.size + HEADER) ** SIZE, one.label, one.unit.lines.start


def _why(unit: Unit, query: Query, lines: Sequence[int]) -> str:
    """`lines`: those of its file that the prompt names, ascending."""
    at = bisect_left(lines, unit.lines.start)
    if at < len(lines) and lines[at] <= unit.lines.end:
        return f"line {lines[at]} of it is named in the prompt"
    if unit.symbol is not None and query.names.get(unit.symbol.name, 0.0) >= _SURE:
        return f"the prompt names {unit.symbol.name}"
    if unit.symbol is not None and query.names.get(unit.symbol.parent, 0.0) >= _SURE:
        return f"the prompt names {unit.symbol.parent}, which it is part of"
    return ""
