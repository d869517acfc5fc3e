"""Several processes ask the same at once: one request, and all get its answer; when one dies another takes over."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.cli.conftest import THROUGH_A_SERVICE, Cli
from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Failure, Reply
from tests.nursery import Child, nursery

ASK = ("ask", "fix this bug", "--file", "src/main.rs")
HELD = Reply("The fix is to check the length. " * 6, end="stall", after=2)
"""An answer that has begun, and comes to its end when the test says so (`api.release`)."""


def started(cli: Cli, *arguments: str) -> "subprocess.Popen[str] | Child":
    begun = None if THROUGH_A_SERVICE else nursery().begin(arguments, cwd=cli.cwd, env=cli.env)
    return begun or subprocess.Popen(
        [sys.executable, "-m", "optafly_cli", *arguments],
        cwd=cli.cwd,
        env=cli.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(happened: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.02)


def waits(process: "subprocess.Popen[str] | Child") -> bool:
    """Whether it says that it waits for another that asks the same, as the first thing."""
    assert process.stderr is not None
    return "another optafly is asking the same" in process.stderr.readline()


def test_two_at_once_make_one_request(cli: Cli, api: MessagesApi) -> None:
    """The others say that they wait, print the first's answer, and nothing is left in the store but it."""
    api.script(HELD)
    first = started(cli, *ASK)
    until(lambda: len(api.messages) == 1)
    second, third = started(cli, *ASK), started(cli, *ASK)
    assert waits(second)
    assert waits(third)
    api.release.set()
    told = [process.communicate(timeout=120) for process in (first, second, third)]
    assert [process.returncode for process in (first, second, third)] == [0, 0, 0]
    assert len(api.messages) == 1
    assert {out for out, _ in told} == {told[0][0]}
    assert told[0][0].startswith("The fix is")
    assert not (cli.store / "flights").exists()


def test_another_takes_over_from_one_that_died(cli: Cli, api: MessagesApi) -> None:
    """kill -9 while the answer streams: the one that waits asks by itself."""
    api.script(HELD)
    first = started(cli, *ASK)
    until(lambda: len(api.messages) == 1)
    second = started(cli, *ASK)
    assert waits(second)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    out, _ = second.communicate(timeout=120)
    assert (second.returncode, len(api.messages)) == (0, 2)
    assert out.strip()


def test_a_failure_is_not_shared(cli: Cli, api: MessagesApi) -> None:
    """The first fails, the second asks and is answered; no folder is made for what came to nothing."""
    api.script(Failure(401))
    assert cli(*ASK, code=4).err
    assert not cli.store.exists()
    cli(*ASK)
    assert len(api.messages) == 2


@pytest.mark.parametrize("options", [("--refresh",), ("--no-cache",)])
def test_who_wants_a_fresh_answer_does_not_wait(cli: Cli, api: MessagesApi, options: tuple[str, ...]) -> None:
    """--refresh and --no-cache make a request of their own."""
    api.script(HELD)
    first = started(cli, *ASK)
    until(lambda: len(api.messages) == 1)
    cli(*ASK, *options)
    assert len(api.messages) == 2
    assert first.poll() is None
    api.release.set()
    first.communicate(timeout=120)
    assert first.returncode == 0


def test_other_questions_do_not_wait(cli: Cli, api: MessagesApi) -> None:
    """A question about another file is on its way at the same time."""
    api.script(HELD)
    first = started(cli, *ASK)
    until(lambda: len(api.messages) == 1)
    assert "another optafly" not in cli("ask", "fix this bug", "--file", "src/lib.rs").err
    assert first.poll() is None
    api.release.set()
    first.communicate(timeout=120)
