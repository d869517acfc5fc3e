"""How clearly the index speaks for the right files of the issues: what training/score.py draws chances from.

In: git mirrors and localisation.jsonl. Out: for each issue, full and underspecified, the parts of a `Clarity` and
whether all files of its patch are among the first five. The retrieval weights of an issue are fitted as
training/retrieval_files.py does, without the issues of its repository, so that what is seen here is what a new
repository shows.
"""

from dataclasses import asdict
from pathlib import Path

from optafly_cli.refine.retrieval.clarity import FIRST, clarity
from training.retrieval_files import Files, commits, fit_files, issues_and_briefs, likelihoods
from training.score_sets import Array

HALVES = {"issue": "full", "underspecified": "under"}


def clarities(mirrors: Path, folder: Path) -> dict[str, dict[str, float]]:
    """By "instance half": share, agreement, lead, hit."""
    searched = list(issues_and_briefs(mirrors, folder))
    others = list(commits(mirrors))
    found: dict[str, dict[str, float]] = {}
    for group in sorted({one.group for one in searched}):
        weights = fit_files([*(one for one in searched if one.group != group), *others])
        for one in searched:
            if one.group == group:
                found[f"{one.name} {HALVES[one.kind]}"] = _measured(one, weights)
    return found


def _measured(one: Files, weights: Array) -> dict[str, float]:
    shares = {file: float(share) for file, share in zip(one.files, likelihoods(one, weights), strict=True)}
    ranked = {file: shares[file] for file in sorted(shares, key=lambda file: (-shares[file], file))}
    clear = clarity(dict(zip(one.files, one.values, strict=True)), ranked)
    assert clear is not None
    edited = {file for file, share in zip(one.files, one.edited, strict=True) if share}
    hit = len(edited) == one.gold and edited <= set(list(ranked)[:FIRST])
    return {**{name: round(value, 4) for name, value in asdict(clear).items()}, "hit": float(hit)}
