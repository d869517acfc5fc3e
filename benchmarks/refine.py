"""What the score is worth on public data, with text length as the baseline, and what analysing costs.

    python benchmarks/refine.py [DATA_FOLDER]

DATA_FOLDER holds humanevalcomm.jsonl, interactiveswe_*.jsonl, specfix_*_pilot_ground_truth.jsonl,
feature_requests.jsonl and underspecified_annotations.jsonl with localisation.jsonl; sets that are absent are skipped.
Nothing here is trained on: the weights are set by hand. The workspace is an empty folder: grounding sees only the text.
"""

import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from optafly_cli.refine.analyse import analyse
from optafly_cli.workspace.types import NamedContext, Workspace

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "refine"
VARIANTS = ("1a", "1c", "1p", "2ac", "2ap", "2cp")
Scorer = Callable[[str], float]


def main(folder: Path) -> None:
    """Print every table that the data is there for."""
    with tempfile.TemporaryDirectory() as empty:
        workspace = Workspace(Path(empty), "empty", "folder", has_git=False)
        scorers: dict[str, Scorer] = {
            "score": lambda text: analyse(text, NamedContext(), workspace).score.value,
            "length": lambda text: float(len(text)),
        }
        for table in (humanevalcomm, issue_pairs, specfix, feature_requests, underspecified, speed):
            table(folder, scorers)


def humanevalcomm(folder: Path, scorers: dict[str, Scorer]) -> None:
    """The original must score strictly higher than its degraded variants; the entry point is renamed on both sides."""
    rows = read(folder / "humanevalcomm.jsonl")
    if rows is None:
        return
    print(f"HumanEvalComm, {len(rows)} problems: original above variant, strictly / ties half")
    for name, scorer in scorers.items():
        total: list[float] = []
        cells = []
        for variant in VARIANTS:
            wins = [
                compare(scorer(renamed(row["prompt"], row)), scorer(renamed(row[f"prompt{variant}"], row)))
                for row in rows
                if row.get(f"prompt{variant}")
            ]
            total += wins
            if wins:
                cells.append(f"{variant} {strict(wins):.1f}/{half(wins):.1f} (n={len(wins)})")
        print(f"  {name:7} all {strict(total):.1f}/{half(total):.1f} (n={len(total)})  {'  '.join(cells)}")


def issue_pairs(folder: Path, scorers: dict[str, Scorer]) -> None:
    """The full issue must score higher than its underspecified summary."""
    full, under = (
        read(folder / "interactiveswe_fully-specified.jsonl"),
        read(folder / "interactiveswe_underspecified.jsonl"),
    )
    issues = read(folder / "localisation.jsonl")
    if full is None or under is None or issues is None:
        return
    texts = {row["instance_id"]: row["problem_statement"] for row in issues}
    resolved = {row["instance_id"]: row["claude_sonnet3.5"] == "1" for row in full}
    pairs = [(texts[row["instance_id"]], row) for row in under if row["instance_id"] in texts]
    print(f"Issues, {len(pairs)} pairs: full above underspecified; AUC of 'Sonnet 3.5 resolved it', pooled and by half")
    for name, scorer in scorers.items():
        high = [(scorer(text), resolved.get(row["instance_id"], False)) for text, row in pairs]
        low = [(scorer(row["problem_statement"]), row["claude_sonnet3.5"] == "1") for _, row in pairs]
        wins = [compare(one, other) for (one, _), (other, _) in zip(high, low, strict=True)]
        print(
            f"  {name:7} pairs {strict(wins):.1f}  AUC pooled {auc([*high, *low]):.3f} full {auc(high):.3f} "
            f"under {auc(low):.3f}  median score {statistics.median(s for s, _ in high):.2f} / "
            f"{statistics.median(s for s, _ in low):.2f}"
        )


def specfix(folder: Path, scorers: dict[str, Scorer]) -> None:
    """Clear specifications above those that humans called ambiguous."""
    rows = [
        row
        for name in ("humaneval", "mbpp")
        for row in read(folder / f"specfix_{name}_pilot_ground_truth.jsonl") or []
        if str(row.get("ground_truth")) in ("0", "1")
    ]
    if not rows:
        return
    print(f"SpecFix, {len(rows)} specifications: AUC of 'humans call it clear'")
    for name, scorer in scorers.items():
        print(f"  {name:7} {auc([(scorer(row['requirement']), str(row['ground_truth']) == '0') for row in rows]):.3f}")


def feature_requests(folder: Path, scorers: dict[str, Scorer]) -> None:
    """Feature requests without an incompleteness above those with one."""
    rows = read(folder / "feature_requests.jsonl")
    if rows is None:
        return
    print(f"Feature requests, {len(rows)}: AUC of 'no incompleteness marked'")
    for name, scorer in scorers.items():
        labelled = [
            (scorer(row["TextUsedForAnnotation"]), "Incompleteness" not in row["FinalDefectType"]) for row in rows
        ]
        print(f"  {name:7} {auc(labelled):.3f}")


def underspecified(folder: Path, scorers: dict[str, Scorer]) -> None:
    """Issues that humans called specified (0 or 1) above the others, and how many of level 0 get an error finding."""
    labels, issues = read(folder / "underspecified_annotations.jsonl"), read(folder / "localisation.jsonl")
    if labels is None or issues is None:
        return
    texts = {row["instance_id"]: row["problem_statement"] for row in issues}
    rows = [(texts[row["instance_id"]], float(row["underspecified"])) for row in labels if row["instance_id"] in texts]
    print(f"Underspecified annotations, {len(rows)} issues: AUC of 'level 0 or 1'")
    for name, scorer in scorers.items():
        print(f"  {name:7} {auc([(scorer(text), level <= 1) for text, level in rows]):.3f}")


def speed(folder: Path, scorers: dict[str, Scorer]) -> None:
    """Milliseconds per prompt; the texts are the issues when they are there."""
    rows = read(folder / "localisation.jsonl", said=False) or []
    texts = ["fix this bug", "Add a --json flag that prints one object", *(row["problem_statement"] for row in rows)]
    times = []
    for text in texts * 3:
        start = time.perf_counter()
        scorers["score"](text)
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    print(
        f"Analyse, {len(texts)} prompts: p50 {statistics.median(times):.2f} ms, "
        f"p95 {times[len(times) * 95 // 100]:.2f} ms"
    )


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


def compare(one: float, other: float) -> float:
    """1 when the first is higher, 0 when it is lower, 0.5 for a tie."""
    return 0.5 if one == other else float(one > other)


def strict(wins: Sequence[float]) -> float:
    """Per cent of pairs in the right order, ties counted as wrong."""
    return 100 * sum(win == 1.0 for win in wins) / max(len(wins), 1)


def half(wins: Sequence[float]) -> float:
    """Per cent of pairs in the right order, ties counted half."""
    return 100 * sum(wins) / max(len(wins), 1)


def auc(labelled: Sequence[tuple[float, bool]]) -> float:
    """The chance that a positive scores above a negative; NaN without both."""
    positives = [value for value, label in labelled if label]
    negatives = [value for value, label in labelled if not label]
    wins = [compare(one, other) for one in positives for other in negatives]
    return sum(wins) / len(wins) if wins else float("nan")


def ece(labelled: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Expected calibration error: how far chances are from what came, in `bins` of equal width."""
    parts: dict[int, list[tuple[float, bool]]] = {}
    for value, label in labelled:
        parts.setdefault(min(int(value * bins), bins - 1), []).append((value, label))
    off = (abs(sum(value - label for value, label in part)) for part in parts.values())
    return sum(off) / max(len(labelled), 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)
