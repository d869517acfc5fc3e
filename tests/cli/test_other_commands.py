"""optafly route, config and doctor, as typed."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from optafly_cli.models import catalogue
from tests.cli.conftest import Cli, git
from tests.cli.terminal import on_a_terminal, plain_lines
from tests.fakes.messages_api import MessagesApi


def test_route_shows_what_ask_sends(cli: Cli, api: MessagesApi) -> None:
    """--request prints the exact body: ask sends it, but for `stream`."""
    arguments = ("fix this bug", "--file", "src/main.rs", "--system", "Be brief.")
    body = json.loads(cli("route", *arguments, "--request").out)
    assert api.requests == []
    cli("ask", *arguments)
    sent = dict(api.messages[0].body)
    assert sent.pop("stream") is True
    assert sent == body


def test_route_json_has_the_fields_of_the_design(cli: Cli) -> None:
    """Every field, of anchors and costs too."""
    document = cli("route", "fix this bug", "--file", "src/main.rs", "--json").json
    assert set(document) == {
        "schema", "model", "use_cache", "reason", "anchors", "tokens", "optimisation", "cost", "request", "timing_ms",
    }  # fmt: skip
    assert set(document["tokens"]) == {
        "input", "cacheable", "volatile", "removed", "method", "margin", "in_cache",
    }  # fmt: skip
    assert set(document["cost"]) == {
        "currency", "uncached", "this_request", "next_request", "break_even_requests", "naive",
    }  # fmt: skip
    assert document["cost"]["naive"] == pytest.approx(document["tokens"]["input"] * 2.5e-6)
    assert set(document["anchors"][0]) >= {
        "index", "kind", "block", "tokens", "cumulative_tokens", "ttl", "priority", "cacheable", "why_not",
        "expected_reads",
    }  # fmt: skip


def test_a_blocks_name_is_not_folded_in_a_narrow_table(cli: Cli, repo: Path) -> None:
    """A path and its lines stand on one line of the table at 80 columns."""
    (repo / "src/commands").mkdir()
    (repo / "src/commands/steps.rs").write_text("fn step() {\n    todo!()\n}\n" * 200)
    arguments = ("route", "fix this bug", "--file", "src/commands/steps.rs:302")
    said = cli(*arguments, env={"COLUMNS": "80"}).out
    assert re.search(r"^ ?src/commands/steps\.rs:\d+-\d+ ", said, re.MULTILINE)
    # And what is beside it is folded, not cut off
    head, _, *rows = [line for line in said.partition("\nclaude-sonnet-5-5: ")[0].split("\n") if line.strip()]
    beside = "".join(row[head.index("why") :] for row in rows)
    whys = [anchor["why_not"] for anchor in cli(*arguments, "--json").json["anchors"]]
    assert beside.replace(" ", "") == "".join(whys).replace(" ", "")


def test_a_long_system_prompt_is_anchored_and_read_again(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """The second question with the same system prompt reads it from the prompt cache."""
    (repo / "rules.md").write_text(
        "".join(f"Rule {number}: keep functions small and clear.\n" for number in range(200))
    )
    arguments = ("--system", "rules.md", "--file", "src/main.rs", "--json")
    first = cli("ask", "explain this code", *arguments).json["usage"]
    second = cli("ask", "which tests are missing here", *arguments).json["usage"]
    assert first["cache_creation_input_tokens"] > 500
    assert second["cache_read_input_tokens"] == first["cache_creation_input_tokens"]
    planned = cli("route", "what is wrong here", *arguments).json
    assert planned["tokens"]["in_cache"] > 500
    assert planned["cost"]["this_request"] == planned["cost"]["next_request"] < planned["cost"]["uncached"]
    assert {anchor["ttl"] for anchor in planned["anchors"] if anchor["cacheable"]} == {"5m"}


def test_ask_says_what_the_prompt_cache_saved_and_what_was_expected(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """Written dearer at first, read cheaper then, at the prices of the TTL; beside it the estimate."""
    (repo / "rules.md").write_text("".join(f"Rule {number}: keep functions small.\n" for number in range(200)))
    arguments = ("--system", "rules.md", "--file", "src/main.rs", "--ttl", "1h")
    first = cli("ask", "explain this code", *arguments, "--json").json
    wrote = first["prompt_cache"]
    prices = catalogue().get(first["model"]).prices[0]
    assert wrote["written_tokens"] == first["usage"]["cache_creation_input_tokens"] > 500
    assert wrote["saved"] == pytest.approx(wrote["written_tokens"] * (prices.input - prices.write_1h) / 1e6)
    assert wrote["expected_input_tokens"] > wrote["expected_cacheable_tokens"] > 500
    second = cli("ask", "which tests are missing here", *arguments, "-v")
    assert re.search(r"from the prompt cache \(saved \$0\.\d+\)", second.err)
    assert re.search(r"[\d,]+ tokens in \([\d,]+ expected\)", second.err)


def test_exact_counts_at_the_endpoint(cli: Cli, api: MessagesApi) -> None:
    """--exact asks count_tokens and nothing else."""
    document = cli("route", "fix this bug", "--file", "src/main.rs", "--exact", "--json").json
    assert [request.path for request in api.requests] == ["/v1/messages/count_tokens"]
    assert document["tokens"]["margin"] == 0


def test_the_printed_command_sends_the_same_request(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """--curl holds no key, and a shell that has one sends what ask sends; 200 kB are no obstacle."""
    (repo / "long.md").write_text('It\'s "quoted" $HOME `date` \\n é\nBODY\n' + "Rule: be brief.\n" * 13_000)
    arguments = ("fix this bug", "--file", "src/main.rs", "--system", "long.md")
    command = cli("route", *arguments, "--curl").out
    assert api.key not in command
    environment = {"PATH": os.environ["PATH"], "ANTHROPIC_API_KEY": api.key}
    done = subprocess.run(["sh"], input=command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["content"][-1]["text"] == "Use `?` instead of unwrap."
    cli("ask", *arguments)
    by_curl, by_ask = api.messages
    assert by_curl.body | {"stream": True} == by_ask.body
    assert by_curl.headers["anthropic-version"] == by_ask.headers["anthropic-version"]


def test_the_printed_command_uses_the_credential_that_ask_would(cli: Cli, api: MessagesApi) -> None:
    """A token goes into its own header; other headers are named, their values are not shown."""
    env = {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": api.key, "ANTHROPIC_CUSTOM_HEADERS": "x-team: hunter2"}
    done = cli("route", "explain this code", "--file", "src/lib.rs", "--curl", env=env)
    assert "Bearer $ANTHROPIC_AUTH_TOKEN" in done.out
    assert "x-team" in done.err
    assert "hunter2" not in done.out + done.err
    cli("route", "explain this code", "--curl", "--json", code=2)


def test_the_route_table_fits_eighty_columns(cli: Cli) -> None:
    """Nothing is wider than the terminal, and nothing is cut."""
    lines = plain_lines(on_a_terminal(cli, "route", "fix this bug", "--file", "src/main.rs")[1])
    assert max(len(line) for line in lines) <= 80
    assert not any("…" in line for line in lines)


def test_config_set_get_and_list_agree(cli: Cli, repo: Path) -> None:
    """What is set is what is got, and list says where it comes from."""
    cli("config", "set", "cache.ttl_days", "7")
    assert cli("config", "get", "cache.ttl_days").out.strip() in ("7", "7.0")
    (repo / ".optafly.toml").write_text("[refine]\nthreshold = 0.5\n")
    listed = {row["key"]: row for row in cli("config", "list", "--json").json["settings"]}
    assert listed["cache.ttl_days"]["origin"].startswith("user")
    assert listed["refine.threshold"]["origin"].startswith("project")
    assert listed["refine.threshold"]["value"] == 0.5
    cli("config", "set", "cache.ttl_days", "soon", code=4)
    assert Path(cli("config", "path").out.strip()).stat().st_mode & 0o077 == 0


def test_a_secret_setting_is_not_shown(cli: Cli) -> None:
    """The password in a DSN is in no output of config."""
    cli("config", "set", "cache.dsn", "postgresql://me:hunter2@localhost/optafly")
    assert "hunter2" not in cli("config", "list").out + cli("config", "get", "cache.dsn").out


def test_config_edit_checks_what_the_editor_leaves(cli: Cli, repo: Path) -> None:
    """A mistake made in the editor is reported with its line."""
    editor = repo.parent / "editor.sh"
    editor.write_text('#!/bin/sh\nprintf "[cache]\\nttl = 3\\n" > "$1"\n')
    editor.chmod(0o755)
    done = cli("config", "edit", env={"EDITOR": str(editor)}, code=4)
    assert "config.toml:2" in done.err


def test_doctor_says_what_is_there_and_no_key(cli: Cli, api: MessagesApi) -> None:
    """All is found; with something missing it says so; the key is in no line."""
    checks = {check["name"]: check for check in cli("doctor", "--json").json["checks"]}
    assert {"versions", "config", "workspace", "git", "store", "model", "credentials"} <= set(checks)
    assert {check["level"] for check in checks.values()} == {"ok"}
    assert api.key not in json.dumps(checks)
    missing = cli("doctor", env={"ANTHROPIC_API_KEY": "", "PATH": "/nonexistent"})
    assert "ANTHROPIC_API_KEY" in missing.out
    assert "git is not found" in missing.out


def test_doctor_exits_with_the_code_of_what_is_broken(cli: Cli, repo: Path) -> None:
    """A broken configuration is 4; the rest is looked at all the same."""
    home = cli.home / "optafly"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text("[cache]\nttl = 3\n")
    done = cli("doctor", code=4)
    assert "unknown key" in done.out
    assert "git is found" in done.out


@pytest.mark.parametrize(
    ("shell", "begins"), [("bash", "_optafly_completion()"), ("zsh", "#compdef optafly"), ("fish", "complete ")]
)
def test_completion_is_there_for_the_common_shells(cli: Cli, shell: str, begins: str) -> None:
    """--show-completion prints a script that asks optafly; no shell has to run this for it, as none may in CI."""
    script = cli("--show-completion", shell, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}).out
    assert script.startswith(begins)
    assert "_OPTAFLY_COMPLETE=" in script


def test_completion_is_for_the_shell_that_runs_it(cli: Cli) -> None:
    """Without being told which."""
    command = f"{shlex.quote(sys.executable)} -m optafly_cli --show-completion; true"
    done = subprocess.run(["bash", "-c", command], cwd=cli.cwd, env=cli.env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("_optafly_completion()")


def test_completion_completes_commands_and_options(cli: Cli) -> None:
    """What the script asks for is answered."""
    env = {"_OPTAFLY_COMPLETE": "complete_bash", "COMP_WORDS": "optafly re", "COMP_CWORD": "1"}
    assert cli(env=env).out.split() == ["refine"]
    env = {"_OPTAFLY_COMPLETE": "complete_bash", "COMP_WORDS": "optafly ask --no-c", "COMP_CWORD": "2"}
    assert cli("ask", env=env).out.split() == ["--no-context", "--no-cache"]


def test_a_subfolder_is_the_same_workspace(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """Asked from src/ about main.rs: the answer that was stored from the root is served."""
    cli("ask", "fix this bug", "--file", "src/main.rs")
    found = cli("ask", "fix this bug", "--file", "main.rs", "--json", cwd=repo / "src").json
    assert found["cache"]["tier"] == "exact"


def test_another_clone_is_another_workspace(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """The same file in a clone elsewhere is another question."""
    cli("ask", "fix this bug", "--file", "src/main.rs")
    git(repo.parent, "clone", "-q", str(repo), "clone")
    again = ("ask", "fix this bug", "--file", "src/main.rs", "--cache-only")
    cli(*again)
    cli(*again, cwd=repo.parent / "clone", code=1)


@pytest.mark.parametrize("group", [(), ("cache",), ("config",)], ids=" ".join)
def test_every_summary_fits_on_its_line(cli: Cli, group: tuple[str, ...]) -> None:
    """In the list of commands none is cut off, and none runs on to a second line."""
    help_text = cli(*group, "--help").out
    assert max(len(line) for line in help_text.splitlines()) <= 80
    commands = help_text.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(commands) > 5
    assert all(line[2] != " " and line.endswith(".") and not line.endswith("...") for line in commands)
