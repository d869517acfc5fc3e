"""The Mooncake trace (Apache-2.0): learn on its first part, plan its rest, bill both by the prompt cache's rules.

    python benchmarks/route_mooncake.py [--trace FILE] [--part 0.5]

Billed once as it goes on, with what the first part left in the log and in the cache, and once from nothing: no log and
an empty cache, so that only the weights come from the first part. A tenth is one of the requests' tenths.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.route_rows import Row
from optafly_cli.models import catalogue
from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.history import History
from optafly_cli.route.learning import Trace, examples, fit
from optafly_cli.route.reuse import Reuse, shipped_prior
from optafly_cli.route.shape import BlockShape, RequestShape, prefixes
from optafly_cli.route.simulator.lesson import billed
from optafly_cli.route.simulator.oracle import least_cost
from optafly_cli.route.simulator.policies import none, system_and_tail
from optafly_cli.route.simulator.replay import replay
from optafly_cli.route.strategy import heuristic, learned

TRACE = Path(__file__).resolve().parents[2] / "shared" / "data" / "route" / "mooncake_first_half.jsonl.gz"
MODEL = "claude-opus-5"
"""Writes at 1.25, reads at 0.1, a minimum of 512: the multiples of the figures that it is held against."""
BLOCK = 512
BEGINS_AFTER = 1.0
"""Seconds until an answer begins: the trace does not say. Requests of the same instant share nothing."""
TARGET = 0.92


@dataclass(frozen=True, slots=True)
class Policy:
    """Cost over that of no caching: of all requests that are planned, and of the dearest tenth of them."""

    name: str
    cost: float
    worst: float


def mooncake(path: Path = TRACE) -> Trace:
    """The requests, and the tokens of their answers.

    The first block, which all have, is the system prompt. The last one is the instruction unless it is a full block:
    what comes after it in the next turn is hashed with it, so that it is never found again.
    """
    raw = path.read_bytes()
    lines = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return [_request(json.loads(line)) for line in lines.splitlines()]


def _request(raw: dict[str, Any]) -> tuple[RequestShape, int]:
    blocks = []
    for i, name in enumerate(raw["hash_ids"]):
        tokens = min(BLOCK, raw["input_length"] - BLOCK * i)
        kind: BlockKind = "instruction" if tokens < BLOCK else "conversation" if i else "system"
        blocks.append(BlockShape(str(name), tokens, kind))
    return RequestShape(MODEL, tuple(blocks), raw["timestamp"] / 1000, BEGINS_AFTER), raw["output_length"]


def policies(trace: Trace, part: float) -> list[Policy]:
    """Every policy on what comes after the first `part` of the trace."""
    cut = int(len(trace) * part)
    model_of = catalogue().get
    rest = [request for request, _ in trace[cut:]]
    uncached = replay(rest, none, model_of).costs
    before = [prefixes(request) for request, _ in trace[:cut]]
    weights = fit(examples(trace[:cut], before, shipped_prior()), None, "the first part")
    estimates: dict[str, Callable[[History], Reuse]] = {
        "heuristic": heuristic,
        "learned": lambda history: learned(weights, history),
    }
    made = [_row("system + tail, from nothing", replay(rest, system_and_tail, model_of).costs, uncached)]
    for name, estimate in estimates.items():
        made.append(_row(f"{name}, goes on", billed(trace, estimate, model_of)[cut:], uncached))
        made.append(_row(f"{name}, from nothing", billed(trace[cut:], estimate, model_of), uncached))
    least = least_cost(rest, model_of, ("5m",)) / sum(uncached)
    return [*made, Policy("oracle, from nothing", least, least)]


def mooncake_rows(path: Path = TRACE, part: float = 0.5) -> Iterator[Row]:
    """The figures of one split for benchmarks/route.py."""
    trace = mooncake(path)
    yield Row("Mooncake: requests", len(trace), beside=f"weights from the first {part:.0%}")
    for found in policies(trace, part):
        ours = found.name.startswith("learned")
        yield Row(f"  over no caching: {found.name}", found.cost, f"≤ {TARGET}" if ours else "")
        if ours:
            yield Row("    its dearest tenth", found.worst, "≤ 1.00")


def _row(name: str, costs: Sequence[float], uncached: Sequence[float]) -> Policy:
    ends = [len(costs) * i // 10 for i in range(11)]
    tenths = [sum(costs[a:b]) / sum(uncached[a:b]) for a, b in pairwise(ends)]
    return Policy(name, sum(costs) / sum(uncached), max(tenths))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", type=Path, default=TRACE)
    parser.add_argument("--part", type=float, action="append", help="how much is learned from (0.5 and 0.7)")
    given = parser.parse_args()
    if not given.trace.exists():
        raise SystemExit(f"{given.trace} is not there")
    trace = mooncake(given.trace)
    for part in given.part or (0.5, 0.7):
        print(f"{len(trace):,} requests, learned from the first {part:.0%}; target {TARGET} and no tenth above 1.00")
        print("| planned by | cost | dearest tenth |\n|---|---|---|")
        for row in policies(trace, part):
            print(f"| {row.name} | {row.cost:.3f} | {row.worst:.3f} |")


if __name__ == "__main__":
    main()
