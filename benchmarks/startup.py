"""What it costs to start: the commands that answer at once, every --help, and the libraries that must not be paid for.

    python benchmarks/startup.py [--runs N] [--json]

Report only: nothing here asserts a time.
"""

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.timing import Case, arguments, clean_environment, measure, optafly, report

LIBRARIES = (
    "typer",
    "rich.console",
    "sqlite3",
    "tomlkit",
    "pathspec",
    "numpy",
    "tokenizers",
    "faiss",
    "onnxruntime",
    "anthropic",
)


def cases() -> list[Case]:
    """The commands, then one `import` each for the libraries that are installed."""
    from optafly_cli.cli.app import SUBCOMMANDS

    command = optafly()
    found = [name for name in LIBRARIES if find_spec(name.split(".")[0])]
    return [
        Case("optafly --version", [*command, "--version"]),
        Case("optafly --help", [*command, "--help"]),
        *(Case(f"optafly {name} --help", [*command, name, "--help"]) for name in SUBCOMMANDS),
        *(Case(f"import {name}", [sys.executable, "-c", f"import {name}"]) for name in found),
    ]


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory(prefix="optafly-bench-") as home:
        rows = measure(cases(), rounds=options.runs, env=clean_environment(Path(home)))
    report("start-up", rows, rounds=options.runs, as_json=options.json)


if __name__ == "__main__":
    main()
