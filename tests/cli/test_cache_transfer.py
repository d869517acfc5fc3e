"""optafly cache export and import with people, pipes and Ctrl-C at the other end."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.terminal import on_a_terminal, plain_lines


def many(cli: Cli, count: int) -> str:
    """So many lines of an export, all different."""
    plain = json.loads(cli("cache", "export").out.splitlines()[0])
    return "".join(json.dumps({**plain, "prompt": f"fix bug number {number}"}) + "\n" for number in range(count))


def test_an_interrupted_import_says_how_far_it_came(two: Cli) -> None:
    """Ctrl-C after some lines: exit 130, what is in is in, and the same again adds the rest."""
    lines = many(two, 700)
    process = subprocess.Popen(
        [sys.executable, "-m", "optafly_cli", "cache", "import", "-"],
        cwd=two.cwd, env=two.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(lines.encode())
    process.stdin.flush()
    database = sqlite3.connect(f"{(two.store / 'entries.sqlite').as_uri()}?mode=ro", uri=True)
    while database.execute("SELECT count(*) FROM entry").fetchone()[0] < 502:
        time.sleep(0.02)
    database.close()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == b"interrupted: 500 entries came in; the same again goes on from there\n"
    assert two("cache", "import", "-", stdin=lines).err == "imported 200 entries; 500 were there already\n"


def test_a_reader_that_had_enough_ends_an_export(two: Cli) -> None:
    """`export | head -1`: exit 0, and nothing is said to be exported that nobody read."""
    two("cache", "import", "-", stdin=many(two, 300))
    command = f"set -o pipefail; {sys.executable} -m optafly_cli cache export | head -1 | cut -c 1-30"
    done = subprocess.run(["bash", "-c", command], cwd=two.cwd, env=two.env, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b'{"schema": "optafly.entry/1", \n', b"")
    full = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m optafly_cli cache export > /dev/full"],
        cwd=two.cwd, env=two.env, capture_output=True, check=False,
    )  # fmt: skip
    assert (full.returncode, b"exported" in full.stderr) == (2, False)
    assert b"could not be written to stdout: No space left" in full.stderr


def test_entries_are_not_poured_over_a_terminal(two: Cli) -> None:
    """They belong into a file or a pipe."""
    code, written = on_a_terminal(two, "cache", "export")
    assert (code, plain_lines(written)[0]) == (2, "error: entries are no reading for people")


def test_an_export_takes_its_place_at_the_end(two: Cli) -> None:
    """A link stays, and a device that is named is not replaced by a file."""
    link = two.home / "null"
    link.symlink_to("/dev/null")
    assert two("cache", "export", str(link)).err == "exported 2 entries\n"
    assert link.is_symlink()
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_without_unicode_gets_escapes(two: Cli, encoding: str) -> None:
    """What it cannot show is spelled out, on the screen and in JSON."""
    env = {"PYTHONIOENCODING": encoding}
    code, written = on_a_terminal(two, "cache", "list", env=env)
    assert (code, b"\\u2026" in written) == (0, True)
    shown = two("cache", "show", "2", "--json", env=env)
    assert "\\u7aef\\u53e3" in shown.out
    assert "端口" in shown.json["prompt"]
