"""Weighs the features of the score and calibrates it: writes optafly_cli/refine/data/score-weights.toml.

    python -m training.score [DATA_FOLDER] [--mirrors FOLDER] [--write] [--quick]

DATA_FOLDER is that of benchmarks/refine.py. MIRRORS as for benchmarks/localisation.py: with it the likelihoods of
the files are computed anew, else read from `clarity.json` beside this script. The likelihoods of an issue are those
that the index gives with retrieval weights fitted on the other repositories. Shown, unless --quick:
every figure out of fold (problems of HumanEvalComm in five folds, repositories left out in turn). Without --write the
weights are printed. docs/score.md has the recipe and what came of it.
"""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.refine import DEFAULT, VARIANTS, auc, ece
from optafly_cli.config.settings import RefineSettings
from optafly_cli.refine.found import between
from training.score_fit import (
    EVEN,
    RIDGE,
    Found,
    calibrated_chances,
    calibration,
    fit,
    folds_of,
    found_table,
    out_of_fold,
    repository,
)
from training.score_sets import CLARITY, PRIOR, SIGN, Array, Rows, Texts, digests, read_sets

THRESHOLD = RefineSettings().threshold
TARGET = Path(__file__).resolve().parents[1] / "optafly_cli" / "refine" / "data" / "score-weights.toml"


def main(folder: Path, mirrors: Path | None, *, write: bool, quick: bool = False) -> None:
    """Read, fit, show, and write."""
    if mirrors is not None:
        from training.score_search import clarities

        CLARITY.write_text(json.dumps(clarities(mirrors, folder), indent=0, sort_keys=True) + "\n", "utf-8")
    seen: dict[str, dict[str, Any]] = json.loads(CLARITY.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as empty:
        texts = Texts(Path(empty))
        chances = calibrated_chances(seen)
        table = found_table(list(seen.values()))
        sets = read_sets(texts, folder, chances)
    if not quick:
        show(sets, seen, chances)
    weights = fit(sets, RIDGE)
    scores = calibration(sets, weights)
    show_shares(sets, weights, scores)
    text = rendered(weights, scores, table, sets, digests(folder))
    if write:
        TARGET.write_text(text, "utf-8")
    else:
        print(text)


def show(sets: Mapping[str, Rows], seen: Mapping[str, Any], chances: Mapping[str, float]) -> None:
    """Every figure, out of fold."""
    pairs = sets["pairs"]
    sums = out_of_fold(sets, "pairs", folds_of(pairs.group, 5))
    kinds = np.array([group.rsplit(" ", 1)[1] for group in pairs.group])
    parts = "  ".join(f"{kind} {100 * np.mean(sums[kinds == kind] > EVEN):.1f}" for kind in VARIANTS)
    print(
        f"HumanEvalComm, nested folds by problem: {100 * np.mean(sums > EVEN):.1f}  {parts}  "
        f"ties {100 * np.mean(abs(sums) <= EVEN):.1f}"
    )
    resolved = sets["resolved"]
    apart = [
        lambda group, one=one: repository(group) == one
        for one in sorted({repository(group) for group in resolved.group})
    ]
    sums = out_of_fold(sets, "resolved", apart, also=("issues", "specified", "full", "under"), ridge=RIDGE)
    half = np.array([group.endswith("full") for group in resolved.group])
    for label, kept in (("all", half | True), ("full", half), ("underspecified", ~half)):
        scored = list(zip(sums[kept], resolved.label[kept] > 0, strict=True))
        print(
            f"resolved, repositories left out, {label}: {auc(scored):.3f} "
            f"(n={kept.sum()}, {int(resolved.label[kept].sum())} resolved)"
        )
    for name in ("clear", "complete", "specified"):
        one = sets[name]
        sums = out_of_fold(sets, name, folds_of(one.group, 10), ridge=RIDGE)
        print(f"{name}, ten folds: {auc(list(zip(sums, one.label > 0, strict=True))):.3f} (n={len(one.label)})")
    hits = [(chances[name], bool(one["hit"])) for name, one in seen.items()]
    print(f"file among the first five, repositories left out: AUC {auc(hits):.3f}  ECE {ece(hits):.3f} (n={len(hits)})")


def show_shares(sets: Mapping[str, Rows], weights: Array, scores: tuple[list[float], list[float]]) -> None:
    """How many texts of each kind have the score that is sent as it is, by the calibration that they are part of."""
    for name in ("good", "full", "shown", "under", "bare"):
        found = [between(*scores, float(one)) for one in sets[name].values @ weights]
        print(f"{name}: {100 * np.mean([one >= THRESHOLD for one in found]):.0f}% at {THRESHOLD} or above")


def rounded(values: Sequence[float]) -> list[float]:
    """To four digits, as TOML shows them."""
    return [round(float(one), 4) for one in values]


def rendered(
    weights: Array,
    scores: tuple[list[float], list[float]],
    found: Found,
    sets: Mapping[str, Rows],
    read_files: Mapping[str, str],
) -> str:
    """The weights and tables as TOML."""
    usual = np.concatenate([sets[name].values for name in ("good", "bad", "full", "under", "clear")])
    lines = [
        "# The weights of the score. Written by training/score.py; do not edit. All weights are 0 or more: `raises`",
        "# adds to the sum, `lowers` takes from it. docs/score.md says how they came about. Read (SHA-256, 16 digits):",
        *(f"# {name} {digest}" for name, digest in read_files.items()),
        "",
        "[calibration]",
        f"sum = {rounded(scores[0])}",
        f"score = {rounded(scores[1])}",
        "",
        "[found]",
        f"bias = {found[0]:.4f}",
        *(f"{name} = {weight:.4f}" for name, weight in zip(("share", "agreement", "lead"), found[1], strict=True)),
        f"sum = {rounded(found[2])}",
        f"chance = {rounded(found[3])}",
        f"neutral = {NEUTRAL}",
    ]
    at = 0
    for name, members in PRIOR.items():
        part = slice(at, at + len(members))
        bias = -float((usual[:, part] @ weights[part]).mean())
        lines += ["", f"[dimensions.{name}]", f"bias = {bias:.4f}"]
        for side, sign in (("raises", 1.0), ("lowers", -1.0)):
            lines.append(f"[dimensions.{name}.{side}]")
            lines += [
                f"{one} = {weights[at + number]:.4f}" for number, one in enumerate(members) if SIGN[at + number] == sign
            ]
        at += len(members)
    return "\n".join(lines) + "\n"


NEUTRAL = 0.8
"""The chance of a usual issue, for prompts in workspaces that could not be searched."""

if __name__ == "__main__":
    arguments = [one for one in sys.argv[1:] if one not in ("--write", "--quick")]
    given = Path(arguments[arguments.index("--mirrors") + 1]) if "--mirrors" in arguments else None
    plain = [one for one in arguments if one != "--mirrors" and (given is None or one != str(given))]
    main(Path(plain[0]) if plain else DEFAULT, given, write="--write" in sys.argv, quick="--quick" in sys.argv)
