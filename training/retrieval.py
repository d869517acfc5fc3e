"""Weighs the signals of retrieval: writes optafly_cli/refine/data/retrieval-weights.toml.

    python -m training.retrieval MIRRORS [DATA_FOLDER] [--write]

MIRRORS as for benchmarks/localisation.py. Files: a softmax over a case's candidates, the files of its patch the truth;
of the issues, of their underspecified versions, and of commits of the repositories in `REPLAYED`, so that the weights
are not those of three repositories. Segments: a ridge logistic, "one of its lines is edited" the truth, on the issues;
once for the files that were found, once for the files of the patch. Shown: accuracy on the issues, with each of their
repositories left out in turn, its commits too. Without `--write` nothing is written.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.localisation import DEFAULT, Case, checked_out, edited, mirror_of, replayed
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval import signals, units
from optafly_cli.refine.retrieval.find import READ_FILES
from optafly_cli.refine.retrieval.places import Places, places_of
from optafly_cli.refine.retrieval.query import Query, query_of
from optafly_cli.workspace.index.view import IndexView

Array = np.ndarray[Any, np.dtype[np.float64]]
TARGET = Path(__file__).resolve().parents[1] / "optafly_cli" / "refine" / "data" / "retrieval-weights.toml"
RIDGE_FILES, RIDGE_UNITS = 1.0, 300.0
AT = (1, 3, 5, 10)
REPLAYED = (
    "mkdocs/mkdocs", "nedbat/coveragepy", "pallets/click", "psf/black", "pydantic/pydantic", "pypa/pip",
    "scrapy/scrapy", "tornadoweb/tornado", "tox-dev/tox",
)  # fmt: skip
COMMITS, WORDS = 12, 18
"""So many commits of each, with messages of at least so many words."""
FLOORS = {"frame": 1.5, "mentioned": 1.5, "module": 1.0}
FLOORS_OF_UNITS = {"name": 1.5, "named_line": 2.0}
"""What names a file or a function outright is too rare in issues to be weighed by them alone: at least this much."""


@dataclass(frozen=True, slots=True)
class Files:
    """One case's candidates: (candidates, signals) and which of them are to be edited; `gold` counts all of these."""

    kind: str
    group: str
    files: tuple[int, ...]
    values: Array
    edited: Array
    gold: int


def main(mirrors: Path, folder: Path, *, write: bool) -> None:
    """Collect, fit, show, and write."""
    collected = [*issues_and_briefs(mirrors, folder), *((one, {}) for one in commits(mirrors))]
    files = [one for one, _ in collected]
    issues = [(one, raw) for one, raw in collected if one.kind == "issue"]
    groups = sorted({one.group for one, _ in issues})
    apart = {group: fit_files([one for one in files if one.group != group]) for group in groups}
    print("files: each repository left out", accuracy([one for one, _ in issues], apart))
    found = [segments(raw, one, apart[one.group]) for one, raw in issues]
    given = [raw["given"] for _, raw in issues]
    tables: dict[str, tuple[float, Array, Sequence[str]]] = {
        "files": (0.0, fit_files(files), signals.NAMES),
        "units": (*fit_units(found), units.NAMES),
        "units_of_a_file": (*fit_units(given), units.NAMES),
    }
    text = rendered(tables, len(issues), groups)
    if write:
        TARGET.write_text(text, "utf-8")
    else:
        print(text)


def issues_and_briefs(mirrors: Path, folder: Path) -> Iterator[tuple[Files, dict[str, Any]]]:
    """The signals of every issue, and of its underspecified version where it has one."""
    rows = _rows(folder / "localisation.jsonl")
    brief = {
        row["instance_id"]: row["problem_statement"] for row in _rows(folder / "interactiveswe_underspecified.jsonl")
    }
    for repository in sorted({row["repo"] for row in rows}):
        of_it = [
            Case(row["instance_id"], repository, row["base_commit"], row["problem_statement"], gold)
            for row in rows
            if row["repo"] == repository and (gold := edited(row["patch"]))
        ]
        for case, view in _indexed(mirror_of(mirrors, repository), of_it):
            yield _signals(view, case, "issue")
            if case.name in brief:
                yield _signals(view, replace(case, prompt=brief[case.name]), "underspecified")


def commits(mirrors: Path) -> Iterator[Files]:
    """The signals of commits of other repositories, their messages as prompts."""
    for repository in REPLAYED:
        mirror = mirror_of(mirrors, repository)
        for case, view in _indexed(mirror, list(replayed(mirror, COMMITS, WORDS))):
            yield _signals(view, replace(case, group=repository), "commit")[0]


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _indexed(mirror: Path, given: Sequence[Case]) -> Iterator[tuple[Case, IndexView]]:
    for case, _, keeper, _ in checked_out(mirror, given):
        view = keeper.view()
        if view is not None:
            yield case, view


