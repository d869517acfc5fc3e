"""A command in a fork does what it does in an interpreter of its own; the suite's commands rely on it."""

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
