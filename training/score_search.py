"""How clearly the index speaks for the right files of the issues: what training/score.py draws chances from.

In: git mirrors and localisation.jsonl. Out: for each issue, full and underspecified, the parts of a `Clarity` and
whether all files of its patch are among the first five. The retrieval weights of an issue are fitted on the issues of
the other repositories, so that what is seen here is what a new repository shows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.localisation import Case, checked_out, edited, mirror_of
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval.clarity import FIRST, clarity
from optafly_cli.refine.retrieval.places import places_of
from optafly_cli.refine.retrieval.query import query_of
from optafly_cli.refine.retrieval.signals import signals_of
from training.retrieval import Array, Files, commits, fit_files


@dataclass(frozen=True, slots=True)
class Searched:
    """One text searched for: the signals of its candidates, and which of them are files of the patch."""

    name: str
    group: str
    signals: Mapping[int, Sequence[float]]
    gold: frozenset[int]
    count: int


def clarities(mirrors: Path, folder: Path) -> dict[str, dict[str, float]]:
    """By "instance half": share, agreement, lead, hit."""
    searched = [one for repository in _repositories(folder) for one in _searched(mirrors, folder, repository)]
    others = list(commits(mirrors))
    found: dict[str, dict[str, float]] = {}
    for group in sorted({one.group for one in searched}):
        # As training/retrieval.py does
        weights = fit_files([*(_files(one) for one in searched if one.group != group), *others])
        for one in searched:
            if one.group == group:
                found[one.name] = _measured(one, weights)
    return found


def _measured(one: Searched, weights: Array) -> dict[str, float]:
    sums = {file: float(np.dot(values, weights)) for file, values in one.signals.items()}
    shares = {file: np.exp(value - max(sums.values())) for file, value in sums.items()}
    total = sum(shares.values())
    likelihoods = {file: float(shares[file] / total) for file in sorted(shares, key=lambda file: (-shares[file], file))}
    clear = clarity(one.signals, likelihoods)
    assert clear is not None
    hit = len(one.gold) == one.count and one.gold <= set(list(likelihoods)[:FIRST])
    return {**{name: round(value, 4) for name, value in asdict(clear).items()}, "hit": float(hit)}


def _files(one: Searched) -> Files:
    return Files(
        "issue" if one.name.endswith(" full") else "underspecified",
        one.group,
        tuple(one.signals),
        np.array(list(one.signals.values())),
        np.array([float(file in one.gold) for file in one.signals]),
        one.count,
    )


def _repositories(folder: Path) -> list[str]:
    return sorted({row["repo"] for row in _rows(folder / "localisation.jsonl")})


def _searched(mirrors: Path, folder: Path, repository: str) -> list[Searched]:
    under = {row["instance_id"]: row for row in _rows(folder / "interactiveswe_underspecified.jsonl")}
    cases = [
        Case(row["instance_id"], repository, row["base_commit"], row["problem_statement"], gold)
        for row in _rows(folder / "localisation.jsonl")
        if row["repo"] == repository and (gold := edited(row["patch"]))
    ]
    found = []
    for case, _, keeper, _ in checked_out(mirror_of(mirrors, repository), cases):
        view = keeper.view()
        assert view is not None
        edited_files = frozenset(file for label in case.gold if (file := view.file(label)) is not None)
        texts = {"full": case.prompt}
        if case.name in under:
            texts["under"] = under[case.name]["problem_statement"]
        for half, text in texts.items():
            query = query_of(PromptText(text))
            signals = signals_of(view, query, places_of(view, query))
            found.append(Searched(f"{case.name} {half}", repository, signals, edited_files, len(case.gold)))
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]
