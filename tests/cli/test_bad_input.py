"""Every row of docs/errors.md, run."""

import re
import shlex
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import THROUGH_A_SERVICE, Cli
from tests.nursery import nursery

TABLE = Path(__file__).parents[2] / "docs" / "errors.md"


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    case: str
    command: str
    exit: int
    message: str


def rows() -> list[Row]:
    """The rows of the table whose first column is a case."""
    text = TABLE.read_text("utf-8").partition("| case |")[2]
    cells = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in text.splitlines()[2:] if line]
    return [Row(case, command.strip("`"), int(code), message) for case, command, code, message in cells]


@pytest.fixture
def project(repo: Path) -> Path:
    """The repository with everything in it that the rows name."""
    (repo / "logo.bin").write_bytes(b"\x89PNG\0\0\0\r\n" * 50)
    (repo / ".env").write_text("KEY=1\n")
    (repo / "blank.txt").write_text(" \n\t\n")
    (repo / "prompt-10mb.txt").write_text("fix this bug\n" * 800_000)
    (repo / "bad.jsonl").write_text('{"id": 1, "prompt": "fix"}\n{"id": 2}\n')
    with (repo / "huge.log").open("wb") as file:
        file.truncate(100_000_000)
    for name, text in {
        "typo": "[cache]\nttl_day = 3\n",
        "value": "[cache]\nsimilarity = 7\n",
        "broken": "[cache\n",
    }.items():
        (repo / name).mkdir()
        (repo / name / "config.toml").write_text(text)
    return repo


def the_future(cli: Cli, folder: Path) -> None:
    """A store that a later version wrote."""
    cli("ask", "explain this", "--file", "src/lib.rs", env={"OPTAFLY_HOME": str(folder)})
    connection = sqlite3.connect(folder / "store" / "entries.sqlite")
    connection.execute("PRAGMA user_version = 999")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.case)
def test_every_row_is_one_clear_sentence_with_its_exit_code(row: Row, cli: Cli, project: Path) -> None:
    """The command of the row, run as written, gives the row's exit code and message and no traceback."""
    if row.case == "an unreadable file":
        pytest.skip("root reads everything here; tests/workspace injects the fault")
    if "future" in row.case:
        the_future(cli, project / "future")
    command = row.command
    for name in ("typo", "value", "broken", "future"):
        command = command.replace(f"OPTAFLY_HOME={name} ", f"OPTAFLY_HOME={project / name} ")
    function, *given = nursery().shell_function()
    if THROUGH_A_SERVICE:
        function = f'optafly() {{ {shlex.quote(sys.executable)} -m optafly_cli "$@"; }}; '
    done = subprocess.run(
        ["bash", "-c", function + command], cwd=project, env=cli.env, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=False, timeout=60, pass_fds=given,
    )  # fmt: skip
    assert done.returncode == row.exit, done.stdout + done.stderr
    pattern = ".*?".join(re.escape(part) for part in row.message.split("…"))
    shown = " ".join(done.stderr.split())
    assert re.search(pattern, shown), f"{row.message!r} is not in {shown!r}"
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error:") + done.stderr.count("warning: the answer") == 1


@pytest.mark.parametrize("command", ["ask", "route", "refine", "cache search"])
def test_the_example_is_of_the_command_that_was_typed(cli: Cli, command: str) -> None:
    """Without a prompt each says how it would be given one."""
    assert f'optafly {command} "fix this bug"' in cli(*command.split(), code=2).err


def test_statistics_fit_the_screen(cli: Cli) -> None:
    """In a pipe no line of `cache stats` is longer than 80 columns, the promise neither."""
    found = cli("cache", "stats").out
    assert "promise" in found
    assert max(map(len, found.splitlines())) <= 80
