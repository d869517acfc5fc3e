"""What one `optafly ask` costs, whole process: a miss, an exact hit, a semantic hit, and without the cache.

    python benchmarks/ask.py [--runs N] [--json]

In a temporary git repository and a store of its own, against the rule-enforcing fake of tests/fakes over a socket,
which answers at once: what is left is optafly's own time. Each run is checked: a hit sends nothing, the others send
exactly one request. Report only: nothing here asserts a time.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.timing import (
    Case,
    Finished,
    arguments,
    clean_environment,
    measure,
    optafly,
    report,
)
from tests.fakes.messages_api import MessagesApi

PROMPT = "explain what this file does"
PARAPHRASES = ("explain what this file is doing", "please explain what this file does", "what does this file do?")
SOURCE = """use std::fs;

fn main() {
    let text = fs::read_to_string("config.toml").unwrap();
    println!("{}", text.lines().count());
}
"""


@dataclass(frozen=True)
class Bench:
    """Where the commands run, and the server that they may ask."""

    workspace: Path
    env: Mapping[str, str]
    api: MessagesApi

    def argv(self, *arguments: str) -> list[str]:
        """`optafly ask … --file src/main.rs`."""
        return [*optafly(), "ask", *arguments, "--file", "src/main.rs"]

    def ask(self, *arguments: str) -> dict[str, Any]:
        """The JSON document of one `ask`."""
        done = subprocess.run(
            [*self.argv(*arguments), "--json"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=dict(self.env),
            cwd=self.workspace,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"ask: exit {done.returncode}: {(done.stderr or done.stdout).decode(errors='replace')}")
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def sends(self, name: str, expected: int) -> Callable[[Finished], None]:
        """A check that each run of a case sends `expected` requests."""

        def check(_done: Finished) -> None:
            sent = len(self.api.messages)
            self.api.requests.clear()
            if sent != expected:
                raise SystemExit(f"{name}: {sent} requests reached the server, {expected} expected")

        return check

    def case(self, name: str, argv: list[str] | Callable[[int], list[str]], *, requests: int, budget: str = "") -> Case:
        """A case in the workspace that must send `requests` requests a run."""
        return Case(name, argv, budget, cwd=self.workspace, check=self.sends(name, requests))


def make_workspace(folder: Path, env: Mapping[str, str]) -> None:
    """A small Rust project in git, committed."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.rs").write_text(SOURCE)
    (folder / "Cargo.toml").write_text('[package]\nname = "lines"\nversion = "0.1.0"\nedition = "2021"\n')
    identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.invalid"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "Count lines"]):
        subprocess.run(["git", *command], cwd=folder, env=dict(env), check=True)


def paraphrase_that_hits(bench: Bench) -> str | None:
    """The first paraphrase that the store answers as a semantic hit; None when it answers none of them."""
    for text in PARAPHRASES:
        if is_semantic_hit(bench.ask(text)):
            return text
    return None


def is_semantic_hit(document: Mapping[str, Any]) -> bool:
    """Whether an `ask --json` document says that the answer came from the semantic tier."""
    return bool(document["cache"]["status"] == "hit" and document["cache"]["tier"] == "semantic")


def build_cases(bench: Bench) -> tuple[list[Case], str | None, list[str]]:
    """The cases over a store that knows `PROMPT`, the paraphrase that hits, and notes on what is missing."""
    bench.ask(PROMPT)
    found = [
        # Another system prompt is another scope: never answered from the store, in the same store
        bench.case("ask, miss", lambda run: bench.argv(PROMPT, "--system", f"Variant {run}."), requests=1),
        bench.case("ask, --no-cache", bench.argv(PROMPT, "--no-cache"), requests=1),
        bench.case("ask, exact hit", bench.argv(PROMPT), requests=0, budget="≤ 2×, no service"),
    ]
    paraphrase = paraphrase_that_hits(bench)
    notes = []
    if paraphrase is None:
        notes.append("No paraphrase was answered from the store: the semantic hit is not measured.")
    else:
        found.append(bench.case("ask, semantic hit", bench.argv(paraphrase), requests=0))
    bench.api.requests.clear()
    return found, paraphrase, notes


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory(prefix="optafly-bench-") as name, MessagesApi() as api:
        home = Path(name)
        env = {
            **clean_environment(home),
            "ANTHROPIC_BASE_URL": api.url,
            "ANTHROPIC_API_KEY": api.key,
            "OPTAFLY_SERVICE_AUTO_START": "false",
        }
        bench = Bench(home / "workspace", env, api)
        make_workspace(bench.workspace, env)
        found, paraphrase, notes = build_cases(bench)
        rows = measure(found, rounds=options.runs, env=env)
        if paraphrase is not None and not is_semantic_hit(bench.ask(paraphrase)):
            notes.append("The paraphrase stopped being a semantic hit during the run: its row is not one.")
    report("ask", rows, rounds=options.runs, as_json=options.json, notes=notes)


if __name__ == "__main__":
    main()
