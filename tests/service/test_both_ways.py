"""Every kind of command, run by a service and in its own process: the same bytes, the same exit code.

The whole of tests/cli is run both ways too: OPTAFLY_TEST_SERVICE=1 pytest tests/cli
"""

import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from optafly_cli.config.private import make_private_folder
from tests.cli.conftest import Cli, Result, api, repo
from tests.cli.terminal import on_a_terminal
from tests.fakes.messages_api import MessagesApi
from tests.service.running import Service

__all__ = ["api", "repo"]

ASK = ("ask", "fix this bug", "--file", "src/main.rs:8")
LINES: tuple[tuple[str, ...], ...] = (
    ("--version",),
    ("--help",),
    ("--no-such-option",),
    (),
    ("aks",),
    *((name, "--help") for name in ("ask", "refine", "route", "lint", "cache", "config", "doctor", "service")),
    ("cache", "prune", "--help"),
    (*ASK, "--cache-only"),
    (*ASK, "-v"),
    ASK,
    (*ASK, "--json"),
    ("ask", "please fix this bug", "--file", "src/main.rs:8", "-v"),
    (*ASK, "--explain"),
    ("ask", "fix this", "--file", "nowhere.rs"),
    ("ask", "fix this", "--file", "nowhere.rs", "--json"),
    ("ask", ""),
    ("ask", "fix \udcff", "--file", "src/lib.rs", "--no-cache"),
    ("ask", "fix this bug", "--file", "src/lib.rs", "--model", "claude-sonet-5"),
    ("ask", "-", "--color", "always"),
    ("refine", "fix this bug", "--file", "src/main.rs:8", "--diff", "--color", "always"),
    ("refine", "fix it", "--check"),
    ("refine", "-", "--json"),
    ("route", "review this", "--file", "src/lib.rs"),
    ("route", "review this", "--file", "src/lib.rs", "--request", "--json"),
    ("lint", "src/main.rs"),
    ("lint", "-", "--format", "json"),
    ("cache", "list"),
    ("cache", "stats", "--json"),
    ("cache", "show", "1"),
    ("cache", "search", "repair this bug", "--file", "src/main.rs:8"),
    ("cache", "export"),
    ("cache", "verify"),
    ("cache", "path"),
    ("cache", "delete", "1"),
    ("cache", "clear", "--yes"),
    ("learn",),
    ("learn", "--forget"),
    ("config", "list"),
    ("config", "set", "cache.ttl_days", "7"),
    ("config", "get", "cache.ttl_days", "--json"),
    ("config", "set", "cache.ttl_days", "soon"),
    ("config", "path"),
    ("doctor",),
)
_CHANGING = (
    (re.compile(rb" *\d+(\.\d+)? ?(ms|s|min)\b"), b" TIME"),
    (re.compile(rb'("(?:timing_ms|refine|route|lookup|provider|store|total|age_s)": )[\d.]+'), rb"\1N"),
    (re.compile(rb'("(?:created|used|[a-z_]*_at|key|evidence|vector)": )[^\n]+?(,|\}|$)'), rb"\1N\2"),
    (re.compile(rb'("[a-z_]+": )\d+\.\d{3,}'), rb"\1N"),
    (re.compile(rb"\d{4}-\d\d-\d\d[T ][\d:.+-]+"), b"DATE"),
    (re.compile(rb"req_[A-Za-z0-9_]+|msg_[A-Za-z0-9_]+"), b"ID"),
)
"""Times, ages and identifiers: what differs between any two runs."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The real one."""
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def warm(repo: Path, tmp_path: Path, api: MessagesApi, service: Service) -> Cli:
    """Commands that the service runs."""
    cli = made(repo, tmp_path / "warm" / "home", api)
    cli.service = service
    cli.make_warm(cli.env)
    return cli


@pytest.fixture
def alone(repo: Path, tmp_path: Path, api: MessagesApi) -> Cli:
    """Commands that run in their own processes."""
    cli = made(repo, tmp_path / "alone" / "home", api)
    cli.make_warm(cli.env)
    make_private_folder(cli.home / "optafly" / "run")
    return cli


