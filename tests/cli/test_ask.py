"""optafly ask: the whole round trip, against a real endpoint, a real repository and a real store."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, git, lookup
from tests.fakes.messages_api import MessagesApi

ASK = ("ask", "fix this bug", "--file", "src/main.rs")
ASK_LINE = ("ask", "fix this bug", "--file", "src/main.rs:8")
UNWRAP_LINE = "    text.parse::<u16>().unwrap()\n"
Edit = Callable[[str, str, str], None]


def test_a_miss_asks_the_endpoint_and_an_identical_ask_answers_from_the_store(cli: Cli, api: MessagesApi) -> None:
    """The first ask sends one request; the second sends none and is an exact hit."""
    first = cli(*ASK, "--json").json
    second = cli(*ASK, "--json").json
    assert (first["cache"]["status"], second["cache"]["status"], second["cache"]["tier"]) == ("miss", "hit", "exact")
    assert second["answer"] == first["answer"] == "Use `?` instead of unwrap."
    assert len(api.messages) == 1


def test_a_paraphrase_over_the_same_file_is_a_semantic_hit(cli: Cli, api: MessagesApi) -> None:
    """Other words, same meaning, same file: no request, tier semantic, with its similarity."""
    cli(*ASK)
    found = cli("ask", "please fix this bug", "--file", "src/main.rs", "--json").json["cache"]
    assert (found["status"], found["tier"]) == ("hit", "semantic")
    assert 0.85 <= found["similarity"] <= 1
    assert len(api.messages) == 1


OTHERWISE = {
    "file": ("ask", "fix this bug", "--file", "src/lib.rs"),
    "model": (*ASK, "--model", "claude-opus-5-5"),
    "system": (*ASK, "--system", "Answer in German."),
    "max-tokens": (*ASK, "--max-tokens", "999"),
    "no-refine": (*ASK, "--no-refine"),
    "verb": ("ask", "explain this bug", "--file", "src/main.rs"),
    "negation": ("ask", "do not fix this bug", "--file", "src/main.rs"),
    "one more file": ("ask", "fix this bug", "--file", "src/main.rs", "--file", "src/lib.rs"),
    "a line of it": ("ask", "fix this bug", "--file", "src/main.rs:8"),
}


def test_what_is_asked_differently_is_a_miss(cli: Cli, api: MessagesApi) -> None:
    """Another file, model, system prompt, parameter or meaning is another question."""
    cli(*ASK)
    found = {name: lookup(cli, *arguments)["status"] for name, arguments in OTHERWISE.items()}
    assert found == dict.fromkeys(OTHERWISE, "miss")
    assert lookup(cli, *ASK)["status"] == "hit"


def test_an_edited_file_is_another_question_and_reverting_the_edit_brings_the_answer_back(
    cli: Cli, api: MessagesApi, edit: Edit
) -> None:
    """Evidence is checked now: edit, miss; revert, hit."""
    cli(*ASK)
    edit("src/main.rs", "hello", "hullo")
    after = lookup(cli, *ASK)
    assert after["status"] == "miss"
    assert "src/main.rs" in after["reason"]
    cli(*ASK)
    edit("src/main.rs", "hullo", "hello")
    assert lookup(cli, *ASK)["tier"] == "exact"
    assert len(api.messages) == 2


def test_a_named_line_depends_on_its_function_only(cli: Cli, api: MessagesApi, edit: Edit) -> None:
    """With F:LINE, editing another function is still a hit; editing the enclosing one is a miss."""
    cli(*ASK_LINE)
    edit("src/main.rs", "hello", "hullo")
    assert cli(*ASK_LINE, "--json").json["cache"]["tier"] == "exact"
    edit("src/main.rs", "unwrap_or_default", "unwrap_or_else(String::new)")
    assert lookup(cli, *ASK_LINE)["status"] == "miss"
    assert len(api.messages) == 1


@pytest.mark.parametrize("line", ["8", "10"], ids=["as typed before", "as the editor shows it now"])
def test_lines_that_move_do_not_make_a_miss(cli: Cli, api: MessagesApi, edit: Edit, line: str) -> None:
    """Lines inserted above the function move it; the hit says by how much on stderr."""
    cli(*ASK_LINE)
    edit("src/main.rs", "use std::env;\n", "use std::env;\nuse std::fmt;\nuse std::io;\n")
    moved = cli("ask", "fix this bug", "--file", f"src/main.rs:{line}", "--json")
    assert moved.json["cache"]["tier"] == "exact"
    assert "moved by +2 lines" in moved.err


def test_another_line_of_the_same_function_is_another_question(cli: Cli, api: MessagesApi) -> None:
    """Line 7 and line 8 share their function, but "this bug" points at one of them."""
    cli(*ASK_LINE)
    assert lookup(cli, "ask", "fix this bug", "--file", "src/main.rs:7")["status"] == "miss"


def test_the_request_holds_the_code_the_location_and_what_is_expected(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """What is sent has the file's text verbatim, where the problem is, and the original words."""
    cli(*ASK_LINE)
    body = api.messages[0].body
    sent = "\n".join(block["text"] for block in body["messages"][0]["content"])
    assert UNWRAP_LINE in sent
    assert "src/main.rs" in sent
    assert "8" in sent
    assert "fix this bug" in body["messages"][0]["content"][-1]["text"]
    assert body["model"] == "claude-sonnet-5-5"


