"""ask --explain and cache search, as typed."""

from collections.abc import Callable

import pytest

from tests.cli.conftest import Cli
from tests.cli.terminal import on_a_terminal, plain_lines
from tests.fakes.messages_api import MessagesApi

ASK = ("ask", "fix this bug", "--file", "src/main.rs")
POLITE = ("please fix this bug", "--file", "src/main.rs")
TEN = ("fix this bug in 10 lines", "--file", "src/main.rs")
ANSWER = "Use `?` instead of unwrap.\n"


def test_the_explanation_is_on_stderr_and_the_answer_on_stdout(cli: Cli, api: MessagesApi) -> None:
    """Of a miss, of a hit in other words and of an exact one, which takes two lines; -q silences none of it."""
    first = cli(*ASK, "--explain")
    assert (first.out, first.err) == (ANSWER, "Decision: no stored answer fits: nothing is stored yet\n")
    other = cli("ask", *POLITE, "--explain", "-q")
    assert other.out == ANSWER
    lines = other.err.splitlines()
    assert lines[0] == "Decision: entry 1 fits: it asks the same in other words"
    assert lines[2].startswith("1. fix this bug (entry 1, ")
    assert "How near: " in lines[3]
    assert lines[4] == "   Rule against it: none. What it was drawn from: unchanged"
    exact = cli(*ASK, "--explain")
    assert exact.out == ANSWER
    assert len(exact.err.splitlines()) == 2
    assert "answers the very same prompt" in exact.err
    assert len(api.messages) == 1


def test_a_miss_that_is_not_sent(cli: Cli, api: MessagesApi) -> None:
    """With --cache-only the rule is named, once, and the exit code is that of a miss."""
    cli(*ASK)
    missed = cli("ask", *TEN, "--cache-only", "--explain", code=1)
    assert missed.out == ""
    assert "Rule against it: number: '10' is in one of the prompts only" in missed.err
    assert missed.err.count("no stored answer fits") == 1
    assert "not in the store" not in missed.err
    assert len(api.messages) == 1


def test_the_document_of_ask(cli: Cli) -> None:
    """The key is there when it was asked for, and has what a program needs; stderr stays empty."""
    cli(*ASK)
    assert "explain" not in cli("ask", *TEN, "--cache-only", "--json", code=1).json
    found = cli("ask", *TEN, "--cache-only", "--json", "--explain", code=1)
    said = found.json["explain"]
    assert found.err == ""
    assert (said["fits"], said["tier"], said["entry"]) == (False, None, None)
    assert said["entries"][0]["vetoes"] == [{"name": "number", "detail": "'10' is in one of the prompts only"}]
    assert cli(*ASK, "--no-cache", "--json", "--explain").json["explain"] is None


@pytest.mark.slow
def test_what_decides_without_the_store(cli: Cli, api: MessagesApi) -> None:
    """--refresh says that it asks all the same, --no-cache that there is nothing to explain."""
    cli(*ASK)
    assert "--refresh: it is asked again" in cli(*ASK, "--refresh", "--explain").err
    assert "the cache is off for this question" in cli(*ASK, "--no-cache", "--explain").err
    assert len(api.messages) == 3


def test_a_search_lists_what_is_near(cli: Cli, api: MessagesApi, edit: Callable[..., None]) -> None:
    """Ids, ages, nearness and whether it fits, nearest first; the decision on stderr; nothing is sent or counted."""
    cli(*ASK)
    cli("ask", *TEN)
    found = cli("cache", "search", *POLITE)
    rows = [row.split() for row in found.out.splitlines()]
    assert [(row[0], row[4]) for row in rows] == [("1", "fits"), ("2", "too")]
    assert found.err == "entry 1 fits: it asks the same in other words\n"
    edit("src/main.rs", "hello", "good day")
    assert " changed  " in cli("cache", "search", *POLITE).out
    assert cli("cache", "stats", "--json").json["hits"] == {}
    assert len(api.messages) == 2


@pytest.mark.slow
def test_a_search_takes_the_context_of_ask(cli: Cli, edit: Callable[..., None]) -> None:
    """A range, a selection, a diff, a model, a system prompt: with the same the entry is found, without it is not."""
    edit("src/lib.rs", "n * 3", "n * 2")
    for options in (
        ("--file", "src/main.rs:8"),
        ("--file", "src/main.rs", "--selection", "7-8"),
        ("--diff",),
        ("--model", "claude-haiku-4-5", "--system", "be short", "--max-tokens", "99", "--no-refine", "--no-context"),
    ):
        cli("ask", "fix this bug", *options)
        found = cli("cache", "search", "please fix this bug", *options, "--json").json
        assert (found["schema"], found["fits"], len(found["entries"])) == ("optafly.cache.search/1", True, 1), options
    alone = cli("cache", "search", "fix this bug")
    assert alone.out == ""
    assert "--all looks into what was asked with other files, models or settings" in alone.err


@pytest.mark.slow
def test_a_search_of_all_scopes(cli: Cli) -> None:
    """Each with what differs; they are no answer."""
    cli(*ASK)
    cli("ask", "fix this bug", "--model", "claude-haiku-4-5")
    found = cli("cache", "search", "please fix this bug", "--all")
    assert found.out.splitlines()[1].strip() == "another model"
    assert found.out.splitlines()[3].strip() == "other named code"
    assert "--all" not in found.err
    full = cli("cache", "search", "please fix this bug", "--all", "--explain").out
    assert "   It was asked with: another model\n" in full


def test_an_empty_store_is_not_created_by_a_search(cli: Cli) -> None:
    """A sentence, exit 0, no folder."""
    found = cli("cache", "search", "fix this bug", "--explain")
    assert (found.out, found.err) == ("Decision: no stored answer fits: nothing is stored yet\n", "")
    assert not cli.store.exists()


def test_a_store_that_cannot_be_explained_spoils_no_answer(cli: Cli) -> None:
    """The answer is printed, stderr says why there is no explanation, and the exit code is the store's."""
    cli.store.mkdir(parents=True)
    (cli.store / "entries.sqlite").write_bytes(b"no database at all" * 100)
    done = cli(*ASK, "--explain", code=5)
    assert done.out == ANSWER
    assert "what the store does cannot be explained: " in done.err
    assert cli("cache", "search", "fix this bug", "--json", code=5).json["schema"] == "optafly.error/1"


@pytest.mark.parametrize(("env", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=["colour", "NO_COLOR"])
def test_colours_are_for_terminals(cli: Cli, env: dict[str, str], colored: bool) -> None:
    """Styles on a terminal, none with NO_COLOR or in a pipe; the words are the same, within the width."""
    cli(*ASK)
    cli("ask", *TEN)
    code, written = on_a_terminal(cli, "cache", "search", *TEN[:1], "--all", "--explain", env=env)
    assert code == 0
    assert (b"\x1b[" in written) is colored
    assert max(map(len, plain_lines(written))) <= 80
    piped = cli("cache", "search", *TEN[:1], "--all", "--explain").out
    assert "\x1b" not in piped
    assert [line.split("(entry")[0].rstrip() for line in plain_lines(written) if line] == [
        line.split("(entry")[0].rstrip() for line in piped.splitlines()
    ]
    assert b"How near: " in on_a_terminal(cli, "ask", *POLITE, "--explain", env={"NO_COLOR": "1"})[1]
