"""A real service in a home of its own."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.nursery import nursery

OPTAFLY = [sys.executable, "-m", "optafly_cli"]


def environment_of(home: Path) -> dict[str, str]:
    """The least that a command needs, with an empty home; no service is started for it."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OPTAFLY_HOME": str(home / "optafly"),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "OPTAFLY_SERVICE_AUTO_START": "false",
    }


class Service:
    """Runs from entering to leaving the context. `env` is what a command needs to be run by it."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home = home
        self.env = {**environment_of(home), **more}

    def __enter__(self) -> Self:
        self("service", "start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self("service", "stop")

    def __call__(self, *arguments: str, code: int | None = 0, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run optafly with this service."""
        given = {"stdin": subprocess.DEVNULL} if "input" not in options else {}
        done = subprocess.run(
            [*OPTAFLY, *arguments],
            **{
                "env": self.env,
                "cwd": self.home,
                "capture_output": True,
                "text": True,
                "timeout": 60,
                **given,
                **options,
            },
            check=False,
        )
        assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr, self.log)
        return done

    def forked(self, *arguments: str) -> None:
        """Run optafly while there is no service yet, in a fork: a fifth of the time."""
        done = nursery().run(arguments, stdin=None, cwd=self.home, env=self.env)
        assert done is not None
        assert done.returncode == 0, done

    def status(self, code: int | None = 0) -> Any:
        """What `service status --json` says."""
        return json.loads(self("service", "status", "--json", code=code).stdout)

    @property
    def pid(self) -> int:
        """The service's process."""
        pid: int = self.status()["pid"]
        return pid

    @property
    def run_folder(self) -> Path:
        """Where socket and lock are."""
        return self.home / "optafly" / "run"

    @property
    def log(self) -> str:
        """What it said about itself."""
        file = self.home / "optafly" / "logs" / "service.log"
        return file.read_text() if file.exists() else ""

    def can_be_found_from(self, other: Path) -> None:
        """Make commands with another OPTAFLY_HOME use this service: the very socket, under another name."""
        with suppress(OSError):
            run = other / "run"
            for folder in (other, run):
                if not folder.exists():
                    folder.mkdir(mode=0o700)
            os.link(self.run_folder / "service.sock", run / "service.sock")


def services(under: Path) -> dict[int, str]:
    """The services that run with a home below a folder, and that home."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"service\0run\0--detached" in (place / "cmdline").read_bytes():
                variables = dict(one.partition(b"=")[::2] for one in (place / "environ").read_bytes().split(b"\0"))
                home = os.fsdecode(variables.get(b"OPTAFLY_HOME", b""))
                if home.startswith(str(under)):
                    found[int(place.name)] = home
    return found