def _signals(view: IndexView, case: Case, kind: str) -> tuple[Files, dict[str, Any]]:
    query = query_of(PromptText(case.prompt))
    places = places_of(view, query)
    values = signals.signals_of(view, query, places)
    meant = {at: lines for label, lines in case.gold.items() if (at := view.file(label)) is not None}
    one = Files(
        kind,
        case.group,
        tuple(values),
        np.array(list(values.values())),
        np.array([float(file in meant) for file in values]),
        len(case.gold),
    )
    if kind != "issue":
        return one, {}
    collect = partial(_collected, view, query, places, meant)
    return one, {"collect": collect, "given": collect({file: 1.0 / len(meant) for file in meant})}


def _collected(
    view: IndexView, query: Query, places: Places, meant: Mapping[int, frozenset[int]], files: dict[int, float]
) -> tuple[Array, Array]:
    """The signals of the candidates in these files, and which of them have an edited line."""
    found = units.unit_signals(view, query, places, files)
    truth = []
    for segment in found:
        unit = view.unit(segment)
        lines = meant.get(unit.file, frozenset())
        truth.append(float(any(unit.lines.start <= line <= unit.lines.end for line in lines)))
    return np.array(list(found.values())), np.array(truth)


def segments(raw: dict[str, Any], one: Files, weights: Array) -> tuple[Array, Array]:
    """The segments of the files that these weights find."""
    sums = one.values @ weights
    shares = np.exp(sums - sums.max())
    shares /= shares.sum()
    best = np.argsort(-sums, kind="stable")[:READ_FILES]
    result: tuple[Array, Array] = raw["collect"]({one.files[at]: float(shares[at]) for at in best})
    return result


def fit_files(found: Sequence[Files], steps: int = 300, rate: float = 0.05) -> Array:
    """Weights that make a softmax over each case's candidates choose the edited files (Adam, ridge)."""
    weights = np.zeros(found[0].values.shape[1])
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    told = [one for one in found if one.edited.sum()]
    for step in range(1, steps + 1):
        slope = RIDGE_FILES * weights / len(told)
        for one in told:
            sums = one.values @ weights
            shares = np.exp(sums - sums.max())
            slope -= one.values.T @ (one.edited / one.edited.sum() - shares / shares.sum()) / len(told)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        weights = weights - rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    raise_to(FLOORS, weights, signals.NAMES)
    return weights


def fit_units(found: Sequence[tuple[Array, Array]]) -> tuple[float, Array]:
    """Bias and weights of a ridge logistic (Newton), for the signals as they are."""
    values = np.concatenate([one for one, _ in found])
    truth = np.concatenate([one for _, one in found])
    mean, spread = values.mean(0), values.std(0) + 1e-6
    scaled = np.c_[(values - mean) / spread, np.ones(len(values))]
    weights = np.zeros(scaled.shape[1])
    ridge = RIDGE_UNITS * np.eye(len(weights))
    for _ in range(25):
        chance = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (chance - truth) + RIDGE_UNITS * np.r_[weights[:-1], 0]
        weights -= np.linalg.solve((scaled * (chance * (1 - chance))[:, None]).T @ scaled + ridge, slope)
    plain = weights[:-1] / spread
    bias = float(weights[-1] - mean @ plain)
    raise_to(FLOORS_OF_UNITS, plain, units.NAMES)
    return bias, plain


def raise_to(floors: Mapping[str, float], weights: Array, names: Sequence[str]) -> None:
    """Raise weights that are lower than their floor."""
    for name, floor in floors.items():
        weights[names.index(name)] = max(floor, weights[names.index(name)])


def accuracy(files: Sequence[Files], apart: Mapping[str, Array]) -> str:
    """Acc@k in percent, of a case by the weights of its group; Acc@1 where one file is edited; the reciprocal rank."""
    hits = np.zeros(len(AT))
    alone = []
    inverse = 0.0
    for one in files:
        order = np.argsort(-(one.values @ apart[one.group]), kind="stable")
        positions = np.nonzero(one.edited[order])[0]
        worst = positions[-1] if len(positions) == one.gold else 10**6
        hits += [worst < k for k in AT]
        inverse += 1.0 / (1 + positions[0]) if len(positions) else 0.0
        if one.gold == 1:
            alone.append(worst == 0)
    shown = "/".join(f"{100 * hit / len(files):.1f}" for hit in hits)
    return f"{shown}; one file: {100 * np.mean(alone):.1f} of {len(alone)}; MRR {inverse / len(files):.3f}"


def rendered(tables: dict[str, tuple[float, Array, Sequence[str]]], count: int, groups: Sequence[str]) -> str:
    """The weights as TOML."""
    lines = [
        "# The weights of retrieval's signals. Written by training/retrieval.py; do not edit.",
        f"# Fitted on {count} issues of SWE-bench Lite and Verified: {', '.join(groups)};",
        f"# and on {COMMITS} commits each of {len(REPLAYED)} other repositories, by training/retrieval.py's list.",
    ]
    for name, (bias, weights, names) in tables.items():
        lines += ["", f"[{name}]", f"bias = {bias:.4f}", "", f"[{name}.weights]"]
        lines += [f"{signal} = {weight:.4f}" for signal, weight in zip(names, weights, strict=True)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--write"]
    if not given:
        sys.exit(__doc__)
    main(Path(given[0]), Path(given[1]) if len(given) > 1 else DEFAULT, write="--write" in sys.argv)
