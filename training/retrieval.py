"""Weighs the signals of retrieval: writes optafly_cli/refine/data/retrieval-weights.toml.

    python -m training.retrieval MIRRORS [DATA_FOLDER] [--without OWNER/NAME] [--write]

MIRRORS as for benchmarks/localisation.py. Files: a softmax over a case's candidates, the files of its patch the truth.
Segments: a ridge logistic over those of the files of the patch, "one of its lines is edited" the truth; from the issues
and from commits replayed. Shown, with each repository left out in turn: accuracy of the files, and the share of the
edited segments that come first in as many tokens as a prompt has. Without `--write` nothing is written;
`--without` leaves a repository out of it all, so that benchmarks/localisation.py can be run on what was never seen.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.localisation import DEFAULT, Case, checked_out, edited, mirror_of
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval import signals, units
from optafly_cli.refine.retrieval.find import HEADER, SIZE
from optafly_cli.refine.retrieval.places import Places, places_of
from optafly_cli.refine.retrieval.query import Query, query_of
from optafly_cli.workspace.index.view import IndexView
from training.replays import replays, views

Array = np.ndarray[Any, np.dtype[np.float64]]
TARGET = Path(__file__).resolve().parents[1] / "optafly_cli" / "refine" / "data" / "retrieval-weights.toml"
RIDGE_FILES, RIDGE_UNITS = 1.0, 300.0
ISSUE = 3.0
"""What an issue counts, a commit being 1."""
CHARACTERS = 5_500
"""About what the prompt has room for: 2,048 tokens of code less headers and instruction."""
AT = (1, 3, 5, 10)
FLOORS = {"frame": 1.5, "mentioned": 1.5, "module": 1.0}
FLOORS_OF_UNITS = {"name": 1.5, "named_line": 2.0}
"""What names a file or a function outright is too rare in issues to be weighed by them alone: at least this much."""


@dataclass(frozen=True, slots=True)
class Files:
    """One case's candidates: (candidates, signals) and which of them are to be edited; `gold` counts all of these."""

    group: str
    files: tuple[int, ...]
    values: Array
    edited: Array
    gold: int


@dataclass(frozen=True, slots=True)
class Segments:
    """One case's segments: (candidates, signals), how many characters each has, which are to be edited."""

    group: str
    values: Array
    sizes: Array
    edited: Array
    weight: float


def main(mirrors: Path, folder: Path, *, write: bool, without: str = "") -> None:
    """Collect, fit, show, and write."""
    files: list[Files] = []
    segments: list[Segments] = []
    for one in cases(mirrors, folder, without):
        (files if isinstance(one, Files) else segments).append(one)  # type: ignore[arg-type]
    groups = sorted({one.group for one in files})
    print("files: each repository left out", accuracy(files, groups))
    print("segments: each repository left out", first_segments(segments, groups))
    tables: dict[str, tuple[float, Array, Sequence[str]]] = {
        "files": (0.0, fit_files(files), signals.NAMES),
        "units": (*fit_units(segments), units.NAMES),
    }
    text = rendered(tables, (len(files), len(segments) - len(files)), groups)
    if write:
        TARGET.write_text(text, "utf-8")
    else:
        print(text)


def cases(mirrors: Path, folder: Path, without: str) -> Iterator[Files | Segments]:
    """The signals of every issue, and of the segments of every commit replayed, but for one repository's."""
    rows = [json.loads(line) for line in (folder / "localisation.jsonl").read_text("utf-8").splitlines()]
    for repository in sorted({row["repo"] for row in rows} - {without}):
        mirror = mirror_of(mirrors, repository)
        of_it = [
            Case(row["instance_id"], repository, row["base_commit"], row["problem_statement"], gold)
            for row in rows
            if row["repo"] == repository and (gold := edited(row["patch"]))
        ]
        replayed = replays(mirror, of_it)
        for case, _, keeper, _ in checked_out(mirror, of_it):
            view = keeper.view()
            if view is None:
                continue
            query = query_of(PromptText(case.prompt))
            places = places_of(view, query)
            values = signals.signals_of(view, query, places)
            meant = {view.file(label) for label in case.gold}
            yield Files(
                repository,
                tuple(values),
                np.array(list(values.values())),
                np.array([float(file in meant) for file in values]),
                len(case.gold),
            )
            yield _segments(view, query, places, case, ISSUE)
            here = [one for one in replayed if one.issue == case.commit]
            for commit, laid_over in views(mirror, keeper, here):
                query = query_of(PromptText(commit.prompt))
                if query.text:
                    yield _segments(laid_over, query, places_of(laid_over, query), commit, 1.0)


