"""Generated trials of the partition: a question with one thing changed is never a hit, unchanged always an exact one.

    python benchmarks/partition_trials.py [--trials N] [--seed N] [--json]

A real store and real files in a temporary workspace; every vector is the same, so that nothing but scope and evidence
keeps an answer from being served. Exits 1 when a trial was violated. The trials are those of tests/cache/changes.py.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.cache.changes import CHANGES, Outcome, run_trials

SHOWN = 20


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--trials", type=int, default=10_000, metavar="N", help="how many (default 10,000)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the first trial (default 0)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    return parser.parse_args()


def report(outcome: Outcome, seconds: float) -> None:
    """Print the counts by kind of change, and the violations."""
    hits = len(outcome.violations)
    print(f"{outcome.total:,} trials of {len(CHANGES)} kinds of change in {seconds:.0f} s\n")
    for kind, count in sorted(outcome.trials.items()):
        print(f"  {kind:44}{count:>7,}")
    print(f"\none thing changed, same words and other words: {'VIOLATED, see below' if hits else '0 hits'}")
    print(f"unchanged: {outcome.exact:,} of {outcome.total:,} exact hits")
    print(f"unchanged, in other words: {outcome.controls:,} of {outcome.total:,} hits (so the misses are not for free)")
    for violation in outcome.violations[:SHOWN]:
        print(f"  {violation}")
    if hits > SHOWN:
        print(f"  … and {hits - SHOWN:,} more")


def main() -> None:
    """Run, print, and exit 1 on any violation."""
    options = arguments()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="optafly-trials-") as name:
        outcome = run_trials(Path(name, "world"), range(options.seed, options.seed + options.trials))
    seconds = time.perf_counter() - start
    if options.json:
        counts = {"trials": outcome.total, "exact": outcome.exact, "controls": outcome.controls, "seconds": seconds}
        print(json.dumps({**counts, "kinds": outcome.trials, "violations": outcome.violations}))
    else:
        report(outcome, seconds)
    sys.exit(1 if outcome.violations else 0)


if __name__ == "__main__":
    main()
