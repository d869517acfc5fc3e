"""Weighs the features of the score and calibrates it: writes optafly_cli/refine/data/score-weights.toml.

    python -m training.score [DATA_FOLDER] [--mirrors FOLDER] [--write]

DATA_FOLDER is that of benchmarks/refine.py. MIRRORS as for benchmarks/localisation.py: with it the likelihoods of
the files are computed anew, else read from `clarity.json` beside this script. The likelihoods of an issue are those
that the index gives with retrieval weights fitted on the other repositories. Shown: every figure out of fold (problems
of HumanEvalComm in ten folds, repositories left out in turn). docs/score.md has the recipe and what came of it.
"""

import hashlib
import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from benchmarks.refine import DEFAULT, VARIANTS, auc, ece, renamed
from optafly_cli.refine.analyse import subject_of
from optafly_cli.refine.attached import Attached
from optafly_cli.refine.features import features
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.found import between, on_scale, parts
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval.clarity import Clarity
from optafly_cli.refine.rules import findings
from optafly_cli.workspace.types import NamedContext, Workspace

Array = np.ndarray[Any, np.dtype[np.float64]]
TARGET = Path(__file__).resolve().parents[1] / "optafly_cli" / "refine" / "data" / "score-weights.toml"
CLARITY = Path(__file__).with_name("clarity.json")
ANCHORS = Path(__file__).with_name("score_anchors.toml")
SEED = 0
RIDGE = 0.004
GRID = (0.001, 0.002, 0.004, 0.008, 0.016)
TASKS = {"pairs": 1.0, "anchors": 0.3, "issues": 0.1, "resolved": 1.0, "clear": 0.3, "complete": 0.1, "specified": 0.1}
"""How much the mean loss of each set counts."""

# By dimension: the weight that a feature has before anything is measured, negative where it lowers the score
PRIOR: Mapping[str, Mapping[str, float]] = {
    "intent": {"clear_action": 0.9, "several_tasks": -0.4},
    "evidence": {
        "error_text": 0.9, "expectation": 0.8, "examples": 1.1, "environment": 0.3, "examples_explained": 1.0,
        "examples_deep": 0.3, "examples_shown": 0.5, "examples_odd": -0.5,
    },
    "precision": {
        "detail": 1.1, "specifics": 0.9, "defined": 0.5, "alternatives": -0.8, "indefinite": -0.8, "hedges": -0.5,
        "vague": -0.6, "open_points": -1.6, "contradictions": -1.5,
    },
    "grounding": {
        "located": 0.9, "found": 10.0, "code": 1.5, "self_contained": 0.9, "pointing": -0.5, "unresolved": -1.6,
    },
}  # fmt: skip
NAMES = [name for members in PRIOR.values() for name in members]
START = np.array([weight for members in PRIOR.values() for weight in members.values()])
SIGN = np.sign(START)

BARE = (
    "fix this bug", "explain this function", "make it faster", "it does not work", "fix it", "refactor this", "help",
    "why does this fail?", "write tests for this", "add logging", "clean up the code", "improve performance",
    "review this file", "there is an error", "optimise the query", "update the docs", "handle errors better",
    "make the tests pass", "add validation", "this crashes sometimes",
)  # fmt: skip
"""Complaints as people type them: low as they stand, high with the line and its code. More are in ANCHORS."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts of one set: signed features (n, features), the label and the group of each."""

    values: Array
    label: Array
    group: Sequence[str]

    def __getitem__(self, kept: Array) -> "Rows":
        return Rows(
            self.values[kept], self.label[kept], [one for one, keep in zip(self.group, kept, strict=True) if keep]
        )


class Texts:
    """The features of texts, with an empty folder as the workspace."""

    def __init__(self, folder: Path) -> None:
        self._files = WorkspaceFiles(Workspace(folder, "empty", "folder", has_git=False))

    def of(self, text: str, chance: float | None = None, attached: Attached | None = None) -> Array:
        """One text's features by `NAMES`; `chance` stands for what the index would say."""
        subject = subject_of(PromptText(text), NamedContext(), self._files, attached)
        values = dict(features(subject, findings(subject)))
        # An empty folder has none of the paths that a prompt names: that is no fault of the prompt
        values["unresolved"] = 0.0
        if chance is not None:
            values["found"] = on_scale(chance)
        return np.array([values[name] for name in NAMES])


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
    text = rendered(weights, calibration(sets, weights), table, sets, digests(folder))
    if write:
        TARGET.write_text(text, "utf-8")
    else:
        print(text)


