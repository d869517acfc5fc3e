"""A command that the service runs cannot tell: its process is what its own would have been."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import PROBE, Probe, both, said, wait_for


def limited() -> None:
    """What a process can be given on its way."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 8192))
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 400))
    os.umask(0o027)
    os.nice(3)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def deaf() -> None:
    """As after nohup, and with a signal blocked."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])


@pytest.mark.parametrize("prepare", [None, limited, deaf], ids=["plain", "limited", "deaf"])
def test_the_process_is_the_same(probe: Probe, prepare: Callable[[], None] | None) -> None:
    """Environment, folder, umask, limits, niceness, processors, signals, streams, zone and locale."""
    env = {**probe.env, "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "TMPDIR": str(probe.home), "COLUMNS": "33"}
    here, handed = both(probe, "tell", "ü", b"\xff\xfe", "", env=env, preexec_fn=prepare)
    assert handed == here
    assert here[0] == 7
    assert json.loads(here[1])["zone"] == ["+0545", "+0545"]


def test_variables_that_are_not_utf_8_arrive(probe: Probe) -> None:
    """Bytes are bytes."""
    env: Any = {**{os.fsencode(k): os.fsencode(v) for k, v in probe.env.items()}, b"ODD": b"\xff=\xfe", b"EMPTY": b""}
    here, handed = both(probe, "tell", env=env)
    assert handed == here


def test_a_folder_that_was_deleted_is_gone_for_both(probe: Probe, tmp_path: Path) -> None:
    """The working folder travels as a descriptor, not as a name."""
    script = f'mkdir gone; cd gone; rmdir ../gone; exec "{sys.executable}" "{PROBE}" "$0" tell'
    results = []
    for mode in ("here", "handed"):
        done = subprocess.run(
            ["bash", "-c", script, mode], cwd=tmp_path, env=probe.env, capture_output=True, check=False
        )
        results.append((done.returncode, json.loads(done.stdout)["folder"], done.stderr))
    assert results == [(7, "gone", b"")] * 2


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"])
def test_streams_that_are_closed_or_full(probe: Probe, closed: str, tmp_path: Path) -> None:
    """Whatever is missing or broken in the shell is so in the command: same code, same bytes elsewhere."""
    script = f'"{sys.executable}" "{PROBE}" "$0" both {closed}; echo $?'
    here, handed = (
        subprocess.run(["bash", "-c", script, mode], cwd=tmp_path, env=probe.env, capture_output=True, check=False)
        for mode in ("here", "handed")
    )
    assert (handed.stdout, said(handed.stderr)) == (here.stdout, said(here.stderr))


def test_other_encodings(probe: Probe) -> None:
    """Text that a stream cannot carry fails alike."""
    here, handed = both(probe, "both", env={**probe.env, "LC_ALL": "C.UTF-8"})
    assert handed[0] == here[0]
    assert handed[1] == here[1]


@pytest.mark.parametrize("code", [0, 1, 5, 70, 130, 255])
def test_exit_codes_come_back(probe: Probe, code: int) -> None:
    """All of them."""
    assert probe.run("exit", str(code)).returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGABRT])
def test_a_command_that_dies_of_a_signal_takes_its_launcher_with_it(probe: Probe, number: signal.Signals) -> None:
    """The shell sees the death, not a number. (SIGINT is Python's KeyboardInterrupt, and then the signal.)"""
    here, handed = both(probe, "kill", str(int(number)))
    assert handed[0] == here[0] == -number


def test_a_limit_on_file_sizes_holds(probe: Probe, tmp_path: Path) -> None:
    """RLIMIT_FSIZE of the shell, not of the service."""
    for mode in ("here", "handed"):
        done = probe.run("write", str(tmp_path / mode), "9000", mode=mode, preexec_fn=limited)
        assert done.returncode == 1
        assert b"File too large" in done.stderr
        assert (tmp_path / mode).stat().st_size == 4096


def test_nothing_of_the_service_is_open_in_a_command(probe: Probe) -> None:
    """Standard streams, the way back for the code, a pipe for wishes: no socket of the service, no other client's."""
    with probe.begun("sleep") as other:
        for _ in range(3):
            # The sixth is the folder that is being listed
            assert len(json.loads(probe.run("descriptors").stdout)) == 6
        other.kill()


def test_a_pipe_ends_when_the_command_does(probe: Probe) -> None:
    """… | cat does not hang: nobody else holds the end that is written to."""
    script = f'"{sys.executable}" "{PROBE}" handed exit 0 | cat; echo done'
    done = subprocess.run(["bash", "-c", script], env=probe.env, capture_output=True, check=False, timeout=30)
    assert done.stdout == b"done\n"


def test_stdin_is_read_as_it_comes(probe: Probe) -> None:
    """A pipe is read by the command, and what is left stays for the next."""
    here, handed = both(probe, "ask", input=b"yes\nno\n")
    assert handed == here
    assert b"got yes" in here[1]


@pytest.mark.parametrize(
    ("env", "options", "why"),
    [
        ({"PYTHONUTF8": "0"}, [], "PYTHONUTF8 differs"),
        ({"LD_PRELOAD": ""}, [], "LD_PRELOAD differs"),
        ({}, ["-X", "dev"], "other options"),
        ({}, ["-W", "ignore"], "other options"),
    ],
)
def test_what_cannot_be_made_equal_is_left_to_the_launcher(
    own_probe: Probe, env: dict[str, str], options: list[str], why: str
) -> None:
    """An interpreter that was told to behave otherwise runs its command itself; the service goes on."""
    done = subprocess.run(
        [sys.executable, *options, PROBE, "handed", "exit", "3"],
        env={**own_probe.env, **env}, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (3, b"probe: it was not handed over\n")
    # The launcher has its answer before the service has written down why
    wait_for(lambda: why in own_probe.log)
    assert own_probe.run("exit", "4").returncode == 4
