"""The examples are real: their bugs happen, their recorded output is what comes out, their commands run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.messages_api import MessagesApi

RUST = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", ""), "RUST_BACKTRACE": "0"}
"""rustup finds its toolchain in the real home, which no other test may see."""
EXAMPLES = Path(__file__).parents[2] / "examples"


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=300)


def test_line_12_is_the_unwrap_that_panics() -> None:
    """The README's first command points at the line that panic.txt blames."""
    line = (EXAMPLES / "unwrap" / "src" / "main.rs").read_text().split("\n")[11]
    assert line.endswith(".parse().unwrap()")
    assert "panicked at src/main.rs:12:" in (EXAMPLES / "unwrap" / "panic.txt").read_text()


def has_rust() -> bool:
    """rustup's rustc is there without a toolchain too."""
    return bool(shutil.which("rustc")) and run("rustc", "--version", cwd=EXAMPLES, env=RUST).returncode == 0


@pytest.mark.skipif(not has_rust(), reason="rustc is not installed")
def test_the_rust_example_compiles_and_panics_as_recorded(tmp_path: Path) -> None:
    """It prints an address for a number and panics for a word, with the message in panic.txt."""
    program = tmp_path / "unwrap"
    built = run("rustc", "--edition", "2021", "-o", program, "src/main.rs", cwd=EXAMPLES / "unwrap", env=RUST)
    assert (built.returncode, built.stderr) == (0, "")
    assert run(program, "3000", cwd=tmp_path).stdout == "listening on 127.0.0.1:3000\n"
    failed = run(program, "http", cwd=tmp_path, env=RUST)
    assert failed.returncode == 101
    recorded = (EXAMPLES / "unwrap" / "panic.txt").read_text()
    assert re.findall(r"src/main.rs:\d+:\d+|called .*", failed.stderr) == re.findall(
        r"src/main.rs:\d+:\d+|called .*", recorded
    )


def test_the_python_example_fails_as_recorded() -> None:
    """The traceback in traceback.txt is the one that the program makes."""
    folder = EXAMPLES / "traceback"
    failed = run(sys.executable, "report.py", "outages.csv", cwd=folder)
    assert failed.returncode == 1
    pattern = r'File "(?:.*/)?(report\.py)", line (\d+), in (\S+)|^(\w+Error: .*)$'
    recorded = re.findall(pattern, (folder / "traceback.txt").read_text(), re.MULTILINE)
    assert re.findall(pattern, failed.stderr, re.MULTILINE) == recorded
    assert recorded[-1][3] == "KeyError: 'search'"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git repository that holds the examples, with one change that is not committed."""
    root = tmp_path / "checkout"
    shutil.copytree(EXAMPLES, root / "examples", ignore=shutil.ignore_patterns("target"))
    for command in (("init", "-q"), ("add", "."), ("commit", "-qm", "Begin")):
        assert run("git", *command, cwd=root).returncode == 0
    with (root / "examples" / "traceback" / "report.py").open("a") as file:
        file.write("# to do\n")
    return root


def environment(home: Path, **more: str) -> dict[str, str]:
    """`optafly` of this interpreter on PATH, and an empty home."""
    folder = home / "bin"
    folder.mkdir(parents=True)
    script = folder / "optafly"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m optafly_cli "$@"\n')
    script.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    root = str(EXAMPLES.parent)
    own = {"HOME": str(home), "OPTAFLY_HOME": str(home / "o"), "OPTAFLY_SERVICE_AUTO_START": "false"}
    return {"PATH": path, "PYTHONPATH": root, **own, **more}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_the_pipeline_runs_from_end_to_end(checkout: Path, tmp_path: Path) -> None:
    """Under `set -euo pipefail` every pipe works; run again, the last answer comes from the store."""
    with MessagesApi(reply="Return a Result.") as api:
        env = environment(tmp_path / "home", ANTHROPIC_BASE_URL=api.url, ANTHROPIC_API_KEY=api.key)
        first = run("bash", "examples/pipeline.sh", cwd=checkout, env=env)
        assert first.returncode == 0, first.stderr
        asked = len(api.messages)
        second = run("bash", "examples/pipeline.sh", cwd=checkout, env=env)
        assert second.returncode == 0, second.stderr
    assert asked == 3
    assert len(api.messages) == asked
    assert "score " in first.stdout
    assert "cache: miss (none)" in first.stdout
    assert first.stdout.count("Return a Result.") == 3
    assert "cache: hit (exact)" in second.stdout
    status = run("git", "status", "--porcelain", cwd=checkout).stdout
    assert status == " M examples/traceback/report.py\n"


def test_the_hook_passes_the_good_prompt_and_stops_the_vague_one(checkout: Path, tmp_path: Path) -> None:
    """The hook's own entry, run as pre-commit runs it: with the names of the files that match."""
    folder = checkout / "examples" / "pre-commit"
    text = (folder / ".pre-commit-config.yaml").read_text()
    entry = re.search(r"entry: (.*)", text)
    files = re.search(r"files: (.*)", text)
    assert entry
    assert files
    prompts = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if re.search(files[1], path.name))
    assert prompts == ["prompts/release-notes.prompt.md", "prompts/vague.prompt.md"]
    env = environment(tmp_path / "home")
    good, vague = (run("sh", "-c", f'{entry[1]} "$@"', "hook", name, cwd=folder, env=env) for name in prompts)
    assert good.returncode == 0, good.stdout + good.stderr
    assert vague.returncode == 1, vague.stdout + vague.stderr
    assert "prompts/vague.prompt.md" in vague.stdout
