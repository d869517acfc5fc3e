"""What the score is worth on public data, with two baselines in the same run, and what analysing costs.

    python benchmarks/refine.py [DATA_FOLDER] [--mirrors FOLDER]

DATA_FOLDER holds humanevalcomm.jsonl, interactiveswe_*.jsonl, specfix_*_pilot_ground_truth.jsonl,
feature_requests.jsonl and underspecified_annotations.jsonl with localisation.jsonl; sets that are absent are skipped.
With --mirrors (as for benchmarks/localisation.py) each issue is scored in its workspace, at its base commit, with the
index, and findings are checked in these checkouts; without, in an empty folder. Baselines: the text's length, and the
score with the weights set by hand that it had until 2026-11-29. In brackets: 95% of 1,000 bootstrap samples, drawn by
problem or instance. training/score.py was fitted on the odd problems of HumanEvalComm and on sphinx, pytest and
requests: its own figures, out of fold, are in docs/score.md.
"""

import json
import math
import random
import re
import statistics
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.findings import contradictions, findings_on_issues, hook, hundred
from optafly_cli.refine.analyse import subject_of
from optafly_cli.refine.features import features
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval.retriever import Retriever
from optafly_cli.refine.rules import findings
from optafly_cli.refine.score import score
from optafly_cli.workspace.types import NamedContext, Workspace

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "refine"
VARIANTS = ("1a", "1c", "1p", "2ac", "2ap", "2cp")
SAMPLES = 1_000
NAMES = ("score", "hand-set", "length")
HAND_SET: Mapping[str, float] = {
    "clear_action": 0.9, "several_tasks": -0.4, "error_text": 0.9, "expectation": 0.8, "examples": 1.1,
    "environment": 0.3, "detail": 1.1, "specifics": 0.9, "hedges": -0.5, "vague": -0.6, "open_points": -1.6,
    "located": 0.9, "code": 1.5, "self_contained": 0.9, "pointing": -0.5, "unresolved": -1.6,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scored:
    """One text: the score, the baselines, and what the score says of grounding."""

    score: float
    hand_set: float
    length: float
    grounding: float

    def by(self, name: str) -> float:
        """The value of one scorer."""
        return {"score": self.score, "hand-set": self.hand_set, "length": self.length}[name]


Rows = Sequence[tuple[str, Any]]
"""What is resampled (a problem, an instance) and what was seen of it."""


def main(folder: Path, mirrors: Path | None) -> None:
    """Print every table that the data is there for."""
    with tempfile.TemporaryDirectory() as empty:
        files = WorkspaceFiles(Workspace(Path(empty), "empty", "folder", has_git=False))
        alone = lambda text: scored(text, files)  # noqa: E731
        humanevalcomm(folder, alone)
        specfix(folder, alone)
        feature_requests(folder, alone)
        issues(folder, in_workspaces(folder, mirrors) if mirrors else in_nothing(folder, alone))
        speed(folder, files)
    if (problems := read(folder / "humanevalcomm.jsonl", said=False)) is not None:
        contradictions(problems)
    rows, labels = read(folder / "localisation.jsonl"), read(folder / "underspecified_annotations.jsonl")
    if rows is not None and labels is not None:
        hundred(rows)
        hook()
        if mirrors is not None:
            findings_on_issues(rows, labels, mirrors)


def scored(text: str, files: WorkspaceFiles) -> Scored:
    """A text scored in a workspace."""
    subject = subject_of(PromptText(text), NamedContext(), files)
    found = findings(subject)
    now, values = score(subject, found), features(subject, found)
    hand_set = -1.9 + sum(weight * values[name] for name, weight in HAND_SET.items())
    return Scored(now.value, 1 / (1 + math.exp(-hand_set)), float(len(text)), now.dimensions["grounding"])


def humanevalcomm(folder: Path, scorer: Callable[[str], Scored]) -> None:
    """The original must score strictly higher than its degraded variants; the entry point is renamed on both sides."""
    rows = read(folder / "humanevalcomm.jsonl")
    if rows is None:
        return
    originals = {row["name"]: scorer(renamed(row["prompt"], row)) for row in rows}
    pairs = [
        (row["name"], (variant, originals[row["name"]], scorer(renamed(row[f"prompt{variant}"], row))))
        for row in rows
        for variant in VARIANTS
        if row.get(f"prompt{variant}")
    ]
    print(f"HumanEvalComm, {len(rows)} problems, {len(pairs)} pairs: original strictly above its variant, %")
    for name in NAMES:

        def strict(sample: Rows, name: str = name) -> float:
            wins: int = sum(one.by(name) > other.by(name) for _, (_, one, other) in sample)
            return 100 * wins / len(sample)

        cells = [
            f"{variant} {strict(of_it):.1f}"
            for variant in VARIANTS
            if (of_it := [pair for pair in pairs if pair[1][0] == variant])
        ]
        ties = 100 * statistics.mean(one.by(name) == other.by(name) for _, (_, one, other) in pairs)
        print(f"  {name:8} {with_interval(pairs, strict, 1)}  {'  '.join(cells)}  ties {ties:.1f}")


def specfix(folder: Path, scorer: Callable[[str], Scored]) -> None:
    """Clear specifications above those that humans called ambiguous; the same without their examples."""
    found = [
        row
        for name in ("humaneval", "mbpp")
        for row in read(folder / f"specfix_{name}_pilot_ground_truth.jsonl") or []
        if str(row.get("ground_truth")) in ("0", "1")
    ]
    for title, of in (("SpecFix", lambda text: text), ("SpecFix, examples taken out", bare)):
        rows = [(row["task_id"], (scorer(of(row["requirement"])), str(row["ground_truth"]) == "0")) for row in found]
        show(f"{title}: AUC of 'humans call it clear'", rows)


def bare(text: str) -> str:
    """A specification without its doctests and assertions."""
    return re.sub(r"^[ \t]*(?:assert .*\n?|>>> .*\n(?:(?![ \t]*(?:>>>|\"\"\"|'''|\n)).*\n)*)", "", text, flags=re.M)


def feature_requests(folder: Path, scorer: Callable[[str], Scored]) -> None:
    """Feature requests without an incompleteness above those with one."""
    rows = read(folder / "feature_requests.jsonl") or []
    show(
        "Feature requests: AUC of 'no incompleteness marked'",
        [
            (
                row["RequestNumber-App"],
                (scorer(row["TextUsedForAnnotation"]), "Incompleteness" not in row["FinalDefectType"]),
            )
            for row in rows
        ],
    )


@dataclass(frozen=True, slots=True)
class Issue:
    """One text of an issue, scored. `hit`: its patch's files are all among the first five found; None: not searched."""

    instance: str
    half: str
    scored: Scored
    hit: bool | None


def in_nothing(folder: Path, scorer: Callable[[str], Scored]) -> list[Issue]:
    """The issues without their workspaces."""
    return [Issue(name, half, scorer(text), None) for name, half, text, _ in issue_texts(folder)]


def in_workspaces(folder: Path, mirrors: Path) -> list[Issue]:
    """The issues, each in its repository at its base commit, searched with the index."""
    from benchmarks.localisation import Case, checked_out, edited, mirror_of

    found = []
    texts = list(issue_texts(folder))
    for repository in dict.fromkeys(row["repo"] for *_, row in texts):
        rows = {name: row for name, *_, row in texts if row["repo"] == repository}
        cases = [Case(name, repository, row["base_commit"], "", edited(row["patch"])) for name, row in rows.items()]
        for case, workspace, keeper, _ in checked_out(mirror_of(mirrors, repository), cases):
            retriever = Retriever(keeper)
            files = WorkspaceFiles(workspace, retriever)
            for name, half, text, _ in texts:
                if name == case.name:
                    first = {one.label for one in retriever.found(PromptText(text)).files[:5]}
                    found.append(Issue(name, half, scored(text, files), case.gold.keys() <= first))
    return found


def issue_texts(folder: Path) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
    """Each issue in full, and underspecified where that is there: instance, half, text, its row."""
    rows = {row["instance_id"]: row for row in read(folder / "localisation.jsonl") or []}
    for name, row in rows.items():
        yield name, "full", row["problem_statement"], row
    for row in read(folder / "interactiveswe_underspecified.jsonl") or []:
        if row["instance_id"] in rows:
            yield row["instance_id"], "underspecified", row["problem_statement"], rows[row["instance_id"]]


def issues(folder: Path, found: Sequence[Issue]) -> None:
    """Full above underspecified; whether a model resolved it; whether its file was found; what humans say of it."""
    halves = {
        half: {row["instance_id"]: row["claude_sonnet3.5"] == "1" for row in read(folder / name) or []}
        for half, name in (
            ("full", "interactiveswe_fully-specified.jsonl"),
            ("underspecified", "interactiveswe_underspecified.jsonl"),
        )
    }
    solved = [
        (one.instance, (one.scored, halves[one.half][one.instance], one.half))
        for one in found
        if one.instance in halves[one.half]
    ]
    for half in ("", "full", "underspecified"):
        part = [(name, (value, label)) for name, (value, label, of) in solved if half in ("", of)]
        show(f"Issues{', ' + half if half else ''}: AUC of 'Sonnet 3.5 resolved it'", part)
    hits = [(one.instance, (one.scored, one.hit)) for one in found if one.hit is not None]
    show("Issues: AUC of 'its files are among the first five'", hits, grounding=True)
    if hits:
        off = with_interval(hits, lambda sample: ece([(one.grounding, label) for _, (one, label) in sample]), 3)
        print(f"  grounding: expected calibration error {off}")
    labels = {
        row["instance_id"]: float(row["underspecified"])
        for row in read(folder / "underspecified_annotations.jsonl") or []
    }
    show(
        "Issues: AUC of 'humans call it specified (0 or 1 of 3)'",
        [
            (one.instance, (one.scored, labels[one.instance] <= 1))
            for one in found
            if one.half == "full" and one.instance in labels
        ],
    )


def show(title: str, rows: Rows, *, grounding: bool = False) -> None:
    """The AUC of each scorer with its interval, and what the threshold of 0.7 separates."""
    if not rows:
        return
    print(f"{title} ({len(rows)} texts, {sum(label for _, (_, label) in rows)} so)")
    scorers: dict[str, Callable[[Scored], float]] = {name: lambda one, name=name: one.by(name) for name in NAMES}  # type: ignore[misc]
    if grounding:
        scorers["grounding"] = lambda one: one.grounding
    for name, of in scorers.items():

        def area(sample: Rows, of: Callable[[Scored], float] = of) -> float:
            return auc([(of(one), label) for _, (one, label) in sample])

        print(f"  {name:9} {with_interval(rows, area, 3)}")
    above = [label for _, (one, label) in rows if one.score >= 0.7]
    below = [label for _, (one, label) in rows if one.score < 0.7]
    shares = [f"{100 * statistics.mean(part):.0f}% of {len(part)}" if part else "none" for part in (above, below)]
    print(f"  so at a score of 0.7 or more: {shares[0]}; under: {shares[1]}")


def speed(folder: Path, files: WorkspaceFiles) -> None:
    """Milliseconds of CPU per prompt without an index, by kind of text."""
    texts: dict[str, list[str]] = {"short": ["fix this bug", "Add a --json flag that prints one object"] * 20}
    for _, half, text, _ in issue_texts(folder):
        texts.setdefault(f"issues, {half}", []).append(text)
    texts["HumanEvalComm"] = [row["prompt"] for row in read(folder / "humanevalcomm.jsonl", said=False) or []]
    texts["all"] = [text for of_it in texts.values() for text in of_it]
    for name, of_it in texts.items():
        times = []
        for text in of_it:
            start = time.process_time()
            subject = subject_of(PromptText(text), NamedContext(), files)
            score(subject, findings(subject))
            times.append((time.process_time() - start) * 1000)
        if times:
            times.sort()
            p95 = times[len(times) * 95 // 100]
            print(f"Analyse, {name}, {len(times)} prompts: p50 {statistics.median(times):.2f} ms, p95 {p95:.2f} ms")


def read(path: Path, *, said: bool = True) -> list[dict[str, Any]] | None:
    """The rows of a JSONL file; None when it is absent."""
    if not path.is_file():
        if said:
            print(f"{path.name} is not in {path.parent}: skipped")
        return None
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]


def renamed(text: str, row: dict[str, Any]) -> str:
    """The text with the entry point called `candidate`, so that a name gives nothing away."""
    return re.sub(rf"\b{re.escape(row['entry_point'])}\b", "candidate", text)


def with_interval(rows: Rows, measure: Callable[[Rows], float], digits: int) -> str:
    """A measure with the bounds of 95% of its bootstrap samples, drawn by what stands first in a row."""
    groups: dict[str, list[tuple[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    drawn, names = random.Random(0), list(groups)
    samples = []
    for _ in range(SAMPLES):
        value = measure([row for name in drawn.choices(names, k=len(names)) for row in groups[name]])
        if not math.isnan(value):
            samples.append(value)
    samples.sort()
    low, high = samples[len(samples) * 25 // 1000], samples[len(samples) * 975 // 1000]
    return f"{measure(rows):.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def auc(labelled: Sequence[tuple[float, bool]]) -> float:
    """The chance that a positive scores above a negative, ties counted half; NaN without both."""
    positives = [value for value, label in labelled if label]
    negatives = sorted(value for value, label in labelled if not label)
    if not positives or not negatives:
        return math.nan
    wins = sum(bisect_left(negatives, one) + bisect_right(negatives, one) for one in positives)
    return wins / (2 * len(positives) * len(negatives))


def ece(labelled: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Expected calibration error: how far chances are from what came, in `bins` of equal width."""
    parts: dict[int, list[tuple[float, bool]]] = {}
    for value, label in labelled:
        parts.setdefault(min(int(value * bins), bins - 1), []).append((value, label))
    off = (abs(sum(value - label for value, label in part)) for part in parts.values())
    return sum(off) / max(len(labelled), 1)


if __name__ == "__main__":
    given = sys.argv[1:]
    place = given.index("--mirrors") if "--mirrors" in given else None
    folder = Path(given[place + 1]) if place is not None else None
    plain = [one for at, one in enumerate(given) if place is None or at not in (place, place + 1)]
    main(Path(plain[0]) if plain else DEFAULT, folder)
