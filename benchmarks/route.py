"""What routing saves on recorded traces, whether the API takes what it makes, and how long it takes.

    python benchmarks/route.py [ROWS…] [--data FOLDER] [--mirrors FOLDER] [--ctok FOLDER] [--logs FOLDER] [--model M]
                               [--bodies N] [--runs N] [--json]

ROWS are some of `ROWS` below, all without any. --data is shared/data/route, the public data; rows whose data
is absent say so. The rows on tokens and the optimiser need an unpacked wheel of ctok, the oracle (`pip download ctok`),
and a folder of repositories; logs are made where they are not there. A cost is that of the input tokens over what
they cost without any breakpoint; the least is `route.simulator.oracle`, which no placement is below.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import route_optimiser, route_tokens
from benchmarks.route_bodies import random_bodies
from benchmarks.route_mooncake import TRACE, mooncake_rows
from benchmarks.route_replays import asks, openings, sweagent
from benchmarks.route_rows import Row
from benchmarks.route_speed import speed

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "route"
MIRRORS = Path(__file__).resolve().parents[2] / ".mirror"

ROWS: Mapping[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    "sweagent": lambda options: sweagent(options.data, options.model),
    "asks": lambda options: asks(options.data, options.model),
    "openings": lambda options: openings(options.data),
    "mooncake": lambda options: mooncake_rows(options.data / TRACE.name),
    "tokens": lambda options: _rows(route_tokens.figures(options.ctok, options.mirrors, options.data.parent)),
    "optimiser": lambda options: _rows(
        route_optimiser.figures(options.logs, options.mirrors, options.data.parent, options.ctok)
    ),
    "bodies": lambda options: random_bodies(options.bodies),
    "speed": lambda options: speed(options.runs),
}
"""Each a group of figures; more are added here."""


def _rows(figures: Iterator[tuple[str, float, str]]) -> Iterator[Row]:
    return (Row(*figure) for figure in figures)


def main() -> None:
    """Print the rows that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("rows", nargs="*", metavar="ROWS", help=f"of {', '.join(ROWS)} (default: all)")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER", help="the public traces")
    parser.add_argument(
        "--mirrors", type=Path, default=MIRRORS, metavar="FOLDER", help="git repositories, for real texts"
    )
    parser.add_argument("--ctok", type=Path, default=Path("ctok"), metavar="FOLDER", help="an unpacked wheel of ctok")
    parser.add_argument("--logs", type=Path, default=Path("logs"), metavar="FOLDER", help="where logs are, or are made")
    parser.add_argument("--model", default="claude-sonnet-5", metavar="M", help="whose prices (claude-sonnet-5)")
    parser.add_argument("--bodies", type=int, default=10_000, metavar="N", help="random bodies (10,000)")
    parser.add_argument("--runs", type=int, default=200, metavar="N", help="rounds of the timings (200)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")
    options = parser.parse_args()
    if unknown := [name for name in options.rows if name not in ROWS]:
        parser.error(f"no such rows: {', '.join(unknown)}")
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    found: list[Row] = []
    if not options.json:
        print(machine)
    for name in options.rows or ROWS:
        try:
            for row in ROWS[name](options):
                found.append(row)
                if not options.json:
                    print(row, flush=True)
        except FileNotFoundError as error:
            print(f"{name}: left out, {error.filename} is not there", file=sys.stderr)
    if options.json:
        print(json.dumps({"machine": machine, "rows": [asdict(row) for row in found]}, indent=2))


if __name__ == "__main__":
    main()
