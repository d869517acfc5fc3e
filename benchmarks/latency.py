"""What a person waits for: whole processes, with the service running and without, beside a bare interpreter.

    python benchmarks/latency.py [--runs N] [--json] [--peers [DIR]]

A temporary repository of 1,500 files, a store and a service of their own, the fake of tests/fakes as endpoint. Every
run is checked: each command's output is what it is without the service, a hit sends nothing, and at the end the service
must have run every command that was to be run by it. The version and "the same again" are the
launcher's own (optafly_cli/direct.py), service or not. With `--peers`, or OPTAFLY_BENCH_PEERS, GPTCache and llm run in
the same rounds (peers.py). Last comes where the semantic hit without the service spends its time (cold.py), and what
ours is by its own clock. Report only: nothing here asserts a time.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import cold
from benchmarks.peers import VARIABLE, Peers, add_option
from benchmarks.timing import Case, Finished, arguments, clean_environment, measure, optafly, report
from optafly_cli import direct
from tests.fakes.messages_api import MessagesApi

ROOT = Path(__file__).resolve().parents[1]
ASK = ("ask", "explain what this file does", "--file", "src/main.rs")
REWORDED = (ASK[0], "please tell me what this file does", *ASK[2:])
JUDGED = (ASK[0], "say what this file does in detail", *ASK[2:])
"""Words that the rules do not read as the same: the cross-encoder is asked."""
FILES = 1_500
WARM = "service running"
Words = tuple[str, ...] | Callable[[int], tuple[str, ...]]


def bench_environment(home: Path, api: MessagesApi) -> dict[str, str]:
    """A home of its own, the fake endpoint, compiled modules, and no service but the one that is started here."""
    env = clean_environment(home)
    # Without it every start compiles every module anew, which is what nobody waits for
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):
        env.pop(name, None)
    return {
        **env,
        "ANTHROPIC_BASE_URL": api.url,
        "ANTHROPIC_API_KEY": api.key,
        "OPTAFLY_SERVICE_AUTO_START": "false",
        "OPTAFLY_SERVICE_ENABLED": "true",
    }


def workspace(folder: Path) -> Path:
    """The Rust example among many files, committed a while ago: what was only just written is not trusted."""
    root = folder / "unwrap"
    shutil.copytree(ROOT / "examples" / "unwrap", root, ignore=shutil.ignore_patterns("target"))
    for number in range(FILES):
        path = root / "modules" / f"part_{number // 50}" / f"module_{number}.rs"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"pub fn step_{number}(value: u32) -> u32 {{\n    value + {number}\n}}\n")
    for argv in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=b", "-c", "user.email=b@b.invalid", "commit", "-qm", "B"],
    ):
        subprocess.run(["git", *argv], cwd=root, check=True)
    time.sleep(direct.SETTLED_S + 0.5)
    return root


def run(env: Mapping[str, str], cwd: Path, *words: str) -> Finished:
    """One optafly, which must succeed."""
    done = subprocess.run(
        [*optafly(), *words], env=dict(env), cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done


def says(expected: Finished) -> Callable[[Finished], None]:
    """A check that a run puts the same bytes on stdout."""

    def check(done: Finished) -> None:
        if done.stdout != expected.stdout:
            raise SystemExit(f"not what it says without the service: {done.stdout!r}")

    return check


def cases(env: Mapping[str, str], cwd: Path) -> list[Case]:
    """Each command line twice: handed over, and in its own process."""
    own = {**env, "OPTAFLY_SERVICE_ENABLED": "false"}
    rows: Sequence[tuple[str, str, str, Words]] = (
        ("--help", "≤ 2×", "", ("--help",)),
        ("ask --help", "≤ 2×", "", ("ask", "--help")),
        ("ask, typed otherwise", "", "", spaced),
        ("ask, semantic hit", "≤ 2.5×", "≤ 500 ms", REWORDED),
        ("ask, semantic hit, judged", "≤ 2.5×", "≤ 500 ms", JUDGED),
        ("refine", "≤ 6×", "", ("refine", *ASK[1:])),
        ("route", "≤ 6×", "", ("route", *ASK[1:])),
    )
    # Answered by the launcher, service or not
    found = [
        Case("--version", [*optafly(), "--version"], "≤ 1.75×", cwd, says(run(own, cwd, "--version"))),
        Case("ask, the same again", [*optafly(), *ASK], "≤ 1.75×", cwd, says(run(own, cwd, *ASK))),
    ]
    for name, warm_budget, cold_budget, words in rows:
        check = says(run(own, cwd, *(words(0) if callable(words) else words)))
        found.append(Case(f"{name}, {WARM}", _in_round(words), warm_budget, cwd, check))
        found.append(
            Case(
                f"{name}, in-process", _in_round(words, "env", "OPTAFLY_SERVICE_ENABLED=false"), cold_budget, cwd, check
            )
        )
    return found


def spaced(number: int) -> tuple[str, ...]:
    """The same question, typed in a way that nobody has: no launcher knows it."""
    return (ASK[0], ASK[1].replace(" ", " " * (number + 2)), *ASK[2:])


def _in_round(words: Words, *before: str) -> Callable[[int], list[str]]:
    return lambda number: [*before, *optafly(), *(words(number + 100 * len(before)) if callable(words) else words)]


def wait_for_the_engine(env: Mapping[str, str], cwd: Path) -> None:
    """Have the service start its engine, and wait until it is there: the first semantic look-up does without."""
    run(env, cwd, *REWORDED)
    socket = Path(env["OPTAFLY_HOME"]) / "run" / "engine.sock"
    give_up = time.monotonic() + 20
    while not socket.exists():
        if time.monotonic() > give_up:
            raise SystemExit("the service's engine did not come up")
        time.sleep(0.05)


def _lookup_ms(env: Mapping[str, str], cwd: Path) -> float:
    """What the semantic look-up takes by its own clock."""
    told = json.loads(run(env, cwd, *JUDGED, "--json").stdout)
    if told["cache"]["tier"] != "semantic":
        raise SystemExit(f"no semantic hit: {told['cache']}")
    return float(told["timing_ms"]["lookup"])


def _peers(wanted: str | None, folder: Path) -> Peers | None:
    if wanted is None:
        return None
    return Peers.installed(Path(wanted or folder / "venv"), folder / "peers", ASK[1], REWORDED[1])


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__, add_option)
    with tempfile.TemporaryDirectory(prefix="optafly-bench-") as folder, MessagesApi() as api:
        home = Path(folder) / "home"
        home.mkdir()
        env, cwd = bench_environment(home, api), workspace(Path(folder))
        peers = _peers(options.peers, Path(folder))
        env |= peers.env if peers else {}
        alone = {**env, "OPTAFLY_SERVICE_ENABLED": "false"}
        run(alone, cwd, *ASK)
        run(env, cwd, "service", "start")
        try:
            made = cases(env, cwd)
            wait_for_the_engine(env, cwd)
            api.requests.clear()
            rows = measure([*made, *(peers.cases() if peers else ())], rounds=options.runs, env=env)
            lookups = [_lookup_ms(env, cwd) for _ in range(options.runs)]
            facts = json.loads(run(env, cwd, "service", "status", "--json").stdout)
        finally:
            run(env, cwd, "service", "stop")
        parts = cold.parts_of(JUDGED, alone, cwd, options.runs)
        if api.messages:
            raise SystemExit(f"{len(api.messages)} requests were sent by what should have been hits")
    expected = sum(WARM in case.name for case in made) * (options.runs + 1)
    if facts["commands"] < expected or facts["left_to_launcher"]:
        raise SystemExit(f"the service ran {facts['commands']} of {expected} commands")
    notes = [
        f"The service: {facts['memory_mb']} MB (PSS, with the child that stands by), {facts['commands']} commands.",
        "A row without the service starts through env(1), about 1 ms.",
        f"Our look-up of other words with the service: {median(lookups):.1f} ms, embedding and cross-encoder included.",
        *(peers.notes() if peers else [f"GPTCache and llm were left out (--peers, or {VARIABLE})."]),
        "\n".join([f"Where the cold semantic hit goes ({sum(parts.values()):.0f} ms):", *cold.lines(parts)]),
    ]
    report("latency", rows, rounds=options.runs, as_json=options.json, notes=notes)


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
