"""The command line as a person runs it: a subprocess, an empty HOME, a real git repository, a real endpoint."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.nursery import nursery
from tests.service.running import Service, environment_of

THROUGH_A_SERVICE = bool(os.environ.get("OPTAFLY_TEST_SERVICE"))

MAIN_RS = """\
//! Prints the port a server would listen on.

use std::env;

/// The port named by the first argument.
fn parse_port(arguments: &[String]) -> u16 {
    let text = arguments.get(1).cloned().unwrap_or_default();
    text.parse::<u16>().unwrap()
}

/// Greets whoever is there.
fn greet(name: &str) -> String {
    format!("hello {name}")
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    println!("{} on port {}", greet("world"), parse_port(&arguments));
}
"""


POWERLESS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", "--")


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as the one JSON document that it must be."""
        return json.loads(self.out)


class Cli:
    """Runs `optafly` in `cwd` with an empty home; `env` adds to a minimal environment."""

    service: Service | None = None

    def __init__(self, cwd: Path, home: Path, env: Mapping[str, str]) -> None:
        self.cwd = cwd
        self.home = home
        self.env = {**environment_of(home), **env}

    def make_warm(self, environment: Mapping[str, str]) -> None:
        """Let the service of the whole run, if there is one, be found from this environment too."""
        if self.service is not None:
            self.service.can_be_found_from(Path(environment["OPTAFLY_HOME"]))

    @property
    def store(self) -> Path:
        """Where the store is."""
        return self.home / "optafly" / "store"

    def __call__(
        self,
        *arguments: str | bytes,
        stdin: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        code: int | None = 0,
        file_limit: int | None = None,
        umask: int = -1,
        powerless: bool = False,
    ) -> Result:
        """Run it; `code` is the exit code that must come back (None: any).

        `file_limit`: no file gets larger. `powerless`: permissions hold for root, too. It is a fork of the nursery
        where that is as good; when the suite is run through a service, each command has an interpreter of its own.
        """
        data = stdin.encode() if isinstance(stdin, str) else stdin
        environment = {**self.env, **(env or {})}
        self.make_warm(environment)
        folder = cwd or self.cwd
        done = None
        if not (THROUGH_A_SERVICE or powerless or file_limit or umask != -1):
            done = nursery().run(arguments, stdin=data, cwd=folder, env=environment)
        if done is None:
            user = POWERLESS if powerless and os.geteuid() == 0 else ()
            done = subprocess.run(
                [*user, sys.executable, "-m", "optafly_cli", *arguments],
                input=data,
                stdin=subprocess.DEVNULL if data is None else None,
                capture_output=True,
                cwd=folder,
                # A short write leaves CPython with a cut .pyc, in the checkout and for everyone
                env={**({} if file_limit is None else {"PYTHONDONTWRITEBYTECODE": "1"}), **environment},
                check=False,
                timeout=120,
                umask=umask,
                preexec_fn=None if file_limit is None else lambda: _limit_files(file_limit),
            )
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in result.err, result.err
        if code is not None:
            assert result.code == code, f"exit {result.code}\n--- stdout\n{result.out}\n--- stderr\n{result.err}"
        return result


def _limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def lookup(cli: Cli, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Any:
    """The `cache` part of what ask says without sending anything."""
    return cli(*arguments, "--cache-only", "--json", stdin=stdin, env=env, code=None).json["cache"]


def git(cwd: Path, *arguments: str) -> str:
    """Run real git in `cwd`."""
    done = subprocess.run(
        ["git", "-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "init.defaultBranch=main", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A git repository with a small Rust project in it, committed."""
    return make_repo(tmp_path / "unwrap")


def make_repo(root: Path) -> Path:
    """Make one in that folder."""
    (root / "src").mkdir(parents=True)
    (root / "Cargo.toml").write_text('[package]\nname = "unwrap"\nversion = "0.1.0"\nedition = "2021"\n')
    (root / "src" / "main.rs").write_text(MAIN_RS)
    (root / "src" / "lib.rs").write_text("pub fn double(n: u32) -> u32 {\n    n * 3\n}\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "Begin")
    return root


@pytest.fixture
def api() -> Iterator[MessagesApi]:
    """A Messages API on loopback that enforces the real one's rules."""
    with MessagesApi(reply="Use `?` instead of unwrap.") as server:
        yield server


@pytest.fixture(scope="session")
def warm_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service | None]:
    """One service for all tests, when OPTAFLY_TEST_SERVICE is set: the suite is run both ways."""
    if not THROUGH_A_SERVICE:
        yield None
        return
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service
        facts = service.status()
        assert facts["commands"] > 0, "the commands were to be run by the service"
        # Tests give some commands fewer powers than the service has, which it must leave to their launcher
        left = facts["left_to_launcher"] - service.log.count("UnlikeError: CapPrm differs")
        assert left <= facts["commands"] / 20, service.log


@pytest.fixture
def cli(repo: Path, tmp_path: Path, api: MessagesApi, warm_service: Service | None) -> Cli:
    """The command line in the repository, with a key for the endpoint."""
    home = tmp_path / "home"
    home.mkdir()
    cli = Cli(repo, home, {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": api.key})
    cli.service = warm_service
    cli.make_warm(cli.env)
    return cli


LONG = "explain in every detail what this function does with all of its arguments, 端口 and all of its results"


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A store with two entries, made once; the first was served again."""
    folder = tmp_path_factory.mktemp("filled")
    (folder / "home").mkdir()
    with MessagesApi(reply="Use `?` instead of unwrap.") as api:
        env = {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": api.key}
        cli = Cli(make_repo(folder / "unwrap"), folder / "home", env)
        cli("ask", "fix this bug", "--file", "src/main.rs:8")
        cli("ask", LONG, "--file", "src/lib.rs", "--file", "src/main.rs")
        cli("ask", "fix this bug", "--file", "src/main.rs:8")
    return cli


@pytest.fixture
def two(filled: Cli, tmp_path: Path) -> Cli:
    """The same repository, and a copy of that store."""
    shutil.copytree(filled.home, tmp_path / "home")
    return Cli(filled.cwd, tmp_path / "home", {})


@pytest.fixture
def edit(repo: Path) -> Callable[..., None]:
    """Replace text in a file of the repository; the text must be there."""

    def replace(name: str, old: str, new: str) -> None:
        path = repo / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return replace


@pytest.fixture
def team(database: str) -> dict[str, str]:
    """The environment of everyone in the team."""
    return {
        "OPTAFLY_CACHE_BACKEND": "postgres",
        "OPTAFLY_CACHE_DSN": database,
        "OPTAFLY_CACHE_NAMESPACE": "team",
        "OPTAFLY_CACHE_REMOTE_TIMEOUT_MS": "5000",
    }
