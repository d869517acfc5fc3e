"""Weighs the signals of files: the table `files` of optafly_cli/refine/data/retrieval-weights.toml.

    python -m training.retrieval_files MIRRORS [DATA_FOLDER] [--without OWNER/NAME] [--write]

MIRRORS as for benchmarks/localisation.py. A softmax over a case's candidates, the files of its patch the truth; of the
issues, of their underspecified versions, and of commits of the repositories in `REPLAYED`, so that the weights are not
those of three repositories. Shown: accuracy on the issues, with each of their repositories left out in turn. Without
`--write` nothing is written; `--without` leaves a repository out of it all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.localisation import Case, checked_out, mirror_of, replayed
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval import signals
from optafly_cli.refine.retrieval.places import places_of
from optafly_cli.refine.retrieval.query import query_of
from optafly_cli.workspace.index.view import IndexView
from training.retrieval import briefs, issues, raised, run
from training.score_sets import Array

RIDGE = 1.0
AT = (1, 3, 5, 10)
REPLAYED = (
    "mkdocs/mkdocs", "nedbat/coveragepy", "pallets/click", "psf/black", "pydantic/pydantic", "pypa/pip",
    "scrapy/scrapy", "tornadoweb/tornado", "tox-dev/tox",
)  # fmt: skip
COMMITS, WORDS = 12, 18
"""So many commits of each, with messages of at least so many words."""
FLOORS = {"frame": 1.5, "mentioned": 1.5, "module": 1.0}
"""What names a file outright is too rare in issues to be weighed by them alone: at least this much."""


@dataclass(frozen=True, slots=True)
class Files:
    """One case's candidates: (candidates, signals) and which of them are to be edited; `gold` counts all of these."""

    name: str
    kind: str
    group: str
    files: tuple[int, ...]
    values: Array
    edited: Array
    gold: int


def fitted(mirrors: Path, folder: Path, without: str) -> tuple[str, str, float, Mapping[str, float]]:
    """Collect, show, and fit."""
    found = [*issues_and_briefs(mirrors, folder, without), *commits(mirrors, without)]
    told = [one for one in found if one.kind == "issue"]
    groups = sorted({one.group for one in told})
    apart = {group: fit_files([one for one in found if one.group != group]) for group in groups}
    print("files: each repository left out", accuracy(told, apart))
    others = len({one.group for one in found if one.kind == "commit"})
    fitted_on = (
        f"{len(told)} issues of SWE-bench Lite and Verified ({', '.join(groups)}), their underspecified versions, and "
        f"{COMMITS} commits each of {others} other repositories"
    )
    return "files", fitted_on, 0.0, dict(zip(signals.NAMES, fit_files(found), strict=True))


def issues_and_briefs(mirrors: Path, folder: Path, without: str = "") -> Iterator[Files]:
    """The signals of every issue, and of its underspecified version where it has one."""
    brief = briefs(folder)
    for repository, of_it in issues(folder, without):
        for case, view in _indexed(mirror_of(mirrors, repository), of_it):
            yield _signals(view, case, "issue")
            if case.name in brief:
                yield _signals(view, replace(case, prompt=brief[case.name]), "underspecified")


def commits(mirrors: Path, without: str = "") -> Iterator[Files]:
    """The signals of commits of other repositories, their messages as prompts."""
    for repository in REPLAYED:
        if repository != without:
            mirror = mirror_of(mirrors, repository)
            for case, view in _indexed(mirror, list(replayed(mirror, COMMITS, WORDS))):
                yield _signals(view, replace(case, group=repository), "commit")


def _indexed(mirror: Path, given: Sequence[Case]) -> Iterator[tuple[Case, IndexView]]:
    for case, _, keeper, _ in checked_out(mirror, given):
        view = keeper.view()
        if view is not None:
            yield case, view


def _signals(view: IndexView, case: Case, kind: str) -> Files:
    query = query_of(PromptText(case.prompt))
    values = signals.signals_of(view, query, places_of(view, query))
    meant = {view.file(label) for label in case.gold}
    return Files(
        case.name,
        kind,
        case.group,
        tuple(values),
        np.array(list(values.values())),
        np.array([float(file in meant) for file in values]),
        len(case.gold),
    )


def fit_files(found: Sequence[Files], steps: int = 300, rate: float = 0.05) -> Array:
    """Weights that make a softmax over each case's candidates choose the edited files (Adam, ridge)."""
    weights = np.zeros(found[0].values.shape[1])
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    told = [one for one in found if one.edited.sum()]
    for step in range(1, steps + 1):
        slope = RIDGE * weights / len(told)
        for one in told:
            slope -= one.values.T @ (one.edited / one.edited.sum() - likelihoods(one, weights)) / len(told)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        weights = weights - rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return raised(FLOORS, weights, signals.NAMES)


def likelihoods(one: Files, weights: Array) -> Array:
    """The softmax over a case's candidates."""
    sums = one.values @ weights
    shares = np.exp(sums - sums.max())
    result: Array = shares / shares.sum()
    return result


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


if __name__ == "__main__":
    run(__doc__, fitted)
