"""A service that runs the probe, in a home of its own."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.running import Service

PROBE = str(Path(__file__).with_name("probe.py"))
ROOT = str(Path(__file__).parents[2])


class Probe(Service):
    """The service with the probe as its application."""

    process: "subprocess.Popen[bytes] | None" = None

    def begin(self, **more: str) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, PROBE, "serve"]
        self.process = process = subprocess.Popen(command, env={**self.env, **more}, stdin=subprocess.DEVNULL)
        wait_for(lambda: (self.run_folder / "service.sock").exists() or process.poll() is not None)

    def __enter__(self) -> "Probe":
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def run(
        self, *arguments: str | bytes, mode: str = "handed", **options: Any
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run the probe: handed over, or `here`."""
        given = {} if options.keys() & {"stdin", "input"} else {"stdin": subprocess.DEVNULL}
        done = subprocess.run(
            [sys.executable, PROBE, mode, *arguments],
            **{"env": self.env, "cwd": self.home, "capture_output": True, "timeout": 60, **given, **options},
            check=False,
        )
        if b"not handed over" in (done.stderr or b""):
            time.sleep(0.5)
            pytest.fail(self.log)
        return done

    def begun(self, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
        """A handed-over probe that goes on; it has said that it is asleep."""
        process = subprocess.Popen(
            [sys.executable, PROBE, "handed", *arguments],
            **{"env": self.env, "cwd": self.home, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"asleep\n"
        return process


def wait_for(done: Callable[[], object], patience_s: float = 60) -> None:
    """Until it is so."""
    give_up = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def gone(pid: int) -> bool:
    """Whether the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    """One for the tests of a file that leave it running."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Probe(tmp_path_factory.mktemp("probe"), PYTHONPATH=ROOT) as service:
        yield service


@pytest.fixture
def own_probe(tmp_path: Path) -> Iterator[Probe]:
    """One for a test that does something to it."""
    with Probe(tmp_path, PYTHONPATH=ROOT) as service:
        yield service


def both(probe: Probe, *arguments: str | bytes, **options: Any) -> tuple[Any, Any]:
    """What the probe does here, and handed over."""
    here, handed = (probe.run(*arguments, mode=mode, **options) for mode in ("here", "handed"))
    return (here.returncode, here.stdout, said(here.stderr)), (handed.returncode, handed.stdout, said(handed.stderr))


def said(stderr: bytes) -> bytes:
    """Without the frames of a traceback, which are not the same files."""
    return b"\n".join(line for line in stderr.split(b"\n") if not line.startswith(b"  "))
