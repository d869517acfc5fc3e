"""Programs that people use, pointed at the proxy by environment variables alone: `llm`, and the Claude Code CLI.

They are installed for the tests, into OPTAFLY_TEST_CLIENTS where that is set; without npm or a registry: skipped.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Reply
from tests.proxy.conftest import RunningProxy

pytestmark = pytest.mark.slow
CLAUDE_CODE = "@anthropic-ai/claude-code"
VERSIONS = ("2.1.197", "llm==0.36", "llm-anthropic==0.30")
_REAL = dict(os.environ)


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where clients are installed."""
    kept = _REAL.get("OPTAFLY_TEST_CLIENTS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("clients")
    folder.mkdir(exist_ok=True, parents=True)
    yield folder
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)


def installed(path: Path, *commands: list[str]) -> Path:
    """The program at that path, installed by the commands unless it is there."""
    for command in commands if not path.exists() else ():
        try:
            done = subprocess.run(command, env=_REAL, capture_output=True, text=True, timeout=600, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"{command[0]}: {error}")
        if done.returncode:
            pytest.skip(f"{' '.join(command)}: {done.stderr[-300:]}")
    if not path.exists():
        pytest.skip(f"{path} is not there after {commands}")
    return path


def run(program: Path, *arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A client in a home of its own."""
    home = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LLM_USER_PATH": str(cwd / "llm")}
    return subprocess.run(
        [str(program), *arguments], cwd=cwd, env=home | env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("options", [(), ("--no-stream",)], ids=["streamed", "whole"])
def test_llm_is_answered_from_the_store(
    clients: Path, proxy: RunningProxy, api: MessagesApi, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """`llm` with llm-anthropic: ANTHROPIC_BASE_URL and a key, nothing else."""
    venv = clients / "llm"
    llm = installed(
        venv / "bin" / "llm",
        [sys.executable, "-m", "venv", str(venv)],
        [str(venv / "bin" / "pip"), "install", "-q", *VERSIONS[1:]],
    )
    for _ in range(2):
        done = run(
            llm, "-m", "claude-sonnet-4.6", *options, "capital of France?", cwd=tmp_path,
            ANTHROPIC_BASE_URL=proxy.url, ANTHROPIC_API_KEY=api.key,
        )  # fmt: skip
        assert (done.returncode, done.stdout.strip()) == (0, "Paris."), done.stderr
    assert len(api.messages) == 1


@pytest.fixture
def claude(clients: Path) -> Path:
    """The Claude Code CLI: the program in the package of its platform, since install scripts do not run everywhere."""
    folder = clients / "claude"
    npm = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", f"{CLAUDE_CODE}@{VERSIONS[0]}"]
    if found := [*folder.glob("node_modules/@anthropic-ai/claude-code-*/claude")]:
        return found[0]
    installed(folder / "node_modules" / CLAUDE_CODE / "package.json", npm)
    found = [*folder.glob("node_modules/@anthropic-ai/claude-code-*/claude")]
    if not found:
        pytest.skip("Claude Code has no program for this platform")
    return found[0]


def ask_claude(claude: Path, proxy: RunningProxy, api: MessagesApi, cwd: Path, *more: str) -> str:
    """What `claude -p` prints."""
    done = run(
        claude, "-p", "What is the capital of France?", "--model", "claude-sonnet-4-6", *more, cwd=cwd,
        ANTHROPIC_BASE_URL=proxy.url, ANTHROPIC_API_KEY=api.key, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_claude_code_is_answered_from_the_store(
    claude: Path, proxy: RunningProxy, api: MessagesApi, tmp_path: Path
) -> None:
    """Its second run of the same prompt in the same folder makes no request: only the session's id is another."""
    assert ask_claude(claude, proxy, api, tmp_path) == "Paris."
    asked = len(api.messages)
    assert ask_claude(claude, proxy, api, tmp_path) == "Paris."
    assert len(api.messages) == asked
    assert api.messages[0].body["tools"]


def test_claude_code_uses_its_tools_through_it(
    claude: Path, proxy: RunningProxy, api: MessagesApi, tmp_path: Path
) -> None:
    """The model asks to read a file, the CLI reads it, and the answer is about what it read."""
    (tmp_path / "capital.txt").write_text("The capital is Paris.\n")
    use = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_path": str(tmp_path / "capital.txt")}}
    api.script(Reply("I read it.", stop_reason="tool_use", extra_blocks=(use,)))
    assert ask_claude(claude, proxy, api, tmp_path, "--allowedTools", "Read") == "Paris."
    assert "The capital is Paris." in str(api.messages[-1].body["messages"][-1])
