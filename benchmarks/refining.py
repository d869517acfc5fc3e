"""A warm refine in the service, through real processes: prompts that make it search the index, and prompts with a file.

    [chrt -r 50] python benchmarks/refining.py MIRROR [--files N] [--runs N] [--json]

MIRROR is a git repository, whose folders are repeated until there are N files. On a busy machine run it, and with it
the service, at a priority of its own (chrt). "whole" is what a person waits for, "inside" the command's own clock
(`timing_ms`); p50 and p95 in milliseconds over all runs, with a bare interpreter in the same rounds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.localisation import PROMPTS, repeated
from benchmarks.timing import clean_environment, optafly


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("mirror", type=Path)
    parser.add_argument("--files", type=int, default=1500)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="optafly-bench-") as folder:
        home = Path(folder, "home")
        home.mkdir()
        env = clean_environment(home)
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env |= {"OPTAFLY_SERVICE_AUTO_START": "false", "OPTAFLY_SERVICE_ENABLED": "true"}
        tree = repeated(options.mirror, Path(folder), options.files)
        rows = measured(env, tree, options.runs)
    if options.json:
        print(json.dumps({"files": options.files, "load": os.getloadavg()[0], "rows": rows}))
        return
    print(f"{options.files} files, {options.runs} rounds, load {os.getloadavg()[0]:.1f}")
    for name, figures in rows.items():
        print(f"{name:34}" + "  ".join(f"{what} {value:6.1f}" for what, value in figures.items()))


def measured(env: Mapping[str, str], tree: Path, rounds: int) -> dict[str, dict[str, float]]:
    """The figures of every kind of command; the service must have run all of them."""
    named = largest_code(tree)
    run(env, tree, "refine", PROMPTS[0], "--yes")
    wait_for_index(Path(env["OPTAFLY_HOME"]))
    run(env, tree, "service", "start")
    kinds = {
        "search the index": [],
        "a file is named": ["--file", named],
        "a line is named": ["--file", f"{named}:120"],
    }
    whole: dict[str, list[float]] = {name: [] for name in ("python -c pass", *kinds)}
    inside: dict[str, list[float]] = {name: [] for name in kinds}
    try:
        for number in range(-3, rounds):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            spent = {"python -c pass": time.perf_counter() - start}
            for name, words in kinds.items():
                # A person does not type faster than the next child rehearses
                time.sleep(0.15)
                prompt = PROMPTS[number % len(PROMPTS)]
                start = time.perf_counter()
                told = run(env, tree, "refine", prompt, "--yes", "--json", *words)
                spent[name] = time.perf_counter() - start
                if number >= 0:
                    inside[name].append(json.loads(told)["timing_ms"])
            for name, seconds in spent.items():
                if number >= 0:
                    whole[name].append(1000 * seconds)
        facts = json.loads(run(env, tree, "service", "status", "--json"))
    finally:
        run(env, tree, "service", "stop")
    if facts["commands"] < len(kinds) * (rounds + 3) or facts["left_to_launcher"]:
        raise SystemExit(f"the service ran {facts['commands']} commands, not all")
    return {
        name: {**shares("whole", times), **(shares("inside", inside[name]) if name in inside else {})}
        for name, times in whole.items()
    }


def shares(what: str, times: Sequence[float]) -> dict[str, float]:
    """p50 and p95."""
    ordered = sorted(times)
    return {
        f"{what} p{share}": round(ordered[min(len(ordered) - 1, share * len(ordered) // 100)], 1) for share in (50, 95)
    }


def run(env: Mapping[str, str], cwd: Path, *words: str) -> bytes:
    """What one optafly prints; it must succeed."""
    done = subprocess.run(
        [*optafly(), *words], env=dict(env), cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def wait_for_index(home: Path) -> None:
    """Until the index that the first command has begun is there."""
    give_up = time.monotonic() + 120
    while not list(home.rglob("*.index")):
        if time.monotonic() > give_up:
            raise SystemExit("no index was built")
        time.sleep(0.1)


def largest_code(tree: Path) -> str:
    """A file of code too large for the budget, the largest of the folder that most people work in."""
    found = sorted((path for path in tree.glob("src/**/*.py")), key=lambda path: -path.stat().st_size)
    if not found:
        found = sorted((path for path in tree.glob("*/*.*")), key=lambda path: -path.stat().st_size)
    return found[0].relative_to(tree).as_posix()


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
