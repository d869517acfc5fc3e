"""Signals, stops and terminals: a launcher stands for its command."""

import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.service.conftest import PROBE, Probe, gone, wait_for


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1])
def test_a_signal_goes_on_to_the_command(probe: Probe, number: signal.Signals) -> None:
    """The launcher ends as the command does, and nothing is left running."""
    with probe.begun("sleep", stderr=-3) as process:
        children = probe.status()["children"]
        process.send_signal(number)
        assert process.wait(20) == -number
        wait_for(lambda: all(gone(pid) for pid in children[:1]))


def test_a_launcher_that_is_killed_takes_its_command_with_it(probe: Probe) -> None:
    """kill -9: the service notices, and ends the command and what it has started."""
    with probe.begun("child") as process:
        running = probe.status()["children"]
        process.kill()
        process.wait()
        wait_for(lambda: gone(running[0]))


def test_a_launcher_that_was_answered_leaves_the_rest_to_its_command(probe: Probe, tmp_path: Path) -> None:
    """What was left for afterwards keeps nobody waiting, neither launcher nor pipe, and is done all the same."""
    gate, place = tmp_path / "gate", tmp_path / "place"
    for _ in range(5):
        done = probe.run("leave", str(gate), str(place))
        assert (done.returncode, done.stdout, done.stderr) == (0, b"answered\n", b"")
        assert not place.exists()
        gate.touch()
        wait_for(place.exists)
        gate.unlink()
        place.unlink()


def test_ctrl_c_reaches_what_the_command_has_started(probe: Probe) -> None:
    """As a terminal sends it to the whole job."""
    with probe.begun("child", stderr=-3) as process:
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
        assert time.monotonic() - started < 20


def test_ctrl_z_stops_the_command_and_its_launcher(probe: Probe) -> None:
    """Both stop, both go on. In a group of its own: in one whose parent has gone the kernel lets Ctrl-Z stop nobody."""
    with probe.begun("sleep", stderr=-3, process_group=0) as process:
        child = 0

        def found() -> bool:
            nonlocal child
            # Who answers the question is a child, too, but not for long
            ours = [pid for pid in probe.status()["children"] if state_or_none(pid) == "S"]
            child = ours[0] if len(ours) == 1 else 0
            return child > 0

        wait_for(found)
        process.send_signal(signal.SIGTSTP)
        wait_for(lambda: state_of(process.pid) == "T" and state_of(child) == "T")
        process.send_signal(signal.SIGCONT)
        wait_for(lambda: state_of(process.pid) != "T" and state_of(child) != "T")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM


def state_or_none(pid: int) -> str | None:
    try:
        return state_of(pid)
    except OSError:
        return None


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def on_a_terminal(probe: Probe, *arguments: str, wait: bytes = b"", typed: bytes = b"") -> tuple[int, bytes]:
    """The probe, handed over, on a terminal of its own: exit code and what was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, PROBE, *arguments], probe.env)
    shown = b""
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                break
        if wait and wait in shown:
            os.write(terminal, typed)
            wait = b""
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown


@pytest.mark.parametrize("mode", ["here", "handed"])
def test_a_prompt_is_answered_on_the_terminal(probe: Probe, mode: str) -> None:
    """It is shown, and what is typed is read."""
    code, shown = on_a_terminal(probe, mode, "ask", wait=b"? ", typed=b"yes\n")
    assert (code, shown.replace(b"\r", b"")) == (0, b"? yes\ngot yes\n")


@pytest.mark.parametrize("mode", ["here", "handed"])
def test_ctrl_c_on_the_terminal(probe: Probe, mode: str) -> None:
    """The key, not the signal."""
    code, shown = on_a_terminal(probe, mode, "sleep", wait=b"asleep", typed=b"\x03")
    assert code == -signal.SIGINT
    assert b"KeyboardInterrupt" in shown


@pytest.mark.parametrize("mode", ["here", "handed"])
def test_an_editor_has_the_terminal(probe: Probe, mode: str) -> None:
    """What needs the terminal runs in the launcher, in the job's foreground, with a controlling terminal."""
    script = 'echo tty >/dev/tty; read -r x; echo "read $x"; exit 5'
    code, shown = on_a_terminal(probe, mode, "terminal", "bash", "-c", script, wait=b"tty", typed=b"text\n")
    assert (code, shown.replace(b"\r", b"")) == (0, b"tty\ntext\nread text\nended with 5\n")


@pytest.mark.parametrize("argv", [["no-such-editor"], ["/"], ["bash", "-c", "kill -9 $$"], ["true"]])
def test_an_editor_that_fails_fails_alike(probe: Probe, argv: list[str]) -> None:
    """The same words, the same number."""
    here, handed = (probe.run("terminal", *argv, mode=mode) for mode in ("here", "handed"))
    assert handed.stdout == here.stdout