def test_the_answer_alone_is_on_stdout(cli: Cli) -> None:
    """Piped, stdout is the answer and a line end, for a miss and for a hit."""
    assert cli(*ASK).out == cli(*ASK).out == "Use `?` instead of unwrap.\n"


def test_a_diff_on_stdin_is_context(cli: Cli, api: MessagesApi, repo: Path, edit: Edit) -> None:
    """git diff | optafly ask "review this": the diff is in the request, and another diff is another question."""
    edit("src/lib.rs", "n * 3", "n * 2")
    diff = git(repo, "diff")
    first = cli("ask", "review this", "--json", stdin=diff).json
    again = cli("ask", "review this", "--json", stdin=diff).json
    other = lookup(cli, "ask", "review this", stdin=diff.replace("n * 2", "n * 5"))
    assert [first["cache"]["status"], again["cache"]["status"], other["status"]] == ["miss", "hit", "miss"]
    assert "+    n * 2" in "".join(block["text"] for block in api.messages[0].body["messages"][0]["content"])


def test_git_changes_are_context_with_diff(cli: Cli, api: MessagesApi, repo: Path, edit: Edit) -> None:
    """--diff sends what git sees as changed; staged or not."""
    edit("src/lib.rs", "n * 3", "n * 2")
    cli("ask", "review this", "--diff")
    git(repo, "add", ".")
    cli("ask", "review this", "--diff", "--no-cache")
    for request in api.messages:
        assert "+    n * 2" in "".join(block["text"] for block in request.body["messages"][0]["content"])


def test_the_prompt_can_come_from_stdin(cli: Cli, api: MessagesApi) -> None:
    """`-`, and no argument with piped input, read the prompt from stdin."""
    cli("ask", "-", "--file", "src/main.rs", stdin="fix this bug\n")
    assert cli("ask", "--file", "src/main.rs", "--json", stdin="fix this bug").json["cache"]["tier"] == "exact"


def test_no_cache_neither_reads_nor_writes(cli: Cli, api: MessagesApi) -> None:
    """--no-cache is a bypass: two requests, no store."""
    assert cli(*ASK, "--no-cache", "--json").json["cache"]["status"] == "bypass"
    assert cli(*ASK, "--no-cache", "--json").json["cache"]["status"] == "bypass"
    assert len(api.messages) == 2
    assert not (cli.store / "entries.sqlite").exists()


