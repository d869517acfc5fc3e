"""What speaks for each file: lists of files from the index, each list as a rank (reciprocal, k = 40) and as a share.

In: an `IndexView` and a `Query`. Out: for each candidate a value per signal, all within 0 and 1. Deterministic.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import mul

from optafly_cli.refine.retrieval.common import less_common
from optafly_cli.refine.retrieval.places import Places
from optafly_cli.refine.retrieval.query import Query
from optafly_cli.workspace.index.classes import CLASSES
from optafly_cli.workspace.index.of_each import OfEach
from optafly_cli.workspace.index.view import IndexView

K = 40
"""Of the reciprocal rank: the first of a list has 1, the 40th after it a half."""
DEPTH = 100
"""So many of each list count."""
CANDIDATES = 80
_SEEDS = 15
_BODIES = 30
_DEMOTED = 0.35

LISTS = (
    "body", "title", "code", "path", "path_title", "symbols", "symbols_title", "docs", "definitions", "best_unit",
    "best_unit_title", "imports", "changes", "changes_title", "best_definition", "best_definition_title",
)  # fmt: skip
FLAGS = ("frame", "mentioned", "module", "referred", "recent", "recency", "package", "test", "doc", "data")
NAMES = (*(f"{name}_rank" for name in LISTS), *(f"{name}_share" for name in LISTS), *FLAGS)


def signals_of(view: IndexView, query: Query, places: Places) -> dict[int, Sequence[float]]:
    """For every candidate its signals, in the order of `NAMES`."""
    kept = _kept(view, query)
    # Which file is meant hangs on the words that not every message has; which lines of it, on all of them
    if not query.about_tests:
        query = replace(query, text=less_common(query.text), title=less_common(query.title))
    lists = {name: _demoted(scores, kept) for name, scores in _lists(view, query)}
    ranks = {name: _ranks(scores) for name, scores in lists.items()}
    referred = _referred(view, query)
    total: dict[int, float] = defaultdict(float)
    for found in ranks.values():
        for file, rank in found.items():
            total[file] += rank
    bodies = _best(total, _BODIES)
    best = view.segment_scores(bodies, (query.text, query.title))
    for name, scores in zip(("best_unit", "best_unit_title"), best, strict=True):
        lists[name] = _demoted(_best_units(view, scores), kept)
        ranks[name] = _ranks(lists[name])
        for file, rank in ranks[name].items():
            total[file] += rank
    lists["imports"] = _demoted(_spread(view, total), kept)
    ranks["imports"] = _ranks(lists["imports"])
    recent = _ranks(_demoted(OfEach(view.recency), kept))
    candidates = {*_best(total, CANDIDATES), *places.files, *referred}
    ranked = [ranks[name] for name in LISTS]
    scored = [(lists[name], _highest(lists[name]) or 1.0) for name in LISTS]
    return {
        file: (
            *[found.get(file, 0.0) for found in ranked],
            *[scores.get(file, 0.0) / highest for scores, highest in scored],
            places.frames.get(file, 0.0),
            places.mentions.get(file, 0.0),
            places.modules.get(file, 0.0),
            referred.get(file, 0.0),
            recent.get(file, 0.0),
            view.recency[file],
            float(view.labels[file].rsplit("/", 1)[-1] in ("__init__.py", "mod.rs", "index.ts", "index.js")),
            *(float(view.classes[file] == one) for one in ("test", "doc", "data")),
        )
        for file in sorted(candidates)
    }


def _lists(view: IndexView, query: Query) -> Iterator[tuple[str, Mapping[int, float]]]:
    fields: Iterable[tuple[str, str, Mapping[str, float]]] = (
        ("body", "body", query.text),
        ("title", "body", query.title),
        ("code", "body", query.code),
        ("path", "path", query.text),
        ("path_title", "path", query.title),
        ("symbols", "symbols", query.text),
        ("symbols_title", "symbols", query.title),
        ("docs", "docs", query.text),
        ("changes", "changes", query.text),
        ("changes_title", "changes", query.title),
    )
    for name, field, weights in fields:
        yield name, view.scores(field, weights)
    for name, weights in (("best_definition", query.text), ("best_definition_title", query.title)):
        # Only what code defines is known by its name alone, and the prompt may be about a test of it
        yield name, {} if query.about_tests else view.best_definitions(weights)
    defined: dict[int, float] = defaultdict(float)
    for name, weight in query.names.items():
        files = view.defining(name)
        for file in files:
            # A name that many files define says little about each
            defined[file] += weight / len(files) ** 0.5
    yield "definitions", defined


def _referred(view: IndexView, query: Query) -> dict[int, float]:
    """The files of code that were changed for an issue or request that the prompt refers to; few say more than many."""
    found: dict[int, float] = {}
    for term in query.references:
        files = [file for file in view.changed_for(term) if view.classes[file] == "code"]
        for file in files:
            found[file] = max(found.get(file, 0.0), 1.0 / len(files))
    return found


def _kept(view: IndexView, query: Query) -> list[float]:
    """What each file keeps of its scores: those of a class that this prompt is not about are demoted."""
    kept = dict.fromkeys(CLASSES, _DEMOTED)
    kept["code"] = 1.0
    if query.about_tests:
        kept["test"] = 1.0
    if query.about_docs:
        kept["doc"] = 1.0
    return [kept[one] for one in view.classes]


def _demoted(scores: Mapping[int, float], kept: Sequence[float]) -> Mapping[int, float]:
    if isinstance(scores, OfEach):
        return OfEach([*map(mul, scores.each, kept)])
    return {file: score * kept[file] for file, score in scores.items()}


def _highest(scores: Mapping[int, float]) -> float:
    return max(scores.each if isinstance(scores, OfEach) else scores.values(), default=0.0)


def _ranks(scores: Mapping[int, float]) -> dict[int, float]:
    return {file: K / (K + rank) for rank, file in enumerate(_best(scores, DEPTH)) if scores[file] > 0.0}


def _best(scores: Mapping[int, float], most: int) -> list[int]:
    """The files with the highest scores, highest first, of equal ones the lower number first."""
    if isinstance(scores, OfEach):
        return scores.best(most)
    # To sort numbers alone is quick; few are left to be told apart
    least = sorted(scores.values(), reverse=True)[most - 1] if len(scores) > most else -math.inf
    return [file for _, file in sorted((-score, file) for file, score in scores.items() if score >= least)][:most]


def _best_units(view: IndexView, scores: Mapping[int, float]) -> dict[int, float]:
    """For each file the score of its best segment."""
    best: dict[int, float] = {}
    for segment, score in scores.items():
        file = view.file_of(segment)
        if score > best.get(file, 0.0):
            best[file] = score
    return best


def _spread(view: IndexView, total: Mapping[int, float]) -> dict[int, float]:
    """What the best files import, are imported by, and change together with: two steps of a walk from them."""
    current = {file: total[file] for file in _best(total, _SEEDS)}
    reached: dict[int, float] = defaultdict(float)
    for _ in range(2):
        following: dict[int, float] = defaultdict(float)
        for file, amount in current.items():
            for kind, weight in (("imports", 1.0), ("importers", 1.0), ("together", 0.5)):
                others = [one for one in view.linked(kind, file) if view.classes[one] == "code"]
                for other in others:
                    following[other] += weight * amount / max(3, len(others))
        for file, amount in following.items():
            reached[file] += amount
        current = {file: following[file] for file in _best(following, 50)}
    return dict(reached)
