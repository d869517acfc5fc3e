"""What each dependency costs to import, in a fresh process, next to `python -c pass`, and how much disk it takes.

    python benchmarks/imports.py [--runs N] [--json]

The table stands in docs/dependencies.md. Report only: nothing here asserts a time.
"""

import json
import os
import platform
import re
import sys
import tempfile
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.timing import BASE, Case, arguments, clean_environment, measure

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
MODULES = {"faiss-cpu": "faiss", "rich": "rich.console"}
"""The module that we import, where it is not named like its distribution or where that imports nothing."""
BEHIND_AN_EXTRA = ("sentence-transformers", "torch")


def dependencies() -> list[str]:
    """The distributions that pyproject.toml requires, then the heavy ones of an extra."""
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    return [re.split(r"[<>=~!\[; ]", line, maxsplit=1)[0] for line in project["dependencies"]] + [*BEHIND_AN_EXTRA]


def module_of(name: str) -> str:
    """The module to import for a distribution."""
    return MODULES.get(name, name.replace("-", "_"))


def megabytes(name: str) -> float:
    """The installed size of a distribution, without what it depends on.

    Raises:
        PackageNotFoundError: it is not installed.
    """
    files = distribution(name).files or []
    return sum(path.stat().st_size for file in files if (path := Path(str(file.locate()))).is_file()) / 1e6


def main() -> None:
    """Measure and print a Markdown table, or JSON."""
    options = arguments(__doc__)
    sizes: dict[str, float] = {}
    missing: list[str] = []
    for name in dependencies():
        try:
            sizes[f"import {module_of(name)}"] = megabytes(name)
        except PackageNotFoundError:
            missing.append(name)
    cases = [Case(command, [sys.executable, "-c", command]) for command in sizes]
    with tempfile.TemporaryDirectory(prefix="optafly-bench-") as home:
        rows = measure(cases, rounds=options.runs, env=clean_environment(Path(home)))
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    if options.json:
        found = [
            {"command": row.name, "median_ms": row.median_ms, "ratio": row.ratio, "installed_mb": sizes.get(row.name)}
            for row in rows
        ]
        print(json.dumps({"machine": machine, "rounds": options.runs, "rows": found, "missing": missing}, indent=2))
        return
    print(f"Medians of {options.runs} interleaved rounds; {machine}.\n")
    print(f"| {'command':30} | median ms | ratio | installed, alone |\n|---|--:|--:|--:|")
    for row in rows:
        size = f"{sizes[row.name]:.1f} MB" if row.name != BASE.name else ""
        print(f"| {f'`{row.name}`':30} | {row.median_ms:9.0f} | {row.ratio:5.1f}× | {size:>16} |")
    if missing:
        print(f"\nNot installed here: {', '.join(missing)}.")


if __name__ == "__main__":
    main()
