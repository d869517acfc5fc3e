"""A command in a fork does what it does in an interpreter of its own; the suite's commands rely on it."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nursery import Nursery
from tests.service.running import environment_of


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("arguments", "stdin", "env"),
    [
        (("--help",), None, {}),
        (("lint", "-"), "fix thïs 端口\n".encode(), {}),
        (("lint", "-"), b"\xff\xfe", {}),
        (("lint", b"\xff.txt"), None, {}),
        (("ask", "--nonsense"), None, {}),
        (("config", "get", "cache.ttl_days"), None, {"OPTAFLY_CACHE_TTL_DAYS": "7"}),
        (("config", "list"), None, {"OPTAFLY_CACHE_TTL_DAYS": "many"}),
        (("cache", "path"), None, {"OPTAFLY_HOME": "/nowhere"}),
        (("ask", "explain this", "--cache-only"), b"fn main() {}", {}),
        (("ask", "explain this"), None, {"ANTHROPIC_API_KEY": "no key"}),
        ((), None, {}),
    ],
)
def test_it_prints_and_ends_the_same(
    nursery: Nursery, tmp_path: Path, arguments: tuple[str | bytes, ...], stdin: bytes | None, env: dict[str, str]
) -> None:
    """Exit code, stdout and stderr, byte for byte."""
    env = {**environment_of(tmp_path), **env}
    done = subprocess.run(
        [sys.executable, "-m", "optafly_cli", *arguments],
        cwd=tmp_path, env=env, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
        check=False,
    )  # fmt: skip
    forked = nursery.run(arguments, stdin=stdin, cwd=tmp_path, env=env)
    assert forked is not None
    assert (forked.returncode, forked.stdout, forked.stderr) == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("env", [{"PYTHONPATH": "/"}, {"LANG": "C"}, {"NO_COLOR": "1"}, {"ANTHROPIC_LOG": "debug"}])
def test_what_an_interpreter_reads_at_its_start_needs_one(
    nursery: Nursery, tmp_path: Path, env: dict[str, str]
) -> None:
    """Such variables are refused."""
    env = {**environment_of(tmp_path), **env}
    assert nursery.run(("--help",), stdin=None, cwd=tmp_path, env=env) is None
    assert nursery.run(("--help", "\0"), stdin=None, cwd=tmp_path, env=environment_of(tmp_path)) is None


def test_in_the_background(nursery: Nursery, tmp_path: Path) -> None:
    """It goes on while the caller does, takes signals, and what it wrote is there at its end."""
    child = nursery.begin(("--version",), cwd=tmp_path, env=environment_of(tmp_path))
    assert child is not None
    out, err = child.communicate()
    assert out.startswith("optafly ")
    assert (err, child.poll()) == ("", 0)
    child.send_signal(signal.SIGKILL)
    assert nursery.begin(("--version",), cwd=tmp_path, env={**environment_of(tmp_path), "NO_COLOR": "1"}) is None


def test_on_a_terminal_of_its_own(nursery: Nursery, tmp_path: Path) -> None:
    """It sees a terminal, and a Ctrl-C that is typed there is its."""
    ours, theirs = pty.openpty()
    child = nursery.begin_on(theirs, ("refine", "-"), cwd=tmp_path, env=environment_of(tmp_path))
    assert child is not None
    written = b""
    while b"stdin" not in written:
        written += os.read(ours, 1000)
    os.write(ours, b"\x03")
    assert child.wait() == 130
    os.close(ours)


def test_from_a_shell(nursery: Nursery, tmp_path: Path) -> None:
    """Bash's function has the streams, the folder, the variables and the exit code of the program."""
    function, number = nursery.shell_function()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.prompt").write_text("fix this bug\n")
    command = (
        "cd in; OPTAFLY_CACHE_TTL_DAYS=7 optafly config get cache.ttl_days; optafly lint - < a.prompt; optafly --no"
    )
    done = subprocess.run(
        ["bash", "-c", function + command],
        env=environment_of(tmp_path), cwd=tmp_path, pass_fds=[number], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[0]) == (2, "7.0")
    assert "OPF" in done.stdout
    assert "--no" in done.stderr
