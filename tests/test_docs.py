"""What the documentation shows is what happens: every console block is run, and its output compared."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.nursery import nursery

ROOT = Path(__file__).parents[1]
ANSWER = "Return a `Result` from `port` and say which value is no port, instead of calling `unwrap` on it."


@dataclass(frozen=True)
class Block:
    """A console block: commands with the output that follows each."""

    place: str
    steps: tuple[tuple[str, str], ...]


def blocks() -> Iterator[Block]:
    """Every ```console block of the README and of docs/."""
    for path in [
        ROOT / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "examples").rglob("*.md")),
    ]:
        text = path.read_text("utf-8")
        for match in re.finditer(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start()) + 1
            steps = re.split(r"^\$ ", match[1], flags=re.MULTILINE)[1:]
            pairs = tuple((step.partition("\n")[0], step.partition("\n")[2]) for step in steps)
            yield Block(f"{path.relative_to(ROOT)}:{line}", pairs)


def alike(text: str) -> list[str]:
    """The lines, with what differs between two runs made equal: numbers."""
    return [re.sub(r"\d[\d,.]*", "#", line.rstrip()) for line in text.strip().splitlines()]


@pytest.mark.parametrize("block", list(blocks()), ids=lambda block: block.place)
def test_a_console_block_shows_what_its_commands_print(block: Block, tmp_path: Path) -> None:
    """The commands of one block, in order, in a copy of the examples, against the test endpoint."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("target"))
    function, *given = nursery().shell_function()
    with MessagesApi(reply=ANSWER) as api:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "OPTAFLY_HOME": str(tmp_path / "optafly"),
            "OPTAFLY_SERVICE_AUTO_START": "false",
            "ANTHROPIC_BASE_URL": api.url,
            "ANTHROPIC_API_KEY": api.key,
            "LANG": "C.UTF-8",
        }
        for command, expected in block.steps:
            done = subprocess.run(
                ["bash", "-c", function + command],
                cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, check=False, timeout=60, pass_fds=given,
            )  # fmt: skip
            assert alike(done.stdout) == alike(expected), done.stdout


def test_the_readme_promises_what_ci_runs() -> None:
    """README's test command is, word for word, the one in .ci/run."""
    readme = (ROOT / "README.md").read_text("utf-8")
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    promised = re.findall(r"^python3 -m venv .*pytest.*$", readme, re.MULTILINE)
    assert len(promised) == 1
    assert [part.strip() for part in promised[0].split("&&")] == [
        line for line in script.splitlines() if line.startswith(("python3", ".venv"))
    ][:3]


def test_every_example_of_help_uses_options_that_exist() -> None:
    """The examples in --help parse: each option in them is one of its command."""
    for command in ("ask", "refine", "route", "lint", "serve"):
        done = subprocess.run(
            [sys.executable, "-m", "optafly_cli", command, "--help"],
            capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL, cwd=ROOT,
        )  # fmt: skip
        options, _, examples = done.stdout.partition("Examples:")
        for line in (line for line in examples.splitlines() if f"optafly {command}" in line):
            for option in re.findall(r"(?<=\s)--[a-z-]+", line.partition("optafly")[2]):
                assert option in options, line
