"""Ways to a false hit that were found by attack, each closed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, git, lookup
from tests.cli.terminal import on_a_terminal
from tests.fakes.messages_api import MessagesApi

Edit = Callable[[str, str, str], None]
pytestmark = pytest.mark.slow
TRACE = (
    'Traceback (most recent call last):\n  File "gone.py", line 1, in <module>\nZeroDivisionError: division by zero\n'
)


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (("ask", "explain gone.py"), None),
        (("ask", "fix the crash that comes from gone.py", "--file", "src/main.rs"), None),
        (("ask", "fix this", "--yes"), TRACE),
    ],
    ids=["mentioned alone", "mentioned beside a file", "in a piped trace"],
)
def test_a_file_that_appears_makes_a_miss(cli: Cli, repo: Path, arguments: tuple[str, ...], stdin: str | None) -> None:
    """What was mentioned and was not there is evidence too."""
    cli(*arguments, stdin=stdin)
    assert lookup(cli, *arguments, stdin=stdin)["status"] == "hit"
    (repo / "gone.py").write_text("x = 1 / 0\n")
    assert lookup(cli, *arguments, stdin=stdin)["status"] == "miss"


def test_another_active_file_makes_a_miss(cli: Cli, repo: Path) -> None:
    """Touching another file makes it the active one: another file would be sent."""
    os.utime(repo / "src" / "main.rs", (10**10, 10**10))
    cli("ask", "fix this bug", "--yes")
    assert lookup(cli, "ask", "fix this bug", "--yes")["status"] == "hit"
    os.utime(repo / "src" / "lib.rs", (10**10 + 9, 10**10 + 9))
    assert lookup(cli, "ask", "fix this bug", "--yes")["status"] == "miss"


def test_an_answer_without_the_unnamed_files_does_not_answer_where_they_may_be_sent(
    cli: Cli, api: MessagesApi, edit: Edit
) -> None:
    """Left out in a pipe, then --yes: asked again, with the file. What was made with it answers in a pipe too."""
    edit("src/lib.rs", "n * 3", "n * 7")
    cli("ask", "fix this bug")
    assert lookup(cli, "ask", "fix this bug")["status"] == "hit"
    assert cli("ask", "fix this bug", "--yes", "--json").json["cache"]["status"] == "miss"
    assert "n * 7" in "".join(block["text"] for block in api.messages[-1].body["messages"][0]["content"])
    assert lookup(cli, "ask", "fix this bug")["status"] == "hit"


def test_a_refused_rewrite_is_offered_again(cli: Cli, api: MessagesApi, edit: Edit) -> None:
    """`n` today does not answer for `y` tomorrow; `y` does."""
    edit("src/lib.rs", "n * 3", "n * 7")
    question = b"Send this?"
    on_a_terminal(cli, "ask", "fix this bug", answers=((question, b"n\n"),))
    asked_again = on_a_terminal(cli, "ask", "fix this bug", answers=((question, b"y\n"),))[1]
    assert question in asked_again
    assert question not in on_a_terminal(cli, "ask", "fix this bug")[1]
    assert len(api.messages) == 2


def test_an_edit_while_the_question_stands_voids_the_answer(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """What was shown and sent is the evidence, not what the file holds when the user says yes."""
    editor = repo.parent / "editor.sh"
    editor.write_text(f"#!/bin/sh\nsed -i s/3/7/ {repo}/src/lib.rs\nexit 1\n")
    editor.chmod(0o755)
    os.utime(repo / "src" / "lib.rs", (10**10, 10**10))
    answers = ((b"Send this?", b"e\n"), (b"nothing was changed", b"y\n"))
    on_a_terminal(cli, "ask", "fix this bug", answers=answers, env={"EDITOR": str(editor)})
    assert "n * 3" in "".join(block["text"] for block in api.messages[0].body["messages"][0]["content"])
    os.utime(repo / "src" / "lib.rs", (10**10, 10**10))
    assert lookup(cli, "ask", "fix this bug", "--yes")["status"] == "miss"


def test_an_edited_rewrite_does_not_answer_for_the_original(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """The answer to what the user wrote in the editor is not the answer to what was typed first."""
    editor = repo.parent / "editor.sh"
    editor.write_text('#!/bin/sh\necho "say hello in French" > "$1"\n')
    editor.chmod(0o755)
    on_a_terminal(cli, "ask", "fix this bug", answers=((b"Send this?", b"e\n"),), env={"EDITOR": str(editor)})
    assert "French" in str(api.messages[0].body)
    assert lookup(cli, "ask", "fix this bug", "--yes")["status"] == "miss"


def test_always_is_paid_once(cli: Cli, api: MessagesApi, edit: Edit) -> None:
    """After `a`, the identical ask is a hit."""
    edit("src/lib.rs", "n * 3", "n * 7")
    on_a_terminal(cli, "ask", "fix this bug", answers=((b"Send this?", b"a\n"),))
    assert lookup(cli, "ask", "fix this bug")["status"] == "hit"
    assert len(api.messages) == 1


def test_the_order_of_files_is_part_of_the_question(cli: Cli) -> None:
    """ "The first" is another file when the order is another."""
    prompt = "what does the first do that the second does not"
    cli("ask", prompt, "--file", "src/main.rs", "--file", "src/lib.rs")
    assert lookup(cli, "ask", prompt, "--file", "src/lib.rs", "--file", "src/main.rs")["status"] == "miss"


def test_custom_headers_are_part_of_the_question(cli: Cli) -> None:
    """A gateway may answer by them."""
    ask = ("ask", "fix this bug", "--file", "src/main.rs")
    cli(*ask)
    cli(*ask, "--cache-only", env={"ANTHROPIC_CUSTOM_HEADERS": "x-tenant: b"}, code=1)


def test_a_secret_that_was_redacted_is_not_stored(cli: Cli, repo: Path) -> None:
    """Named or mentioned: the answer is printed, the user is told, the next ask is a miss."""
    (repo / "conf.py").write_text('KEY = "AKIAQ3XZ7PLM2VN4KD8T"\n')
    git(repo, "add", ".")
    for arguments in (("ask", "fix the bug in conf.py"), ("ask", "fix this", "--file", "conf.py")):
        assert "not stored" in cli(*arguments).err
        assert lookup(cli, *arguments)["status"] == "miss"


def test_a_link_named_as_the_system_prompt_is_not_followed_out(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """A repository cannot turn a word after --system into a file of the user's."""
    secret = repo.parent / "notes.txt"
    secret.write_text("aws_secret_access_key = very-secret\n")
    (repo / "helpful").symlink_to(secret)
    assert "leads out of the workspace" in cli("ask", "fix", "--system", "helpful", code=2).err
    assert api.requests == []


def test_nothing_is_written_outside_of_our_folders(cli: Cli) -> None:
    """The libraries that run the embedding model keep no telemetry in the user's home."""
    cli("ask", "fix this bug", "--file", "src/main.rs")
    cli("ask", "please fix this bug", "--file", "src/main.rs")
    assert [path.name for path in cli.home.iterdir()] == ["optafly"]


def test_closed_streams_are_no_fault(cli: Cli) -> None:
    """With any standard stream closed the command does what it can, and no file takes the stream's number."""
    import subprocess
    import sys

    for closed in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        command = f"{sys.executable} -m optafly_cli ask 'fix this bug' --file src/main.rs {closed}"
        done = subprocess.run(["bash", "-c", command], cwd=cli.cwd, env=cli.env, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b""), closed
    assert lookup(cli, "ask", "fix this bug", "--file", "src/main.rs")["status"] == "hit"