def read_sets(texts: Texts, folder: Path, chances: Mapping[str, float]) -> dict[str, Rows]:
    """Every set; pairs as differences, the better less the worse, their label 1."""
    pairs, sides, groups = [], [], []
    for row in read(folder, "humanevalcomm.jsonl"):
        for variant in VARIANTS:
            if row.get(f"prompt{variant}"):
                good, bad = texts.of(renamed(row["prompt"], row)), texts.of(renamed(row[f"prompt{variant}"], row))
                pairs.append(good - bad)
                sides.append((good, bad))
                groups.append(f"{row['name']} {variant}")
    bare = [texts.of(text) for text in BARE]
    shown = [texts.of(text, attached=Attached(code=True, located=True)) for text in BARE]
    said = tomllib.loads(ANCHORS.read_text("utf-8"))["anchor"]
    bare += [texts.of(one["vague"].strip()) for one in said]
    shown += [texts.of(one["good"].strip()) for one in said]
    names = [*BARE, *(one["vague"] for one in said)]
    issues = {row["instance_id"]: row for row in read(folder, "localisation.jsonl")}
    full = {row["instance_id"]: row for row in read(folder, "interactiveswe_fully-specified.jsonl")}
    under = {row["instance_id"]: row for row in read(folder, "interactiveswe_underspecified.jsonl")}
    of: dict[str, Array] = {}
    for name, row in issues.items():
        of[f"{name} full"] = texts.of(row["problem_statement"], chances[f"{name} full"])
    for name, row in under.items():
        of[f"{name} under"] = texts.of(row["problem_statement"], chances[f"{name} under"])
    solved = [
        (f"{name} {half}", rows[name]["claude_sonnet3.5"] == "1")
        for half, rows in (("full", full), ("under", under))
        for name in rows
    ]
    human = [
        (f"{row['instance_id']} full", float(row["underspecified"]) <= 1)
        for row in read(folder, "underspecified_annotations.jsonl")
        if row["instance_id"] in issues
    ]
    clear = [
        (texts.of(row["requirement"]), str(row["ground_truth"]) == "0", row["task_id"])
        for name in ("humaneval", "mbpp")
        for row in read(folder, f"specfix_{name}_pilot_ground_truth.jsonl")
        if str(row.get("ground_truth")) in ("0", "1")
    ]
    requests = [
        (
            texts.of(row["TextUsedForAnnotation"]),
            "Incompleteness" not in row["FinalDefectType"],
            row["RequestNumber-App"],
        )
        for row in read(folder, "feature_requests.jsonl")
    ]
    goods, bads = [one for one, _ in sides], [other for _, other in sides]
    lacking = [(one, 0.0, group) for one, group in zip(bads, groups, strict=True) if group.endswith(LACKING)]
    return {
        "pairs": rows(pairs, [1.0] * len(pairs), groups),
        "good": rows(goods, [1.0] * len(goods), groups),
        "bad": rows(bads, [0.0] * len(bads), groups),
        "lacking": rows(*map(list, zip(*lacking, strict=True))),
        "anchors": rows([one - other for one, other in zip(shown, bare, strict=True)], [1.0] * len(bare), names),
        "bare": rows(bare, [0.0] * len(bare), names),
        "shown": rows(shown, [1.0] * len(bare), names),
        "issues": rows([of[f"{name} full"] - of[f"{name} under"] for name in under], [1.0] * len(under), list(under)),
        "full": rows([of[f"{name} full"] for name in under], [1.0] * len(under), list(under)),
        "under": rows([of[f"{name} under"] for name in under], [0.0] * len(under), list(under)),
        "resolved": rows(
            [of[name] for name, _ in solved], [label for _, label in solved], [name for name, _ in solved]
        ),
        "specified": rows([of[name] for name, _ in human], [label for _, label in human], [name for name, _ in human]),
        "clear": rows(*map(list, zip(*clear, strict=True))),
        "complete": rows(*map(list, zip(*requests, strict=True))),
    }


def rows(values: Sequence[Array], label: Sequence[float], group: Sequence[str]) -> Rows:
    """Rows with the sign of each feature taken in, so that every weight is 0 or more."""
    return Rows(np.array(values) * SIGN, np.array(label, float), list(group))