def _segments(view: IndexView, query: Query, places: Places, case: Case, weight: float) -> Segments:
    """The signals of the candidates in the files of the patch, and which of them have an edited line."""
    meant = {at: lines for label, lines in case.gold.items() if (at := view.file(label)) is not None}
    found = units.unit_signals(view, query, places, meant)
    known = [view.unit(segment) for segment in found]
    truth = [float(any(one.lines.start <= line <= one.lines.end for line in meant[one.file])) for one in known]
    values = np.array(list(found.values())).reshape(-1, len(units.NAMES))
    return Segments(case.group, values, np.array([float(one.size) for one in known]), np.array(truth), weight)


def fit_files(found: Sequence[Files], steps: int = 300, rate: float = 0.05) -> Array:
    """Weights that make a softmax over each case's candidates choose the edited files (Adam, ridge)."""
    weights = np.zeros(found[0].values.shape[1])
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, steps + 1):
        slope = RIDGE_FILES * weights / len(found)
        for one in found:
            if one.edited.sum():
                sums = one.values @ weights
                shares = np.exp(sums - sums.max())
                slope -= one.values.T @ (one.edited / one.edited.sum() - shares / shares.sum()) / len(found)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        weights = weights - rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    raise_to(FLOORS, weights, signals.NAMES)
    return weights


def fit_units(found: Sequence[Segments]) -> tuple[float, Array]:
    """Bias and weights of a ridge logistic (Newton), for the signals as they are."""
    values = np.concatenate([one.values for one in found])
    truth = np.concatenate([one.edited for one in found])
    counts = np.concatenate([np.full(len(one.edited), one.weight) for one in found])
    mean, spread = values.mean(0), values.std(0) + 1e-6
    scaled = np.c_[(values - mean) / spread, np.ones(len(values))]
    weights = np.zeros(scaled.shape[1])
    ridge = RIDGE_UNITS * np.eye(len(weights))
    for _ in range(25):
        chance = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (counts * (chance - truth)) + RIDGE_UNITS * np.r_[weights[:-1], 0]
        weights -= np.linalg.solve((scaled * (counts * chance * (1 - chance))[:, None]).T @ scaled + ridge, slope)
    plain = weights[:-1] / spread
    bias = float(weights[-1] - mean @ plain)
    raise_to(FLOORS_OF_UNITS, plain, units.NAMES)
    return bias, plain


def raise_to(floors: Mapping[str, float], weights: Array, names: Sequence[str]) -> None:
    """Raise weights that are lower than their floor."""
    for name, floor in floors.items():
        weights[names.index(name)] = max(floor, weights[names.index(name)])


def accuracy(files: Sequence[Files], groups: Sequence[str]) -> str:
    """Acc@k with each group left out, in percent."""
    hits = np.zeros(len(AT))
    for group in groups:
        weights = fit_files([one for one in files if one.group != group])
        for one in (one for one in files if one.group == group):
            order = np.argsort(-(one.values @ weights), kind="stable")
            positions = np.nonzero(one.edited[order])[0]
            worst = positions[-1] if len(positions) == one.gold else 10**6
            hits += [worst < k for k in AT]
    return "/".join(f"{100 * hit / len(files):.1f}" for hit in hits)


def first_segments(found: Sequence[Segments], groups: Sequence[str]) -> str:
    """Of the edited segments of an issue and of a commit, the share that comes first, each group left out; percent."""
    shares: dict[bool, list[float]] = {True: [], False: []}
    for group in groups:
        bias, weights = fit_units([one for one in found if one.group != group])
        for one in (one for one in found if one.group == group and one.edited.any()):
            chance = 1 / (1 + np.exp(-(bias + one.values @ weights)))
            order = np.argsort(-chance / (one.sizes + HEADER) ** SIZE, kind="stable")
            taken = order[np.cumsum(one.sizes[order] + HEADER) <= CHARACTERS]
            shares[one.weight == ISSUE].append(float(one.edited[taken].sum() / one.edited.sum()))
    return " ".join(
        f"{name} {100 * np.mean(shares[kind]):.1f}" for kind, name in ((True, "issues"), (False, "commits"))
    )


def rendered(
    tables: dict[str, tuple[float, Array, Sequence[str]]], count: tuple[int, int], groups: Sequence[str]
) -> str:
    """The weights as TOML."""
    lines = [
        "# The weights of retrieval's signals. Written by training/retrieval.py; do not edit.",
        f"# Fitted on {count[0]} issues of SWE-bench Lite and Verified: {', '.join(groups)};",
        f"# those of segments on {count[1]} commits of these repositories as well.",
    ]
    for name, (bias, weights, names) in tables.items():
        lines += ["", f"[{name}]", f"bias = {bias:.4f}", "", f"[{name}.weights]"]
        lines += [f"{signal} = {weight:.4f}" for signal, weight in zip(names, weights, strict=True)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("mirrors", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=DEFAULT)
    parser.add_argument("--without", default="")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    main(options.mirrors, options.folder, write=options.write, without=options.without)
