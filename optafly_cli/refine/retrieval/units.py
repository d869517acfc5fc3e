"""What speaks for each segment of the files that matter: its words, its name, the lines that the prompt names."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import nlargest
from itertools import islice

from optafly_cli.refine.retrieval.places import Places
from optafly_cli.refine.retrieval.query import Query
from optafly_cli.workspace.index.units import Unit
from optafly_cli.workspace.index.view import IndexView
from optafly_cli.workspace.index.words import terms_of

CANDIDATES = 200
SCORES = ("text", "title", "code")
NAMES = (
    "text", "title", "code", "text_in_file", "title_in_file", "code_in_file", "text_whole",
    "title_whole", "text_near", "name", "parent", "name_in_title", "name_in_text", "parent_in_title", "named_line",
    "head", "type", "neither", "special", "constructor", "length", "share_of_unit", "prose", "imports", "text_around",
    "title_around", "segments",
)  # fmt: skip


def unit_signals(
    view: IndexView, query: Query, places: Places, files: Collection[int], *, every: bool = False
) -> dict[int, Sequence[float]]:
    """For the candidates among the segments of `files` their signals in the order of `NAMES`.

    They say how likely a segment is if its file is the one. Candidates are the `CANDIDATES` whose words match best, and
    those with a line that is named; where there are any, with `every` also segments without a word of the query, up to
    that number.
    """
    scores = dict(zip(SCORES, view.segment_scores(files, (query.text, query.title, query.code)), strict=True))
    highest = {name: max(found.values(), default=0.0) or 1.0 for name, found in scores.items()}
    named_lines = {segment for file, line in places.lines if (segment := view.segment_at(file, line)) is not None}
    candidates = _candidates(scores, highest) | {one for one in named_lines if view.file_of(one) in files}
    if every and candidates:
        others = (segment for file in files for segment in view.segments(file) if segment not in candidates)
        candidates |= set(islice(others, max(0, CANDIDATES - len(candidates))))
    in_file = {name: _best(found, view.file_of) for name, found in scores.items()}
    whole = {name: _best(scores[name], view.function_of) for name in ("text", "title")}
    units = {segment: view.unit(segment) for segment in sorted(candidates)}
    shares = _shares(units.values())
    many = {file: math.log(len(view.segments(file)) or 1) for file in files}
    found: dict[int, Sequence[float]] = {}
    texts, titles, codes = (scores[name].get for name in SCORES)
    for segment, unit in units.items():
        text, title, code = texts(segment, 0.0), titles(segment, 0.0), codes(segment, 0.0)
        before, after = texts(segment - 1, 0.0), texts(segment + 1, 0.0)
        around = title + 0.5 * (titles(segment - 1, 0.0) + titles(segment + 1, 0.0))
        function = view.function_of(segment)
        length = unit.lines.end - unit.lines.start + 1
        lines = unit.symbol.end - unit.symbol.start + 1 if unit.symbol is not None else length
        found[segment] = (
            text / highest["text"],
            title / highest["title"],
            code / highest["code"],
            text / (in_file["text"].get(unit.file) or 1.0),
            title / (in_file["title"].get(unit.file) or 1.0),
            code / (in_file["code"].get(unit.file) or 1.0),
            whole["text"].get(function, 0.0) / highest["text"],
            whole["title"].get(function, 0.0) / highest["title"],
            max(before, after) / highest["text"],
            *_naming(unit, query, shares),
            float(segment in named_lines),
            float(unit.lines.start <= 1),
            *_kind(unit),
            math.log(length),
            min(1.0, length / lines),
            unit.prose / length,
            unit.imports / length,
            # Of a segment, and half of what its neighbours have
            (text + 0.5 * (before + after)) / highest["text"],
            around / highest["title"],
            # A segment of many is the one less often
            many[unit.file],
        )
    return found


def _candidates(scores: Mapping[str, Mapping[int, float]], highest: Mapping[str, float]) -> set[int]:
    total: defaultdict[int, float] = defaultdict(float)
    for name, found in scores.items():
        for segment, score in found.items():
            total[segment] += score / highest[name]
    return set(nlargest(CANDIDATES, total, key=lambda segment: (total[segment], -segment)))


def _best(scores: Mapping[int, float], group_of: Callable[[int], int]) -> dict[int, float]:
    """The best score of each group of segments."""
    best: dict[int, float] = {}
    for segment, score in scores.items():
        group = group_of(segment)
        if score > best.get(group, 0.0):
            best[group] = score
    return best


def _shares(units: Iterable[Unit]) -> dict[str, float]:
    """What a name counts by how many functions or types have it: one of many is hardly meant by it."""
    symbols = {(unit.file, unit.symbol.start, unit.symbol.name) for unit in units if unit.symbol is not None}
    return {name: times**-0.5 for name, times in Counter(name for _, _, name in symbols).items()}


def _naming(unit: Unit, query: Query, shares: Mapping[str, float]) -> tuple[float, float, float, float, float]:
    """How far the prompt names the function, or what it is in."""
    if unit.symbol is None:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    own, parent = terms_of(unit.symbol.name), terms_of(unit.symbol.parent)
    return (
        query.names.get(unit.symbol.name, 0.0) * shares[unit.symbol.name],
        query.names.get(unit.symbol.parent, 0.0),
        _share(own, query.title),
        _share(own, query.text),
        _share(parent, query.title),
    )


def _share(terms: Sequence[str], of: Mapping[str, float]) -> float:
    """How many of the terms are there, of all; 0 of none."""
    return len([term for term in terms if term in of]) / len(terms) if terms else 0.0


def _kind(unit: Unit) -> tuple[float, float, float, float]:
    if unit.symbol is None:
        return 0.0, 1.0, 0.0, 0.0
    name = unit.symbol.name
    constructor = name in ("__init__", "constructor", "new", "New", "initialize")
    special = name.startswith("__") and not constructor
    return float(unit.symbol.kind == "type"), 0.0, float(special), float(constructor)
