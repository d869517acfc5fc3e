"""optafly lint as a hook: of the real pre-commit in a real repository, of git, and of Claude Code."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from optafly_cli.refine.prompt_files import file_kind
from tests.cli.conftest import Cli

ROOT = Path(__file__).parents[2]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
NAMES = ("optafly-lint", "optafly-lint-code", "optafly-commit-msg")
KEY = "AKIAQ3EGUZ4X7NJW2B5T"

PATHS = (
    "a.prompt", "a.prompt.md", "x/a.prompt.txt", "prompts/a.md", "x/prompts/y/a.j2", "prompts/.hidden.md", "CLAUDE.md",
    "x/claude.local.md", "AGENTS.md", ".github/copilot-instructions.md", "x/copilot-instructions.md", "prompts/a.json",
    "README.md", "my-claude.md", "src/a.py", "src/a.tsx", "a.go", "a.c", "prompts/a.py", "prompt", "myprompts/a.md",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_the_hooks_take_the_files_that_lint_takes(path: str) -> None:
    """What pre-commit passes on and what `optafly lint .` finds are the same files."""
    kinds = {
        name: re.search(hook["files"], path) is not None
        for name, hook in zip(NAMES, HOOKS, strict=True)
        if "files" in hook
    }
    assert kinds == {
        "optafly-lint": file_kind(path) in ("prompt", "instructions"),
        "optafly-lint-code": file_kind(path) == "code",
    }


@pytest.fixture
def committer(repo: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in the repository, with our own optafly and pre-commit first on PATH and an empty home."""
    home = tmp_path / "pre-commit-home"
    home.mkdir()
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, arguments in (("optafly", "-m optafly_cli"), ("pre-commit", "-m pre_commit")):
        script = bin_folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        script.chmod(0o755)
    env = {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PRE_COMMIT_HOME": str(home / "pre-commit"),
        "OPTAFLY_HOME": str(home / "optafly"),
        "OPTAFLY_SERVICE_AUTO_START": "false",
        "PYTHONPATH": str(ROOT),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.c", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.c",
    }  # fmt: skip

    def run(*command: str, cwd: Path = repo) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=cwd, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )

    return run


@pytest.mark.slow
def test_pre_commit_runs_the_hooks_of_this_repository(
    repo: Path, tmp_path: Path, committer: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Installed as people do it: a bad prompt, or a secret in a message, stops the commit; a good one goes through."""
    ours = tmp_path / "ours"
    ours.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", ours)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "Hooks"], ["tag", "v1"]):
        assert committer("git", *command, cwd=ours).returncode == 0
    hooks = [{"id": name, "language": "system"} for name in NAMES]
    config = {
        "default_install_hook_types": ["pre-commit", "commit-msg"],
        "repos": [{"repo": str(ours), "rev": "v1", "hooks": hooks}],
    }
    (repo / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    done = committer("pre-commit", "install")
    assert done.returncode == 0, done.stdout + done.stderr

    (repo / "prompts").mkdir()
    (repo / "prompts" / "fix.md").write_text(
        "Explain what parse_port() in src/nowhere.rs returns for an empty string.\n"
    )
    (repo / "bot.py").write_text('PROMPT = """\nExplain src/gone.rs\n"""\n')
    committer("git", "add", ".")
    bad = committer("git", "commit", "-m", "Add a prompt that explains parse_port")
    assert bad.returncode == 1
    assert "prompts/fix.md:1:30: error OPF010" in bad.stderr
    assert "bot.py:2:9: error OPF010" in bad.stderr

    (repo / "prompts" / "fix.md").write_text("Explain what parse_port() in src/main.rs returns for an empty string.\n")
    (repo / "bot.py").write_text('PROMPT = """\nExplain src/main.rs\n"""\n')
    committer("git", "add", ".")
    leak = committer("git", "commit", "-m", f"Use the key {KEY} for the upload")
    assert leak.returncode == 1
    assert "error OPF015" in leak.stderr
    assert KEY not in leak.stderr

    good = committer("git", "commit", "-m", "Add a prompt that explains parse_port")
    assert good.returncode == 0, good.stderr
    assert "optafly lint (commit message)" in good.stderr
    assert committer("git", "log", "-1", "--format=%s").stdout == "Add a prompt that explains parse_port\n"


def test_a_commit_message_is_held_to_the_rules_that_make_sense_for_it(cli: Cli, repo: Path) -> None:
    """A secret is an error, a word or two a warning; what was deleted may be named; comments are not looked at."""
    message = repo / ".git" / "COMMIT_EDITMSG"
    message.write_text(f"Remove src/gone.rs and `parse_prot`, which nobody used\n\n# {KEY}\n")
    assert cli("lint", "--commit-msg", ".git/COMMIT_EDITMSG").out == ""
    message.write_text("fix\n\n# Please enter the commit message\n")
    assert "warning OPF001" in cli("lint", "--commit-msg", ".git/COMMIT_EDITMSG").out
    message.write_text(f"Rotate the key\n\nIt was {KEY}.\n")
    done = cli("lint", "--commit-msg", ".git/COMMIT_EDITMSG", code=1)
    assert ":3:8: error OPF015" in done.out
    assert KEY not in done.out
    subprocess.run(["git", "config", "core.commentChar", ";"], cwd=repo, check=True)
    message.write_text(f"# Rotate the keys of the upload\n; {KEY}\n")
    assert cli("lint", "--commit-msg", ".git/COMMIT_EDITMSG").out == ""
    message.write_text("Merge branch 'fix'\n")
    assert cli("lint", "--commit-msg", ".git/COMMIT_EDITMSG", "--json").json["results"][0]["score"] is None


def event(prompt: str, **more: Any) -> str:
    return json.dumps({"session_id": "s", "hook_event_name": "UserPromptSubmit", "prompt": prompt, **more})


def test_claude_code_is_told_what_is_wrong_and_nothing_else(cli: Cli, repo: Path) -> None:
    """One line of JSON on stdout when there is a fact, no byte when there is none."""
    done = cli("lint", "--claude-hook", stdin=event("fix the overflow in src/mian.rs"))
    assert done.json["hookSpecificOutput"] == {
        "hookEventName": "UserPromptSubmit",
        "additionalContext": "optafly: src/mian.rs is not in the workspace; did you mean src/main.rs?",
    }
    assert (done.err, done.out.count("\n")) == ("", 1)
    assert cli("lint", "--claude-hook", stdin=event("fix this bug, maybe")).out == ""


@pytest.mark.parametrize("stdin", ["", "{", "[1]", "\x00", '{"prompt": null}', event("x", cwd=7), event("x\udcff")])
def test_the_claude_hook_always_exits_with_0(cli: Cli, stdin: str) -> None:
    """Exit 2 would stop the user's prompt, any other would disturb."""
    done = cli("lint", "--claude-hook", stdin=stdin.encode("utf-8", "surrogatepass"))
    assert done.out == ""


def test_the_claude_hook_exits_with_0_when_everything_else_is_wrong(cli: Cli, repo: Path) -> None:
    """A broken configuration, an option that does not exist."""
    assert cli("lint", "--claude-hook", "--bogus", stdin=event("fix src/mian.rs")).out == ""
    (repo / ".optafly.toml").write_text("[lint]\nignore = 3\n")
    assert cli("lint", "--claude-hook", stdin=event("fix src/mian.rs")).out == ""
