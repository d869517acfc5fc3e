"""Labelled pairs: two prompts, and whether one answer serves both. Read from JSONL files, gzipped or not.

A row has `a`, `b` and `same_answer`; or, instead of the last, a graded `score`: 4.5 and more is the same, under 4
another, between the two is left out (as STS-B is read). `category`, `style` and `half` are optional. So are earlier
turns: `turns_a` and `turns_b`, or one `context` for both.
"""

import gzip
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path("shared", "data", "semcache")
OWN = ROOT / "tests" / "data" / "developer_pairs.jsonl"
SAME_FROM, OTHER_BELOW = 4.5, 4.0
NEAR_REPEAT = "near_repeat"


@dataclass(frozen=True, slots=True)
class Pair:
    """A stored prompt and an asked one; `same`: the stored answer may be served. Turns are JSON values."""

    a: str
    b: str
    same: bool
    category: str = ""
    turns_a: Any = None
    turns_b: Any = None


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """The pairs of one file, or of one half of it."""

    name: str
    pairs: tuple[Pair, ...]

    @property
    def should_hit(self) -> int:
        """How many pairs share an answer."""
        return sum(pair.same for pair in self.pairs)


def default_paths() -> list[Path]:
    """The sets beside the repository, wherever it is checked out, and our own when it has been written."""
    folder = next((parent / SHARED for parent in ROOT.parents if (parent / SHARED).is_dir()), None)
    beside = [] if folder is None else sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
    return [*beside, *([OWN] if OWN.exists() else [])]


def load(path: Path) -> list[LabelledSet]:
    """The sets of a file: one, or one for each `half` that its rows name.

    Raises:
        SystemExit: a row is not a labelled pair; the message says which.
    """
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    halves: dict[str, list[Pair]] = {}
    for number, row in enumerate(_rows(path), 1):
        try:
            pair = _pair(row)
        except (KeyError, TypeError, AttributeError) as error:
            problem = f"{path}:{number}: no labelled pair ({error!r}): a, b and same_answer are needed"
            raise SystemExit(problem) from None
        if pair is not None:
            halves.setdefault(str(row.get("half") or ""), []).append(pair)
    return [LabelledSet(f"{name} ({half})" if half else name, tuple(pairs)) for half, pairs in sorted(halves.items())]


def with_near_repeats(sets: Iterable[LabelledSet]) -> Iterator[LabelledSet]:
    """Each set, and after it a row of its own for the repeats that differ in next to nothing, where it has them."""
    for one in sets:
        yield one
        if near := tuple(pair for pair in one.pairs if pair.category == NEAR_REPEAT):
            yield replace(one, name=f"{one.name}: near_repeat", pairs=near)


def sampled(pairs: Sequence[Pair], size: int, seed: int) -> list[int]:
    """The places of a fixed sample, in order; all of them when there are no more than `size`."""
    if len(pairs) <= size:
        return list(range(len(pairs)))
    return sorted(random.Random(seed).sample(range(len(pairs)), size))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for line in raw.splitlines():
        if line.strip():
            yield json.loads(line)


def _pair(row: dict[str, Any]) -> Pair | None:
    same = _is_same(row)
    if same is None:
        return None
    shared = row.get("context")
    a, b = str(row["a"]), str(row["b"])
    return Pair(a, b, same, row.get("category") or "", row.get("turns_a", shared), row.get("turns_b", shared))


def _is_same(row: dict[str, Any]) -> bool | None:
    if "same_answer" in row:
        return bool(row["same_answer"])
    score = float(row["score"])
    return None if OTHER_BELOW <= score < SAME_FROM else score >= SAME_FROM
