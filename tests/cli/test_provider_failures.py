"""What a user sees when the endpoint fails: one sentence, the right exit code, the partial text, nothing stored."""

import pytest

from tests.cli.conftest import Cli, lookup
from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Failure, Reply

ASK = ("ask", "fix this bug", "--file", "src/main.rs")
LONG = "First part of the answer. Second part of the answer."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "code", "says"),
    [
        (Reply(LONG, end="cut", after=3), 3, "First"),
        (Reply(LONG, end="eof", after=3), 3, "First"),
        (Reply(LONG, end="error", after=3), 3, "First"),
        (Reply(LONG, stop_reason="max_tokens"), 3, LONG),
        (Reply("I cannot", stop_reason="refusal"), 3, "I cannot"),
        (Failure(400, message="messages: bad"), 3, ""),
        (Failure(401), 4, ""),
        (Failure(429, headers={"retry-after": "3600"}), 3, ""),
    ],
    ids=["cut", "eof", "in-stream error", "max_tokens", "refusal", "400", "wrong key", "long retry-after"],
)
def test_a_failure_is_one_sentence_with_its_exit_code_and_stores_nothing(
    cli: Cli, api: MessagesApi, step: Reply | Failure, code: int, says: str
) -> None:
    """The text that had arrived is on stdout, the sentence on stderr, and the next ask is a miss."""
    api.script(step)
    failed = cli(*ASK, code=code)
    assert failed.out.startswith(says)
    assert failed.err.count("error:") == 1
    assert lookup(cli, *ASK)["status"] == "miss"


def test_a_failure_in_json_carries_the_partial_text(cli: Cli, api: MessagesApi) -> None:
    """With --json the failure is a document on stdout."""
    api.script(Reply(LONG, end="cut", after=3))
    document = cli(*ASK, "--json", code=3).json
    assert document["schema"] == "optafly.error/1"
    assert set(document) == {"schema", "code", "message", "remedy", "partial"}
    assert document["partial"].startswith("First")


def test_an_overloaded_endpoint_is_tried_again_and_the_wait_is_said(cli: Cli, api: MessagesApi) -> None:
    """A 529 is retried with a visible message."""
    api.script(Failure(529))
    done = cli(*ASK)
    assert done.out == "Use `?` instead of unwrap.\n"
    assert "trying again" in done.err


def test_without_a_key_nothing_is_sent_and_the_variable_is_named(cli: Cli, api: MessagesApi) -> None:
    """No credentials: exit 4, ANTHROPIC_API_KEY in the sentence, no request."""
    failed = cli(*ASK, env={"ANTHROPIC_API_KEY": ""}, code=4)
    assert "ANTHROPIC_API_KEY" in failed.err
    assert api.requests == []


def test_an_endpoint_that_is_not_there_is_named(cli: Cli) -> None:
    """A refused connection says which address."""
    failed = cli(*ASK, "--base-url", "http://127.0.0.1:9", env={"OPTAFLY_PROVIDER_RETRIES": "0"}, code=3)
    assert "127.0.0.1:9" in failed.err


def test_no_output_ever_holds_the_key(cli: Cli, api: MessagesApi) -> None:
    """Neither messages, nor the store, nor logs hold the key."""
    api.script(Failure(401))
    failed = cli(*ASK, "-v", code=4)
    cli(*ASK, "-v")
    assert api.key not in failed.out + failed.err
    for file in (cli.home / "optafly").rglob("*"):
        if file.is_file():
            assert api.key.encode() not in file.read_bytes()
