"""The pairs that train, fit and calibrate the verifier, and who may see what.

    cross-encoder   QQP, our own groups and triples (4 of 5 parts), STS-B, nl2bash (half), synthetic edits of them
    stack           our own groups and newest triples (the fifth part), the tune half of the developer suite, nl2bash
                    (the other half)
    calibration     `training/pairs/calibration-*.jsonl` and `stress-*.jsonl`, not used for anything else
    never           fow-cache (rules were tuned on it, no weight was), the report half of the developer suite

Parts are drawn by digest, by group: no text of one part stands in another.
"""

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

from optafly_cli.cache.spelling import embedded_form
from training.edits import restatement, trap

ROOT = Path(__file__).resolve().parent.parent
PAIRS = Path(__file__).parent / "pairs"
PUBLIC = ROOT.parent / "shared" / "data" / "semcache"
SUITE = ROOT / "tests" / "data" / "developer_pairs.jsonl"
HELD_OUT = 5
"""One part in so many is kept from the cross-encoder."""
_JOINTS = re.compile(
    r"(?:an?|the|to|of|in|on|for|is|are|do|does|i|how|can|what|please|my|me|you|it|this|that|be|with|and)"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two prompts and whether one answer serves both: 1, 0, or between for graded labels. `weight` in the loss."""

    a: str
    b: str
    label: float
    source: str
    weight: float = 1.0


def part_of(key: str, parts: int = HELD_OUT) -> int:
    """Which part a group falls into, 0 to parts - 1; 0 is held out."""
    return int(sha256(key.encode()).hexdigest()[:8], 16) % parts


GROUPS = (
    *("developers", "general", "code", "shell", "order", "questions", "changes", "everyday", "one-word"),
    *("howto", "repository", "retyped", "commands"),
    *("knowledge", "terminal", "turned"),
    *("roles", "tasks", "files", "asked"),
    *("exchange", "operations", "languages", "concepts", "inrepo", "daily", "tables", "oneliners"),
    *("wordorder", "conditions", "deciding", "frontend", "backend", "wondered", "utilities", "kinds"),
    *("explaining", "parties", "places", "repeats", "tooling"),
    *("orders", "writing", "colleagues", "reordered", "schemas", "symptoms", "posted"),
)
"""Our own groups, in the order in which they were written and came into training."""
TRIPLES = (
    *("code", "developers", "everyday", "general", "tools"),
    *("more-code", "more-everyday", "more-tools"),
    *("fresh-code", "fresh-everyday", "fresh-tools"),
    *("third-code", "third-tools", "third-everyday", "fourth-developers", "fourth-howto"),
    *("fifth-applications", "fifth-coding", "fifth-data", "fifth-everyday", "fifth-long", "fifth-questions"),
    *("fifth-repository", "fifth-tools", "sixth-data", "sixth-everyday", "sixth-more-applications"),
    *("sixth-more-concepts", "sixth-more-databases", "sixth-more-languages", "sixth-more-operations"),
    *("sixth-more-parties", "sixth-more-shell", "sixth-more-wondered", "sixth-questions", "sixth-repository"),
    *("sixth-roles", "sixth-tasks", "sixth-tools"),
)
"""Our own triples, in the same order."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Some runs over pairs. What is drawn at random is drawn anew in each epoch.

    `quora`, `graded`: how many of QQP and STS-B; `groups`, `triples`: how many files of `GROUPS` and `TRIPLES`; of the
    groups before file `since` a third is drawn; `synthetic`: edits per text.
    """

    seed: int
    rate: float
    epochs: int
    synthetic: float
    quora: int = 0
    graded: int = 0
    groups: int = 0
    triples: int = 0
    since: int = 0


STAGES = (
    Stage(seed=11, rate=3e-4, epochs=2, synthetic=0.3, quora=22_000, graded=3_000),
    Stage(seed=12, rate=3e-4, epochs=3, synthetic=0.12, quora=3_000, groups=9, triples=8),
    Stage(seed=21, rate=2e-4, epochs=3, synthetic=0.05, groups=13, triples=11),
    Stage(seed=31, rate=2e-4, epochs=3, synthetic=0.05, groups=16, triples=11),
    Stage(seed=41, rate=1.5e-4, epochs=2, synthetic=0.05, groups=16, triples=11),
    Stage(seed=51, rate=2e-4, epochs=1, synthetic=0.05, groups=20, triples=16, since=16),
    Stage(seed=52, rate=2e-4, epochs=1, synthetic=0.05, groups=28, triples=16, since=16),
    Stage(seed=53, rate=2e-4, epochs=2, synthetic=0.03, groups=36, triples=16, since=16),
    Stage(seed=54, rate=1.5e-4, epochs=1, synthetic=0.02, groups=36, triples=16, since=28),
    Stage(seed=61, rate=2e-4, epochs=1, synthetic=0.03, quora=5_000, groups=36, triples=39, since=28),
    Stage(seed=62, rate=2e-4, epochs=1, synthetic=0.03, quora=5_000, groups=41, triples=39, since=36),
    Stage(seed=63, rate=1.5e-4, epochs=1, synthetic=0.02, quora=5_000, groups=48, triples=39, since=41),
)
"""How the shipped cross-encoder was made; it is the mean of what the last two left (docs/verifier.md)."""


def for_cross_encoder(stage: Stage, epoch: int) -> list[Pair]:
    """What the cross-encoder learns from in an epoch: first what is large and noisy, then what is ours and clean."""
    rng = Random(stage.seed * 100 + epoch)
    real: list[Pair] = []
    if stage.groups:
        older = groups(held_out=False, rng=rng, names=GROUPS[: stage.since])
        real += rng.sample(older, len(older) // 3)
        real += groups(held_out=False, rng=rng, names=GROUPS[stage.since : stage.groups])
        real += nl2bash(held_out=False)
        real += triples(TRIPLES[: stage.triples], held_out=False)
    if stage.quora:
        found = qqp(held_out=False, rng=Random(5))
        real += rng.sample(found, min(stage.quora, len(found)))
    real += stsb()[: stage.graded]
    return [*real, *synthetic(real, rng, stage.synthetic)]


def for_stack() -> list[Pair]:
    """What the stack of features is fitted on: pairs that the cross-encoder did not see."""
    suite = [
        Pair(row["a"], row["b"], float(row["same_answer"]), "suite") for row in rows(SUITE) if row["half"] == "tune"
    ]
    ours = [*groups(held_out=True, rng=Random(3)), *triples(TRIPLES[8:], held_out=True)]
    return [*ours, *suite, *nl2bash(held_out=True)]


def for_calibration(files: str = "calibration") -> list[Pair]:
    """Pairs that no verifier was trained or fitted on: of each item two rewordings and two traps.

    `files`: "calibration" with traps evenly of 24 kinds, or "stress" with traps that were picked because rules do not
    see them.

    The first trap stands beside the prompt, the second beside the rewording, so that no trap counts twice. Items with a
    text that training has in the same words, whatever their order, are left out.
    """
    known = {_words(text) for path in PAIRS.glob("[gt]r*.jsonl") for row in rows(path) for text in _texts(row)}
    found = []
    for path in sorted(PAIRS.glob(f"{files}-*.jsonl")):
        for row in rows(path):
            if not known.isdisjoint(map(_words, _texts(row))):
                continue
            found += [Pair(row["a"], row[name], 1.0, path.stem) for name in ("near", "same")]
            found += [Pair(row[text], row[trap], 0.0, path.stem) for text, trap in (("a", "trap1"), ("same", "trap2"))]
    return found


def _texts(row: dict[str, Any]) -> list[str]:
    """Every prompt of a group, a triple or an item."""
    if "traps" in row:
        return [*row["same"], *(trap["text"] for trap in row["traps"])]
    return [row[name] for name in ("a", "near", "same", "trap", "trap1", "trap2") if name in row]


def _words(text: str) -> frozenset[str]:
    """Its words but those that only hold it together."""
    return frozenset(word for word in re.findall(r"[^\W_]+", text.lower()) if not _JOINTS.fullmatch(word))


def triples(names: Sequence[str], *, held_out: bool) -> list[Pair]:
    """Of each prompt a rewording, and a trap beside either of the two."""
    found = []
    for path in (PAIRS / f"triples-{name}.jsonl" for name in names):
        for row in rows(path):
            if (part_of(row["group"]) == 0) == held_out:
                said = [row[name] for name in ("a", "near", "same") if name in row]
                found += [Pair(a, b, 1.0, path.stem, 1.5) for a, b in combinations(said, 2)]
                traps = [row[name] for name in ("trap", "trap1", "trap2") if name in row]
                found += [Pair(text, bad, 0.0, path.stem, 1.5) for bad in traps for text in said]
    return found


def rows(path: Path) -> list[dict[str, Any]]:
    """The lines of a JSONL file, empty when it is not here."""
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def qqp(*, held_out: bool, rng: Random) -> list[Pair]:
    """Quora pairs that share words, few others: those are easy. Questions of one pair stay in one part."""
    found = rows(PUBLIC / "qqp_pairs.jsonl.gz")
    part = _components((row["a"], row["b"]) for row in found)
    kept = [
        Pair(row["a"], row["b"], float(row["same_answer"]), "qqp", 0.6)
        for row in found
        if (part_of(part[row["a"]]) == 0) == held_out and (_overlap(row["a"], row["b"]) >= 0.34 or rng.random() < 0.1)
    ]
    rng.shuffle(kept)
    return kept[:4_000] if held_out else kept


def stsb() -> list[Pair]:
    """Graded pairs, the unclear ones left out."""
    return [
        Pair(row["a"], row["b"], float(row["score"] >= 4.7), "stsb", 0.5)
        for row in rows(PUBLIC / "stsb.jsonl.gz")
        if row["score"] >= 4.7 or 2.0 <= row["score"] <= 4.2
    ]


def nl2bash(*, held_out: bool) -> list[Pair]:
    """Asks of shell commands, split in halves by command."""
    return [
        Pair(row["a"], row["b"], float(row["same_answer"]), "nl2bash", 0.7)
        for row in rows(PUBLIC / "nl2bash_pairs.jsonl")
        if (part_of(row["cmd_a"].split()[0] + str(len(row["cmd_a"])), 2) == 0) == held_out
    ]


def groups(*, held_out: bool, rng: Random, names: Sequence[str] = GROUPS) -> list[Pair]:
    """Our own groups: every two of `same` are the same, every trap differs from two of them."""
    found = []
    for path in (PAIRS / f"groups-{name}.jsonl" for name in names):
        for row in rows(path):
            if (part_of(row["group"]) == 0) != held_out:
                continue
            found += [Pair(a, b, 1.0, path.stem, 1.5) for a, b in combinations(row["same"], 2)]
            for bad in row["traps"]:
                beside = rng.sample(row["same"], min(2, len(row["same"])))
                found += [Pair(good, bad["text"], 0.0, path.stem, 1.5) for good in beside]
    return found


def synthetic(real: list[Pair], rng: Random, share: float = 0.45) -> Iterator[Pair]:
    """Edits of the texts of real pairs: traps, restatements, restated traps, and restated rewordings."""
    for pair in real:
        if pair.source == "stsb" or rng.random() > (share if pair.source == "qqp" else min(1.0, share * 1.6)):
            continue
        text = rng.choice((pair.a, pair.b))
        what = rng.random()
        if what < 0.4:
            changed = trap(text, rng)
            other = changed if changed is None or rng.random() < 0.5 else restatement(changed, rng) or changed
            label = 0.0
        elif what < 0.85:
            other, label = restatement(text, rng), 1.0
        else:
            text, other, label = pair.a, restatement(pair.b, rng), pair.label
        if other is not None:
            yield Pair(text, other, label, "synthetic", pair.weight)


def core_pair(pair: Pair, rng: Random | None = None) -> tuple[str, str]:
    """The two texts as the cross-encoder reads them, as they are embedded, in sorted order; in training in either."""
    one, other = sorted((embedded_form(pair.a), embedded_form(pair.b)))
    return (other, one) if rng and rng.random() < 0.5 else (one, other)


def _overlap(a: str, b: str) -> float:
    one, other = (set(text.lower().strip("?!. ").split()) for text in (a, b))
    return len(one & other) / max(1, len(one | other))


def _components(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The name of each text's connected component."""
    parent: dict[str, str] = {}

    def find(text: str) -> str:
        root = text
        while parent.setdefault(root, root) != root:
            root = parent[root]
        while parent[text] != root:
            parent[text], text = root, parent[text]
        return root

    for a, b in pairs:
        parent[find(a)] = find(b)
    return {text: find(text) for text in parent}
