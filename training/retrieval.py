"""What the fits of retrieval's weights share: the issues, and the table that each writes.

training/retrieval_files.py weighs the signals of files, training/retrieval_segments.py those of segments.
"""

import argparse
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.localisation import DEFAULT, Case, edited
from training.score_sets import Array, read

TARGET = Path(__file__).resolve().parents[1] / "optafly_cli" / "refine" / "data" / "retrieval-weights.toml"
HEAD = (
    "# The weights of retrieval's signals. Written by training/retrieval_files.py and training/retrieval_segments.py;\n"
    "# do not edit.\n"
)


def issues(folder: Path, without: str = "") -> Iterator[tuple[str, list[Case]]]:
    """The repositories of localisation.jsonl, one left out, each with its issues."""
    found = read(folder, "localisation.jsonl")
    for repository in sorted({row["repo"] for row in found} - {without}):
        yield (
            repository,
            [
                Case(row["instance_id"], repository, row["base_commit"], row["problem_statement"], gold)
                for row in found
                if row["repo"] == repository and (gold := edited(row["patch"]))
            ],
        )


def briefs(folder: Path) -> dict[str, str]:
    """The underspecified versions of issues, by the issue's name."""
    found = read(folder, "interactiveswe_underspecified.jsonl")
    return {row["instance_id"]: row["problem_statement"] for row in found}


def raised(floors: Mapping[str, float], weights: Array, names: Sequence[str]) -> Array:
    """The weights, those that are lower than their floor raised to it."""
    return np.maximum(weights, [floors.get(name, -np.inf) for name in names])


def with_table(text: str, name: str, fitted_on: str, bias: float, weights: Mapping[str, float]) -> str:
    """The text of the weights file with one table anew and the others as they were."""
    tables: dict[str, Any] = tomllib.loads(text)
    tables[name] = {"fitted_on": fitted_on, "bias": bias, "weights": dict(weights)}
    lines = [HEAD]
    for title, table in sorted(tables.items()):
        lines += [f"[{title}]", f"fitted_on = {json.dumps(table['fitted_on'])}", f"bias = {table['bias']:.4f}", ""]
        lines += [
            f"[{title}.weights]",
            *(f"{signal} = {weight:.4f}" for signal, weight in table["weights"].items()),
            "",
        ]
    return "\n".join(lines[:-1]) + "\n"


def run(about: str | None, fit: Callable[[Path, Path, str], tuple[str, str, float, Mapping[str, float]]]) -> None:
    """Read the command line, fit a table (its name, what it is fitted on, bias and weights), write or show it."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mirrors", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=DEFAULT)
    parser.add_argument("--without", default="", metavar="OWNER/NAME")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = with_table(TARGET.read_text("utf-8"), *fit(options.mirrors, options.folder, options.without))
    if options.write:
        TARGET.write_text(text, "utf-8")
    else:
        print(text)