def fit(sets: Mapping[str, Rows], ridge: float) -> Array:
    """Weights of 0 or more: logistic losses of all sets, each set with its own base rate, pairs with none."""
    tasks = [(sets[name], weight, name in ("pairs", "anchors", "issues")) for name, weight in TASKS.items()]
    start = np.abs(START)

    def loss(given: Array) -> tuple[float, Array]:
        weights, rates = given[: len(start)], given[len(start) :]
        spread = np.maximum(start, 0.5)
        total = ridge * float((((weights - start) / spread) ** 2).sum())
        slope = np.zeros_like(given)
        slope[: len(start)] = 2 * ridge * (weights - start) / spread**2
        for at, (one, weight, paired) in enumerate(tasks):
            sums = one.values @ weights + (0.0 if paired else rates[at])
            wrong = 1 / (1 + np.exp(-sums)) - one.label
            total += weight * float((np.logaddexp(0, sums) - one.label * sums).mean())
            slope[: len(start)] += weight * (one.values * wrong[:, None]).mean(0)
            if not paired:
                slope[len(start) + at] += weight * wrong.mean()
        return total, slope

    bounds = [(0.0, None)] * len(start) + [(None, None)] * len(tasks)
    found = minimize(loss, np.r_[start, np.zeros(len(tasks))], jac=True, method="L-BFGS-B", bounds=bounds)
    result: Array = found.x[: len(start)]
    return result


def without(sets: Mapping[str, Rows], names: Sequence[str], left_out: Any) -> dict[str, Rows]:
    """The sets, and of those named only the rows whose group is not left out."""
    return {
        name: one[np.array([not left_out(group) for group in one.group])] if name in names else one
        for name, one in sets.items()
    }


def out_of_fold(
    sets: Mapping[str, Rows], name: str, folds: Sequence[Any], also: Sequence[str] = (), ridge: float | None = None
) -> Array:
    """The weighed sum of each row, by weights that have not seen its fold. Without `ridge` it is chosen inside."""
    sums = np.zeros(len(sets[name].label))
    for fold in folds:
        inside = np.array([fold(group) for group in sets[name].group])
        rest = without(sets, (name, *also), fold)
        chosen = ridge if ridge is not None else best_ridge(rest, name, folds, fold)
        sums[inside] = sets[name].values[inside] @ fit(rest, chosen)
    return sums


def best_ridge(sets: Mapping[str, Rows], name: str, folds: Sequence[Any], left_out: Any) -> float:
    """The ridge that does best on the other folds, each left out in turn."""
    inner = [fold for fold in folds if fold is not left_out]

    def worth(ridge: float) -> float:
        sums = out_of_fold(sets, name, inner, ridge=ridge)
        one = sets[name]
        return float(np.mean(sums > EVEN)) if name == "pairs" else auc(list(zip(sums, one.label > 0, strict=True)))

    return max(GRID, key=worth)


EVEN = 1e-9


def folds_of(groups: Sequence[str], count: int) -> list[Any]:
    """`count` folds of groups, by what stands before the first blank, shuffled by SEED."""
    names = sorted({group.split(" ")[0] for group in groups})
    order = np.random.default_rng(SEED).permutation(len(names))
    fold_of = {name: int(at) % count for name, at in zip(names, order, strict=True)}
    return [lambda group, fold=fold: fold_of.get(group.split(" ")[0]) == fold for fold in range(count)]


def repository(name: str) -> str:
    """The repository of an instance of SWE-bench."""
    return re.split(r"-\d", name)[0]


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


FOUND_RIDGE = 0.02
Found = tuple[float, Array, list[float], list[float]]


def found_table(seen: Sequence[Mapping[str, Any]]) -> Found:
    """Bias and weights of what a clarity is made of, and the table from their sum to the chance.

    The table is an isotonic regression of what came, of which the logistic's own chance counts as a second observation.
    """
    values = np.array([parts_of(one) for one in seen])
    label = np.array([float(one["hit"]) for one in seen])

    def loss(given: Array) -> tuple[float, Array]:
        sums = values @ given[:-1] + given[-1]
        wrong = 1 / (1 + np.exp(-sums)) - label
        total = float((np.logaddexp(0, sums) - label * sums).mean()) + FOUND_RIDGE * float(
            ((given[:-1] / SPREAD) ** 2).sum()
        )
        return total, np.r_[(values * wrong[:, None]).mean(0) + 2 * FOUND_RIDGE * given[:-1] / SPREAD**2, wrong.mean()]

    bounds = [(0.0, None)] * 3 + [(None, None)]
    given = minimize(loss, np.zeros(4), jac=True, method="L-BFGS-B", bounds=bounds).x
    sums = values @ given[:-1] + given[-1]
    chance = 1 / (1 + np.exp(-sums))
    knots, heights = centred(list(sums), list((label + chance) / 2))
    # Beyond what was seen the logistic goes on
    ends = (knots[0] - 2.0, knots[-1] + 1.0)
    knots, heights = [ends[0], *knots, ends[1]], [heights[0] / 2, *heights, (1 + heights[-1]) / 2]
    return float(given[-1]), given[:-1], knots, heights


