"""The labelled sets that the score is fitted on, as features with their sign taken in, so that weights are 0 or more.

In: the folder of benchmarks/refine.py, the chances that the index gives. Out: `Rows` by name of the set.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.refine import VARIANTS, renamed
from optafly_cli.refine.analyse import subject_of
from optafly_cli.refine.attached import Attached
from optafly_cli.refine.features import features
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.found import on_scale
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.rules import findings
from optafly_cli.workspace.types import NamedContext, Workspace

Array = np.ndarray[Any, np.dtype[np.float64]]
CLARITY = Path(__file__).with_name("clarity.json")
ANCHORS = Path(__file__).with_name("score_anchors.toml")
# By dimension: the weight that a feature has before anything is measured, negative where it lowers the score
PRIOR: Mapping[str, Mapping[str, float]] = {
    "intent": {"clear_action": 0.9, "several_tasks": -0.4},
    "evidence": {
        "error_text": 0.9, "expectation": 0.8, "examples": 1.1, "environment": 0.3, "examples_explained": 1.2,
        "examples_shown": 0.5, "examples_odd": -0.5,
    },
    "precision": {
        "detail": 1.1, "specifics": 0.9, "defined": 0.5, "alternatives": -0.8, "indefinite": -0.8, "hedges": -0.5,
        "vague": -0.6, "open_points": -1.6, "open_cases": -0.8, "contradictions": -1.5,
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


LACKING = ("1p", "2ap", "2cp")
"""The variants that leave something out. An ambiguous or contradictory text is near its original in all else, so that
what a score says of texts by themselves cannot be read off those."""


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
