"""What a person waits for: whole processes, with the service running and without, beside a bare interpreter.

    python benchmarks/latency.py [--runs N] [--json]

A temporary repository, a store and a service of their own, the fake of tests/fakes as endpoint. Every run is checked:
each command's output is what it is without the service, a hit sends nothing, and at the end the service must have run
every command that was to be run by it. Report only: nothing here asserts a time.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.timing import Case, Finished, arguments, clean_environment, measure, optafly, report
from tests.fakes.messages_api import MessagesApi

ROOT = Path(__file__).resolve().parents[1]
ASK = ("ask", "explain what this file does", "--file", "src/main.rs")
WARM = "service running"


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
    """The Rust example, committed."""
    root = folder / "unwrap"
    shutil.copytree(ROOT / "examples" / "unwrap", root, ignore=shutil.ignore_patterns("target"))
    for argv in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=b", "-c", "user.email=b@b.invalid", "commit", "-qm", "B"],
    ):
        subprocess.run(["git", *argv], cwd=root, check=True)
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
    rows: Sequence[tuple[str, str, str, tuple[str, ...]]] = (
        ("--version", "≤ 1.75×", "", ("--version",)),
        ("--help", "≤ 2×", "", ("--help",)),
        ("ask --help", "≤ 2×", "", ("ask", "--help")),
        ("ask, exact hit", "≤ 1.75×", "≤ 2×", ASK),
        ("refine", "", "", ("refine", *ASK[1:])),
        ("route", "", "", ("route", *ASK[1:])),
    )
    found = []
    for name, warm_budget, cold_budget, words in rows:
        check = says(run(own, cwd, *words))
        argv = [*optafly(), *words]
        found.append(Case(f"{name}, {WARM}", argv, warm_budget, cwd, check))
        found.append(Case(name, ["env", "OPTAFLY_SERVICE_ENABLED=false", *argv], cold_budget, cwd, check))
    return found


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory(prefix="optafly-bench-") as folder, MessagesApi() as api:
        home = Path(folder) / "home"
        home.mkdir()
        env, cwd = bench_environment(home, api), workspace(Path(folder))
        run({**env, "OPTAFLY_SERVICE_ENABLED": "false"}, cwd, *ASK)
        run(env, cwd, "service", "start")
        try:
            made = cases(env, cwd)
            api.requests.clear()
            rows = measure(made, rounds=options.runs, env=env)
            facts = json.loads(run(env, cwd, "service", "status", "--json").stdout)
        finally:
            run(env, cwd, "service", "stop")
        if api.messages:
            raise SystemExit(f"{len(api.messages)} requests were sent by what should have been hits")
    expected = sum(WARM in case.name for case in made) * (options.runs + 1)
    if facts["commands"] < expected or facts["left_to_launcher"]:
        raise SystemExit(f"the service ran {facts['commands']} of {expected} commands")
    notes = [
        f"The service: {facts['memory_mb']} MB (PSS, with the child that stands by), {facts['commands']} commands.",
        "A row without the service starts through env(1), about 1 ms.",
    ]
    report("latency", rows, rounds=options.runs, as_json=options.json, notes=notes)


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
