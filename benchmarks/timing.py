"""Whole-process times of several commands, measured side by side with a bare interpreter start.

Every round runs each command once, in an order that turns by one each round, so that a busy moment hits all of
them. Figures are medians over the rounds; the ratio is to `python -c pass` of the same interpreter in the same rounds.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

Finished = subprocess.CompletedProcess[bytes]


@dataclass(frozen=True)
class Case:
    """One command. `argv` may depend on the round (the warm-up is round 0); `check` raises when a run went wrong."""

    name: str
    argv: Sequence[str] | Callable[[int], Sequence[str]]
    budget: str = ""
    cwd: Path | None = None
    check: Callable[[Finished], None] | None = None

    def in_round(self, number: int) -> list[str]:
        """The command line of one round."""
        return list(self.argv(number) if callable(self.argv) else self.argv)


@dataclass(frozen=True)
class Row:
    """A case's figures over all rounds, in milliseconds, and its median over that of `python -c pass`."""

    name: str
    median_ms: float
    p90_ms: float
    ratio: float
    budget: str


BASE = Case("python -c pass", [sys.executable, "-c", "pass"])


def optafly() -> list[str]:
    """The installed command next to this interpreter, else the package run as a module."""
    script = Path(sys.executable).with_name("optafly")
    return [str(script)] if script.exists() else [sys.executable, "-m", "optafly_cli"]


def clean_environment(home: Path) -> dict[str, str]:
    """This process's environment with its own HOME and OPTAFLY_HOME, without credentials, proxies or settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "OPTAFLY_", "XDG_", "GIT_")) and not name.lower().endswith("_proxy")
    }
    return {**kept, "HOME": str(home), "OPTAFLY_HOME": str(home / "optafly"), "NO_COLOR": "1"}


def measure(cases: Sequence[Case], *, rounds: int, env: Mapping[str, str]) -> list[Row]:
    """Run every case `rounds` times after one warm-up; `BASE` is the first row."""
    all_cases = [BASE, *cases]
    times: list[list[float]] = [[] for _ in all_cases]
    for number in range(rounds + 1):
        for step in range(len(all_cases)):
            place = (number + step) % len(all_cases)
            spent = _run(all_cases[place], number, env)
            if number:
                times[place].append(spent)
    base = statistics.median(times[0])
    return [
        Row(
            case.name,
            round(statistics.median(spent) * 1000, 2),
            round(_ninth_decile(spent) * 1000, 2),
            round(statistics.median(spent) / base, 2),
            case.budget,
        )
        for case, spent in zip(all_cases, times, strict=True)
    ]


def _run(case: Case, number: int, env: Mapping[str, str]) -> float:
    argv = case.in_round(number)
    start = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, env=env, cwd=case.cwd, check=False)
    spent = time.perf_counter() - start
    if done.returncode != 0:
        raise SystemExit(f"{case.name}: exit {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    if case.check is not None:
        case.check(done)
    return spent


def _ninth_decile(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]


def arguments(
    description: str | None, more: Callable[[argparse.ArgumentParser], object] = lambda _: None
) -> argparse.Namespace:
    """`--runs N` and `--json`, for every benchmark, and what `more` adds."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n", 1)[0])
    more(parser)
    parser.add_argument("--runs", type=int, default=15, metavar="N", help="measured rounds (default 15)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    return options


def report(title: str, rows: Sequence[Row], *, rounds: int, as_json: bool, notes: Sequence[str] = ()) -> None:
    """Print the rows as a table of 80 columns, or as JSON."""
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    if as_json:
        document = {"title": title, "machine": machine, "rounds": rounds, "rows": [asdict(row) for row in rows]}
        print(json.dumps({**document, "notes": list(notes)}, indent=2))
        return
    print(f"{title}: medians of {rounds} interleaved rounds\n{machine}\n")
    print(f"{'command':42}{'median ms':>10}{'p90 ms':>9}{'ratio':>8}  budget".rstrip())
    for row in rows:
        name = row.name if len(row.name) <= 41 else row.name[:40] + "…"
        print(f"{name:42}{row.median_ms:10.1f}{row.p90_ms:9.1f}{row.ratio:7.2f}×  {row.budget}".rstrip())
    for note in notes:
        print(f"\n{note}")