def test_refresh_asks_again_and_replaces_the_answer(cli: Cli, api: MessagesApi) -> None:
    """--refresh sends a request although there is an entry; afterwards the new answer is served."""
    from tests.fakes.script import Reply

    cli(*ASK)
    api.script(Reply("A better answer."))
    assert cli(*ASK, "--refresh").out == "A better answer.\n"
    assert cli(*ASK).out == "A better answer.\n"
    assert len(api.messages) == 2


def test_cache_only_never_sends(cli: Cli, api: MessagesApi) -> None:
    """--cache-only: exit 1 and an empty answer on a miss, the stored one on a hit."""
    missed = cli(*ASK, "--cache-only", "--json", code=1).json
    assert (missed["cache"]["status"], missed["answer"]) == ("miss", "")
    assert api.messages == []
    cli(*ASK)
    assert cli(*ASK, "--cache-only").out == "Use `?` instead of unwrap.\n"


def test_a_dry_model_answer_with_control_characters_reaches_a_pipe_as_it_is(cli: Cli, api: MessagesApi) -> None:
    """In a pipe the answer is not altered."""
    from tests.fakes.script import Reply

    api.script(Reply("red \x1b[31mtext"))
    assert cli(*ASK).out == "red \x1b[31mtext\n"


def test_an_expired_entry_is_not_served(cli: Cli, api: MessagesApi) -> None:
    """An answer older than ttl_days is a miss."""
    cli(*ASK)
    young = {"OPTAFLY_CACHE_TTL_DAYS": "0.0000001"}
    found = cli(*ASK, "--json", "--cache-only", env=young, code=1).json["cache"]
    assert found["reason"].startswith("expired")


def test_text_from_files_that_were_not_named_is_not_sent_from_a_pipe(cli: Cli, api: MessagesApi, edit: Edit) -> None:
    """Piped and without --yes, "fix this bug" sends no file's text and says so; with --yes it does."""
    edit("src/lib.rs", "n * 3", "n * 2 + n")
    shy = cli("ask", "fix this bug", "--no-cache")
    bold = cli("ask", "fix this bug", "--no-cache", "--yes")
    sent = ["".join(block["text"] for block in request.body["messages"][0]["content"]) for request in api.messages]
    assert "n * 2 + n" not in sent[0]
    assert "src/lib.rs" in shy.err
    assert "n * 2 + n" in sent[1]
    assert bold.code == 0


def test_json_says_everything_that_the_design_names(cli: Cli) -> None:
    """The document has its schema and every field."""
    document = cli(*ASK, "--json").json
    assert document["schema"] == "optafly.ask/1"
    assert set(document) == {
        "schema", "answer", "cache", "score", "model", "usage", "prompt_cache", "cost", "stop_reason", "request_id",
        "timing_ms",
    }  # fmt: skip
    assert set(document["cache"]) == {"status", "tier", "reason", "entry", "similarity", "confidence", "age_s"}
    assert set(document["timing_ms"]) == {"refine", "route", "lookup", "provider", "store", "total"}
    assert document["usage"]["input_tokens"] > 0
    hit = cli(*ASK, "--json").json
    assert hit["usage"] == dict.fromkeys(document["usage"], 0)
    json.dumps(hit)


def test_an_answer_from_before_the_index_was_there_is_not_served_once_it_is(
    cli: Cli, api: MessagesApi, repo: Path
) -> None:
    """A big repository is indexed beside the first command; what that was answered without is looked for then."""
    for number in range(320):
        (repo / f"part{number}.py").write_text(f"def part_{number}(item):\n    return {number}\n")
    (repo / "prices.py").write_text("def discount(order, percent):\n    return order - percent\n")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "Add parts")
    ask = ("ask", "the discount of an order is not applied when percent is zero", "--yes")
    first = cli(*ask)
    assert "is being built for the first time" in first.err
    assert "def discount" not in str(api.messages[-1])
    deadline = time.monotonic() + 60
    while "def discount" not in cli("refine", *ask[1:]).out:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert lookup(cli, *ask)["status"] == "miss"
    cli(*ask)
    assert "def discount" in str(api.messages[-1])
    assert lookup(cli, *ask)["status"] == "hit"
