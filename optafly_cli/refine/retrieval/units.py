"""What speaks for each segment of the files that matter: its words, its name, the lines that the prompt names."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from optafly_cli.refine.retrieval.places import Places
from optafly_cli.refine.retrieval.query import Query
from optafly_cli.workspace.index.view import IndexView, Unit
from optafly_cli.workspace.index.words import terms_of

SCORES = ("text", "title", "code")
NAMES = (
    "file", "file_rank", "text", "title", "code", "text_in_file", "title_in_file", "code_in_file", "text_whole",
    "title_whole", "text_near", "name", "parent", "name_in_title", "name_in_text", "parent_in_title", "named_line",
    "head", "type", "neither", "special", "constructor", "length", "share_of_unit",
)  # fmt: skip


def unit_signals(
    view: IndexView, query: Query, places: Places, files: Mapping[int, float]
) -> dict[int, Sequence[float]]:
    """For each segment of `files` (with the likelihood of each, best first) its signals in the order of `NAMES`."""
    scores = dict(zip(SCORES, view.segment_scores(files, (query.text, query.title, query.code)), strict=True))
    highest = {name: max(found.values(), default=0.0) or 1.0 for name, found in scores.items()}
    named_lines = {segment for file, line in places.lines if (segment := view.segment_at(file, line)) is not None}
    found: dict[int, Sequence[float]] = {}
    for rank, (file, likelihood) in enumerate(files.items()):
        segments = view.segments(file)
        units = {segment: view.unit(segment) for segment in segments}
        in_file = {
            name: max((scores[name].get(segment, 0.0) for segment in segments), default=0.0) or 1.0 for name in SCORES
        }
        whole = _by_function(units, scores)
        for segment, unit in units.items():
            own = [scores[name].get(segment, 0.0) for name in SCORES]
            text_whole, title_whole, lines = whole[_function(unit)]
            near = max(scores["text"].get(segment - 1, 0.0), scores["text"].get(segment + 1, 0.0))
            length = unit.lines.end - unit.lines.start + 1
            found[segment] = (
                likelihood,
                1.0 / (1 + rank),
                *(score / highest[name] for score, name in zip(own, SCORES, strict=True)),
                *(score / in_file[name] for score, name in zip(own, SCORES, strict=True)),
                text_whole / highest["text"],
                title_whole / highest["title"],
                near / highest["text"],
                *_naming(unit, query),
                float(segment in named_lines),
                float(unit.lines.start <= 1),
                *_kind(unit),
                math.log(length),
                length / lines,
            )
    return found


def _function(unit: Unit) -> tuple[int, int]:
    """What tells the function or type that a segment is of; segments of neither stand alone."""
    return (unit.symbol.start, unit.symbol.end) if unit.symbol is not None else (-unit.lines.start, 0)


def _by_function(
    units: Mapping[int, Unit], scores: Mapping[str, Mapping[int, float]]
) -> dict[tuple[int, int], tuple[float, float, int]]:
    """For each function the best text score and title score of its segments, and its lines."""
    found: dict[tuple[int, int], tuple[float, float, int]] = defaultdict(lambda: (0.0, 0.0, 0))
    for segment, unit in units.items():
        text, title, lines = found[_function(unit)]
        found[_function(unit)] = (
            max(text, scores["text"].get(segment, 0.0)),
            max(title, scores["title"].get(segment, 0.0)),
            lines + unit.lines.end - unit.lines.start + 1,
        )
    return found


def _naming(unit: Unit, query: Query) -> tuple[float, float, float, float, float]:
    """How far the prompt names the function, or what it is in."""
    if unit.symbol is None:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    own, parent = terms_of(unit.symbol.name), terms_of(unit.symbol.parent)
    return (
        query.names.get(unit.symbol.name, 0.0),
        query.names.get(unit.symbol.parent, 0.0),
        sum(term in query.title for term in own) / max(1, len(own)),
        sum(term in query.text for term in own) / max(1, len(own)),
        sum(term in query.title for term in parent) / max(1, len(parent)),
    )


def _kind(unit: Unit) -> tuple[float, float, float, float]:
    if unit.symbol is None:
        return 0.0, 1.0, 0.0, 0.0
    name = unit.symbol.name
    constructor = name in ("__init__", "constructor", "new", "New", "initialize")
    special = name.startswith("__") and not constructor
    return float(unit.symbol.kind == "type"), 0.0, float(special), float(constructor)
