"""Weighs the signals of segments: the table `units` of optafly_cli/refine/data/retrieval-weights.toml.

    python -m training.retrieval_segments MIRRORS [DATA_FOLDER] [--without OWNER/NAME] [--write]

MIRRORS as for benchmarks/localisation.py. A ridge logistic over the segments of the files of the patch, "one of its
lines is edited" the truth; from the issues and from commits replayed. Shown, with each repository left out in turn: the
share of the edited segments that come first in as many tokens as a prompt has. Without `--write` nothing is written;
`--without` leaves a repository out of it all, so that benchmarks/localisation.py can be run on what was never seen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.localisation import Case, checked_out, mirror_of
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval import units
from optafly_cli.refine.retrieval.find import HEADER, SIZE
from optafly_cli.refine.retrieval.places import places_of
from optafly_cli.refine.retrieval.query import query_of
from optafly_cli.workspace.index.view import IndexView
from training.replays import replays, views
from training.retrieval import issues, raised, run
from training.score_sets import Array

RIDGE = 300.0
ISSUE = 3.0
"""What an issue counts, a commit being 1."""
CHARACTERS = 5_500
"""About what the prompt has room for: 2,048 tokens of code less headers and instruction."""
FLOORS = {"name": 1.5, "named_line": 2.0}
"""What names a function outright is too rare in issues to be weighed by them alone: at least this much."""


@dataclass(frozen=True, slots=True)
class Segments:
    """One case's segments: (candidates, signals), how many characters each has, which are to be edited."""

    group: str
    values: Array
    sizes: Array
    edited: Array
    weight: float


def fitted(mirrors: Path, folder: Path, without: str) -> tuple[str, str, float, Mapping[str, float]]:
    """Collect, show, and fit."""
    found = list(_cases(mirrors, folder, without))
    groups = sorted({one.group for one in found})
    print("segments: each repository left out", first_segments(found, groups))
    told = sum(one.weight == ISSUE for one in found)
    fitted_on = (
        f"{told} issues of SWE-bench Lite and Verified ({', '.join(groups)}), "
        f"and {len(found) - told} commits of these repositories"
    )
    bias, weights = fit_units(found)
    return "units", fitted_on, bias, dict(zip(units.NAMES, weights, strict=True))


def _cases(mirrors: Path, folder: Path, without: str) -> Iterator[Segments]:
    """The segments of every issue and of every commit replayed, but for one repository's."""
    for repository, of_it in issues(folder, without):
        mirror = mirror_of(mirrors, repository)
        waiting: dict[str, list[Case]] = {}
        for one in replays(mirror, of_it):
            waiting.setdefault(one.issue, []).append(one.case)
        for case, _, keeper, _ in checked_out(mirror, of_it):
            view = keeper.view()
            if view is None:
                continue
            yield _segments(view, case, ISSUE)
            # Of several issues of one commit the first has them
            for commit, laid_over in views(mirror, view, waiting.pop(case.commit, [])):
                if query_of(PromptText(commit.prompt)).text:
                    yield _segments(laid_over, commit, 1.0)


def _segments(view: IndexView, case: Case, weight: float) -> Segments:
    """The signals of the candidates in the files of the patch, and which of them have an edited line."""
    query = query_of(PromptText(case.prompt))
    meant = {at: lines for label, lines in case.gold.items() if (at := view.file(label)) is not None}
    found = units.unit_signals(view, query, places_of(view, query), meant)
    known = [view.unit(segment) for segment in found]
    truth = [float(any(one.lines.start <= line <= one.lines.end for line in meant[one.file])) for one in known]
    values = np.array(list(found.values())).reshape(-1, len(units.NAMES))
    return Segments(case.group, values, np.array([float(one.size) for one in known]), np.array(truth), weight)


def fit_units(found: Sequence[Segments]) -> tuple[float, Array]:
    """Bias and weights of a ridge logistic (Newton), for the signals as they are."""
    values = np.concatenate([one.values for one in found])
    truth = np.concatenate([one.edited for one in found])
    counts = np.concatenate([_counts(one) for one in found])
    mean, spread = values.mean(0), values.std(0) + 1e-6
    scaled = np.c_[(values - mean) / spread, np.ones(len(values))]
    weights = np.zeros(scaled.shape[1])
    ridge = RIDGE * np.eye(len(weights))
    for _ in range(25):
        chance = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (counts * (chance - truth)) + RIDGE * np.r_[weights[:-1], 0]
        weights -= np.linalg.solve((scaled * (counts * chance * (1 - chance))[:, None]).T @ scaled + ridge, slope)
    plain = weights[:-1] / spread
    bias = float(weights[-1] - mean @ plain)
    return bias, raised(FLOORS, plain, units.NAMES)


def _counts(one: Segments) -> Array:
    """What each segment counts: those of a case that are edited count as one together, as its lines do in the end."""
    shared: Array = np.where(one.edited > 0, one.weight / max(1.0, one.edited.sum()), one.weight)
    return shared


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


if __name__ == "__main__":
    run(__doc__, fitted)
