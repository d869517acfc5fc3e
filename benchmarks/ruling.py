"""How often the rules alone tell that no stored prompt can answer another, and how long that takes.

Prompts are those of `training/pairs`, one of each group, so that no two mean the same: each time one is asked where
some others are stored. Stored prompts were read before, as in a proxy that has been asked for them. The time is that of
the rules; embedding, which is spared where they tell, takes some 2 ms.
"""

import json
import random
import statistics
import time
from pathlib import Path

from optafly_cli.cache.guard.reading import read
from optafly_cli.cache.ruling import MOST, PATIENCE_S, told_apart

PAIRS = Path(__file__).resolve().parents[1] / "training" / "pairs"
STORED = (1, 2, 4, 8, 16, MOST)
TRIALS = 1_000


def prompts() -> list[str]:
    """One prompt of each group."""
    rows = [json.loads(line) for path in sorted(PAIRS.glob("groups-*.jsonl")) for line in path.read_text().splitlines()]
    return [row["same"][0] for row in rows]


def main() -> None:
    """Print a table."""
    rng = random.Random(1)
    known = prompts()
    print(f"{len(known):,} prompts, {TRIALS:,} trials each\n")
    print(f"{'stored':>8}{'told':>8}{'ms, told':>12}{'ms, not':>12}")
    for count in STORED:
        spent: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(TRIALS):
            asked, *stored = rng.sample(known, count + 1)
            for one in stored:
                read(one)
            begun = time.perf_counter()
            told = told_apart(asked, stored, PATIENCE_S) is not None
            spent[told].append((time.perf_counter() - begun) * 1000)
        figures = "".join(f"{statistics.median(spent[told]):12.2f}" for told in (True, False))
        print(f"{count:8}{len(spent[True]) / TRIALS:8.0%}{figures}")


if __name__ == "__main__":
    main()