def made(repo: Path, home: Path, api: MessagesApi) -> Cli:
    home.mkdir(parents=True)
    return Cli(repo, home, {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": api.key})


def plain(result: Result, cli: Cli) -> tuple[int, bytes, bytes]:
    """What a command did, without what differs between any two runs."""
    texts = []
    for text in (result.out, result.err):
        data = text.encode("utf-8", "surrogateescape").replace(os.fsencode(cli.home), b"HOME")
        for pattern, stands_for in _CHANGING:
            data = pattern.sub(stands_for, data)
        texts.append(data)
    return result.code, texts[0], texts[1]


@pytest.mark.slow
def test_command_lines(warm: Cli, alone: Cli, service: Service) -> None:
    """One after the other, each in a world of its own that has seen the same before."""
    before = service.status()
    for line in LINES:
        stdin = "fix this bug\n" if "-" in line else None
        words = [os.fsencode(word) for word in line]
        assert plain(warm(*words, stdin=stdin, code=None), warm) == plain(alone(*words, stdin=stdin, code=None), alone)
    after = service.status()
    # `service --help` is never handed over, and the launcher says the version
    assert after["commands"] - before["commands"] == len(LINES) - 2
    assert after["left_to_launcher"] == before["left_to_launcher"]


def test_on_a_terminal(warm: Cli, alone: Cli) -> None:
    """Width, colours, a question and its answer."""
    question = ("refine", "fix this bug", "--file", "src/main.rs:8", "--interactive")
    for columns in (50, 120):
        shown = [on_a_terminal(cli, *question, columns=columns, answers=((b"[?]: ", b"y\n"),)) for cli in (warm, alone)]
        assert shown[0] == shown[1]
        assert shown[0][0] == 0
        assert b"\x1b[" in shown[0][1]


def test_the_editor(warm: Cli, alone: Cli) -> None:
    """$EDITOR gets the terminal and the file; what it does counts."""
    script = 'test -t 0 && echo editing >/dev/tty && printf "[cache]\\nttl_days = 3\\n" > "$1"'
    for cli in (warm, alone):
        code, shown = on_a_terminal(cli, "config", "edit", env={"EDITOR": f"bash -c '{script}' editor"})
        assert (code, b"editing" in shown) == (0, True)
        assert cli("config", "get", "cache.ttl_days").out == "3.0\n"


def test_an_editor_that_is_not_there(warm: Cli, alone: Cli) -> None:
    """The same sentence."""
    failed = [cli("config", "edit", env={"EDITOR": "no-such-editor"}, code=2) for cli in (warm, alone)]
    assert failed[0] == failed[1]


@pytest.mark.slow
def test_ctrl_c_while_an_answer_is_awaited(warm: Cli, alone: Cli, api: MessagesApi) -> None:
    """`interrupted`, 130, nothing stored; and the endpoint's connection is closed."""
    from tests.fakes.script import Reply

    for cli in (warm, alone):
        api.script(Reply("never the end", end="stall", after=1))
        api.stalled.clear()
        process = subprocess.Popen(
            [sys.executable, "-m", "optafly_cli", *ASK], cwd=cli.cwd, env=cli.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert api.stalled.wait(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (130, b"interrupted\n"), out
        assert api.client_left.wait(60)
        assert cli("cache", "stats", "--json").json["entries"] == 0


def test_the_reader_of_a_pipe_goes_away(warm: Cli, alone: Cli) -> None:
    """… | head -c 1."""
    for cli in (warm, alone):
        command = f"set -o pipefail; {sys.executable} -m optafly_cli --help | head -c 1"
        done = subprocess.run(["bash", "-c", command], cwd=cli.cwd, env=cli.env, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"U", b"")


@pytest.mark.slow
def test_a_background_job_does_not_read_the_terminal(warm: Cli) -> None:
    """It is stopped, as it is without the service: its keys are for somebody else."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(warm.cwd)
        script = f"set -m; {sys.executable} -m optafly_cli ask - & sleep 3; jobs; kill %1; kill -CONT %1; wait"
        os.execvpe("bash", ["bash", "-c", script], warm.env)
    shown = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            break
    os.waitpid(pid, 0)
    os.close(terminal)
    assert b"Stopped" in shown
