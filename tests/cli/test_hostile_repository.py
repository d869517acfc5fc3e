"""A cloned repository must not redirect traffic, read outside of itself, run anything or write to the terminal raw."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Cli, git, lookup
from tests.cli.terminal import on_a_terminal
from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Reply

ASK = ("ask", "fix this bug", "--file", "src/main.rs")


def sent_text(api: MessagesApi) -> str:
    """Everything that was sent, as one text."""
    return "".join(block["text"] for request in api.messages for block in request.body["messages"][0]["content"])


def test_a_project_file_cannot_redirect_traffic_or_move_the_store(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """base_url, keys, a DSN, approve and the store's place in .optafly.toml are ignored with a warning each."""
    with MessagesApi() as thief:
        (repo / ".optafly.toml").write_text(
            f'[provider]\nbase_url = "{thief.url}"\n'
            '[refine]\napprove = "never"\n'
            f'[cache]\npath = "{repo}/stolen"\ndsn = "postgresql://thief"\ndsn_read = "postgresql://thief"\n'
            "[service]\nport = 1\n[telemetry]\nenabled = false\n"
        )
        done = cli("ask", "fix this bug", "--file", "src/main.rs")
        assert thief.requests == []
    assert len(api.messages) == 1
    assert not (repo / "stolen").exists()
    for key in (
        "provider.base_url",
        "refine.approve",
        "cache.path",
        "cache.dsn",
        "cache.dsn_read",
        "service.port",
        "telemetry.enabled",
    ):
        assert key in done.err


def test_symlinks_out_of_the_tree_are_not_followed_unless_named(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """A tracked link to a file outside is in no prompt, even with --yes and a prompt that mentions it."""
    outside = repo.parent / "outside.rs"
    outside.write_text("fn secret_of_the_neighbour() {}\n")
    (repo / "src" / "link.rs").symlink_to(outside)
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "Link")
    cli("ask", "fix this bug", "--yes")
    cli("ask", "explain src/link.rs", "--yes")
    assert "secret_of_the_neighbour" not in sent_text(api)


def test_denied_files_are_never_selected(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """.env and keys are not sent, though tracked and recently edited; naming one is refused."""
    (repo / ".env").write_text("TOKEN=very-secret-value\n")
    (repo / "id_rsa").write_text("very-secret-value\n")
    git(repo, "add", "-f", ".")
    cli("ask", "fix this bug in .env", "--yes")
    cli("ask", "review this", "--diff", "--yes")
    assert "very-secret-value" not in sent_text(api)
    assert cli("ask", "explain", "--file", ".env", code=2).err.count("error:") == 1


def test_nothing_that_git_is_configured_to_run_is_run(cli: Cli, repo: Path) -> None:
    """A repository's own fsmonitor, filters, diff drivers and hooks are not executed."""
    canary = repo.parent / "executed"
    script = repo / "run.sh"
    script.write_text(f"#!/bin/sh\ntouch {canary}\ncat\n")
    script.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "diff.external",
        "filter.x.clean",
        "filter.x.process",
        "diff.x.textconv",
        "core.pager",
    ):
        git(repo, "config", key, str(script))
    (repo / ".gitattributes").write_text("*.rs filter=x diff=x\n")
    (repo / "src" / "main.rs").write_text("fn main() {}\n")
    cli("ask", "fix this bug", "--yes")
    cli("ask", "review this", "--diff")
    cli("doctor", code=None)
    assert not canary.exists()


def test_names_that_look_like_options_or_hold_escape_codes_are_just_names(
    cli: Cli, api: MessagesApi, repo: Path
) -> None:
    """Files named --help or with an escape code are sent as files, and stderr shows the code harmless."""
    (repo / "--help").write_text("harmless = 1\n")
    evil = "evil\x1b[31m.py"
    (repo / evil).write_text("shown = 1\n")
    cli("ask", "explain this", "--file=--help")
    done = cli("ask", "explain this", "--file", evil, "-v")
    missing = cli("ask", "explain this", "--file", "no\x1b[2Jsuch.py", code=2)
    assert "harmless = 1" in sent_text(api)
    assert "shown = 1" in sent_text(api)
    assert "\x1b" not in done.err + missing.err


def test_no_raw_escape_code_reaches_the_terminal(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """On a terminal, neither an answer nor a file's text can write control sequences."""
    api.script(Reply("before \x1b]0;owned\x07 after \x9b31m"))
    code, written = on_a_terminal(cli, *ASK)
    assert code == 0
    assert b"\x1b]0;owned" not in written
    assert "\x9b".encode() not in written
    (repo / "src" / "evil.rs").write_text("// \x1b]52;c;b3duZWQ=\x07\nfn f() {}\n")
    code, written = on_a_terminal(cli, "refine", "fix this bug", "--file", "src/evil.rs")
    assert code == 0
    assert b"\x1b]52" not in written


def test_a_rewrite_with_unnamed_files_is_shown_and_asked_about(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """On a terminal "fix this bug" proposes the active file, shows it, and `n` sends nothing of it."""
    (repo / "src" / "lib.rs").write_text("pub fn double(n: u32) -> u32 {\n    n * 7\n}\n")
    code, written = on_a_terminal(cli, "ask", "fix this bug", answers=((b"Send this?", b"n\n"),))
    assert code == 0
    assert b"src/lib.rs" in written
    assert "n * 7" not in sent_text(api)
    code, _ = on_a_terminal(cli, "ask", "fix this bug", "--no-cache", answers=((b"Send this?", b"y\n"),))
    assert code == 0
    assert "n * 7" in sent_text(api)


def test_always_is_remembered_for_the_project_and_outside_of_it(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """`a` is kept in the user's configuration; the next ask, piped, needs no approval."""
    (repo / "src" / "lib.rs").write_text("pub fn double(n: u32) -> u32 {\n    n * 7\n}\n")
    on_a_terminal(cli, "ask", "fix this bug", "--no-cache", answers=((b"Send this?", b"a\n"),))
    before = git(repo, "status", "--porcelain")
    cli("ask", "fix this bug", "--no-cache")
    assert sent_text(api).count("n * 7") == 2
    assert git(repo, "status", "--porcelain") == before == " M src/lib.rs\n"


def test_quitting_sends_nothing_and_is_no_error(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """`q` is a no: exit 1, as for the questions of `optafly cache`."""
    (repo / "src" / "lib.rs").write_text("pub fn double(n: u32) -> u32 {\n    n * 7\n}\n")
    code, written = on_a_terminal(cli, "ask", "fix this bug", "--no-cache", answers=((b"Send this?", b"q\n"),))
    assert (code, api.messages) == (1, [])
    assert b"nothing was sent" in written
    assert b"error" not in written.rpartition(b"Send this?")[2]


def test_ctrl_c_leaves_a_clean_terminal(cli: Cli, api: MessagesApi) -> None:
    """Interrupted while Claude answers: exit 130, nothing stored, the cursor is shown again."""
    api.script(Reply("one two three four", end="stall", after=1))
    process = subprocess.Popen(
        [sys.executable, "-m", "optafly_cli", *ASK],
        cwd=cli.cwd, env=cli.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 3) == b"one"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == b"interrupted\n"
    api.release.set()
    assert lookup(cli, *ASK)["status"] == "miss"
