"""Twenty logs, made for real on this machine: what pip, pytest, cargo, npm, apt, gcc, make, git and others print.

    python -m benchmarks.route_logs FOLDER [--repositories CLONES]

Each is the output, stdout and stderr together, of commands that run in a folder of their own: installs, test runs with
failures in them, builds that break, stack traces. What a tool needs and this machine lacks is left out, and said.
CLONES holds clones of public repositories as OWNER+NAME (or OWNER+NAME/repo); a log that is there already stays.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from shutil import which

LONGEST_S = 240
LARGEST = 400_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """A log by its name: a shell script, the tools and the repository that it needs."""

    name: str
    script: str
    tools: tuple[str, ...] = ()
    repository: str = ""


def recipes() -> list[Recipe]:
    """Those of the data file."""
    rows = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["log"]
    return [Recipe(row["name"], row["script"], (*row.get("tools", ()),), row.get("repository", "")) for row in rows]


def missing(recipe: Recipe, repositories: Path) -> str | None:
    """What this machine lacks for it."""
    for tool in recipe.tools:
        if which(tool) is None:
            return tool
    return recipe.repository if recipe.repository and clone(recipe, repositories) is None else None


def clone(recipe: Recipe, repositories: Path) -> Path | None:
    """The repository that it runs in."""
    found = [repositories / recipe.repository / "repo", repositories / recipe.repository]
    return next((path for path in found if (path / ".git").exists() or (path / "HEAD").exists()), None)


def make(recipe: Recipe, repositories: Path) -> str:
    """Run it, and give what it printed."""
    with tempfile.TemporaryDirectory(prefix="optafly-log-") as folder:
        source = clone(recipe, repositories) if recipe.repository else None
        if source is not None:
            archive = subprocess.run(["git", "-C", str(source), "archive", "HEAD"], capture_output=True, check=True)
            subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        environ = {**os.environ, "HOME": folder, "PYTHON": sys.executable, "REPOSITORY": str(source or "")}
        environ = {name: value for name, value in environ.items() if not name.startswith(("OPTAFLY", "ANTHROPIC"))}
        for kept in ("CARGO_HOME", "RUSTUP_HOME"):
            environ.setdefault(kept, str(Path.home() / f".{kept.partition('_')[0].lower()}"))
        try:
            done = subprocess.run(
                ["bash", "-c", recipe.script],
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=LONGEST_S,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            return (late.stdout or b"").decode("utf-8", "replace")
        return re.sub(re.escape(folder), "/work/project", done.stdout.decode("utf-8", "replace"))


def logs(folder: Path, repositories: Path) -> dict[str, str]:
    """Every log by its name; made and kept in `folder` where it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for recipe in recipes():
        path = folder / f"{recipe.name}.log"
        if not path.exists():
            if lacking := missing(recipe, repositories):
                print(f"{recipe.name}: left out, there is no {lacking} here", file=sys.stderr)
                continue
            path.write_bytes(make(recipe, repositories).encode("utf-8", "replace"))
        found[recipe.name] = path.read_bytes().decode("utf-8", "replace")[:LARGEST]
    return found


def main() -> int:
    """Make them, and say how long each is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repositories", type=Path, default=Path(__file__).resolve().parents[2] / ".mirror")
    arguments = parser.parse_args()
    for name, text in logs(arguments.folder, arguments.repositories).items():
        print(f"{name:20} {len(text.splitlines()):6,} lines {len(text):9,} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
