"""optafly in a pipeline: the result on stdout and nothing else, whatever the other end does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Reply

COMMANDS = [
    ("ask", "fix this bug", "--file", "src/main.rs"),
    ("refine", "fix this bug", "--file", "src/main.rs"),
    ("route", "fix this bug", "--file", "src/main.rs"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_json_is_one_document_with_its_schema(cli: Cli, command: tuple[str, ...]) -> None:
    """--json puts one valid document on stdout, for each stage, from a pipe too."""
    document = cli(*command, "--json").json
    assert document["schema"] == f"optafly.{command[0]}/1"
    piped = cli(command[0], "-", *command[2:], "--json", stdin="fix this bug\n").json
    assert set(piped) == set(document)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_colours_and_spinners_stay_out_of_pipes(cli: Cli, command: tuple[str, ...]) -> None:
    """No escape code in a pipe unless --color always asks for it."""
    done = cli(*command)
    assert "\x1b" not in done.out + done.err


def test_no_color_wins_over_a_terminal_and_color_always_over_no_color(cli: Cli) -> None:
    """--color beats NO_COLOR, NO_COLOR beats FORCE_COLOR."""
    failing = ("ask", "x", "--file", "nowhere.rs")
    assert "\x1b" in cli(*failing, "--color", "always", env={"NO_COLOR": "1"}, code=2).err
    assert "\x1b" not in cli(*failing, env={"NO_COLOR": "1", "FORCE_COLOR": "1"}, code=2).err
    assert "\x1b" in cli(*failing, env={"FORCE_COLOR": "1"}, code=2).err


def test_refined_text_can_be_piped_into_ask(cli: Cli, api: MessagesApi) -> None:
    """optafly refine … | optafly ask -: the refined prompt is sent as it is."""
    refined = cli("refine", "fix this bug", "--file", "src/main.rs:8").out
    cli("ask", "-", stdin=refined)
    sent = "\n\n".join(block["text"] for block in api.messages[0].body["messages"][0]["content"])
    assert sent.strip() == refined.strip()


def test_a_reader_that_goes_away_is_no_error_and_the_answer_is_stored(cli: Cli, api: MessagesApi) -> None:
    """optafly ask … | head -c 1: no traceback, and what was paid for is kept."""
    api.script(Reply("a long answer " * 2000, delta_chars=200))
    command = f"{sys.executable} -m optafly_cli ask 'fix this bug' --file src/main.rs | head -c 1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=cli.cwd, env=cli.env, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.stdout == b"a"
    assert done.stderr == b""
    assert cli("ask", "fix this bug", "--file", "src/main.rs", "--json").json["cache"]["tier"] == "exact"


def test_an_answer_is_streamed_as_it_arrives(cli: Cli, api: MessagesApi) -> None:
    """The first words are on stdout while the endpoint is still sending."""
    api.script(Reply("first words and then the rest", end="stall", after=1))
    process = subprocess.Popen(
        [sys.executable, "-m", "optafly_cli", "ask", "fix this bug", "--file", "src/main.rs"],
        cwd=cli.cwd, env=cli.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 5) == b"first"
    assert process.poll() is None
    api.release.set()
    assert process.stdout.read().endswith(b"the rest\n")
    process.stdout.close()
    assert process.wait(30) == 0


def test_no_stream_prints_the_whole_answer_at_the_end(cli: Cli) -> None:
    """--no-stream gives the same text."""
    assert cli("ask", "fix this bug", "--file", "src/main.rs", "--no-stream").out == "Use `?` instead of unwrap.\n"


def test_errors_in_json_are_one_document_too(cli: Cli) -> None:
    """A failure with --json is a document on stdout with a code, and the exit code says which kind."""
    failed = cli("ask", "x", "--file", "nowhere.rs", "--json", code=2)
    document = json.loads(failed.out)
    assert (document["schema"], document["code"]) == ("optafly.error/1", "file")
    unknown = cli("ask", "x", "--no-such-option", "--json", code=2).json
    assert unknown["schema"] == "optafly.error/1"


def test_a_full_disk_behind_stdout_is_said(cli: Cli) -> None:
    """Writing to /dev/full is a failure with a sentence, not silence."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "optafly_cli", "refine", "fix this bug", "--file", "src/main.rs"],
            cwd=cli.cwd, env=cli.env, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
    assert b"error:" in done.stderr