SPREAD = np.array([1.0, 4.0, 4.0])


def parts_of(one: Mapping[str, Any]) -> tuple[float, float, float]:
    """What the chance is drawn from."""
    return parts(Clarity(one["share"], one["agreement"], one["lead"]))


def calibrated_chances(seen: Mapping[str, Any]) -> dict[str, float]:
    """The chance that a file is found, of each issue by weights and a table made from the other repositories."""
    found: dict[str, float] = {}
    for apart in sorted({repository(name) for name in seen}):
        bias, by, knots, heights = found_table([one for name, one in seen.items() if repository(name) != apart])
        for name, one in seen.items():
            if repository(name) == apart:
                found[name] = between(knots, heights, bias + float(np.array(parts_of(one)) @ by))
    return found


def centred(
    amounts: Sequence[float], labels: Sequence[float], weights: Sequence[float] | None = None
) -> tuple[list[float], list[float]]:
    """Centred isotonic regression: the blocks of an isotonic one, each a point at its mean, so that the table rises.

    Each block is drawn towards the base rate by two rows, so that none is 0 or 1.
    """
    order = np.argsort(amounts, kind="stable")
    x, y = np.array(amounts, float)[order], np.array(labels, float)[order]
    w = np.ones_like(x) if weights is None else np.array(weights, float)[order]
    base = float((w * y).sum() / w.sum())
    blocks: list[list[float]] = []
    for at in range(len(x)):
        blocks.append([w[at] * x[at], w[at] * y[at], w[at]])
        while len(blocks) > 1 and blocks[-2][1] / blocks[-2][2] >= blocks[-1][1] / blocks[-1][2]:
            last = blocks.pop()
            blocks[-1] = [one + other for one, other in zip(blocks[-1], last, strict=True)]
    merged: list[list[float]] = []
    for block in blocks:
        merged.append(block)
        if merged[-1][2] < 0.04 * w.sum() and len(merged) > 1:
            last = merged.pop()
            merged[-1] = [one + other for one, other in zip(merged[-1], last, strict=True)]
    prior = 2.0 * w.mean()
    knots = [round(block[0] / block[2], 4) for block in merged]
    values = [round((block[1] + prior * base) / (block[2] + prior), 4) for block in merged]
    kept = [at for at in range(len(knots)) if at == 0 or (knots[at] > knots[at - 1] and values[at] > values[at - 1])]
    return [knots[at] for at in kept], [values[at] for at in kept]


DEVELOPERS = 2.0
"""How much more prompts of developers count in the calibration than the other sets: they are what is scored."""
LUCK = 0.2
"""What a bare complaint counts as: now and then the model looks around, or asks. Set by hand."""
SIDES = (("good", "lacking"), ("full", "under"), ("shown", "bare"))
LACKING = ("1p", "2ap", "2cp")
"""The variants that leave something out. An ambiguous or contradictory text is near its original in all else, so that
what a score says of texts by themselves cannot be read off those."""


def calibration(sets: Mapping[str, Rows], weights: Array) -> tuple[list[float], list[float]]:
    """From weighed sums to scores: whole texts and those that lack something, each side of a set weighing the same."""
    sums: list[float] = []
    labels: list[float] = []
    shares: list[float] = []
    sides = [sets[name] for pair in SIDES for name in pair]
    for one in sides:
        weight = DEVELOPERS if one is sets["shown"] or one is sets["bare"] else 1.0
        sums += list(one.values @ weights)
        labels += [LUCK if one is sets["bare"] else float(label) for label in one.label]
        shares += [weight / len(one.label)] * len(one.label)
    return centred(sums, labels, shares)


def rounded(values: Sequence[float]) -> list[float]:
    """To four digits, as TOML shows them."""
    return [round(float(one), 4) for one in values]


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in (folder / name).read_text("utf-8").split("\n") if line.strip()]


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that was read, the first 16 digits."""
    names = (
        "feature_requests", "humanevalcomm", "interactiveswe_fully-specified", "interactiveswe_underspecified",
        "localisation",
        "specfix_humaneval_pilot_ground_truth", "specfix_mbpp_pilot_ground_truth", "underspecified_annotations",
    )  # fmt: skip
    files = [folder / f"{name}.jsonl" for name in names]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in (*files, CLARITY, ANCHORS)}


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
