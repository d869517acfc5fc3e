"""What a request may have too much of, what it may cost, whose key pays, and what answers teach about counting."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Failure

ASK = ("fix this bug", "--file", "src/main.rs")
LOG = "\n".join(
    [f"tests/test_a.py::test_{n} PASSED      [ {n}%]" for n in range(30)]
    + ["tests/test_b.py::test_x FAILED      [ 99%]", "E   ValueError: invalid port 0", "1 failed, 30 passed in 0.21s"]
)


def sent(document: dict[str, object]) -> str:
    """All text of the request in a route document."""
    return "\n".join(block["text"] for block in document["request"]["messages"][0]["content"])  # type: ignore[index]


def test_a_piped_log_is_told_shorter_and_listed(cli: Cli) -> None:
    """Passed tests are a count, the failure is word for word, and what was removed is in the JSON and the table."""
    document = cli("route", "why does this fail?", "--json", "--request", stdin=LOG).json
    assert "[optafly: 30 lines of passed tests: tests/test_a.py 30]" in sent(document)
    assert "tests/test_b.py::test_x FAILED      [ 99%]\nE   ValueError: invalid port 0\n1 failed," in sent(document)
    (removed,) = document["optimisation"]["removals"]
    assert (removed["block"], removed["reason"], removed["places"]) == ("piped text", "passed tests", 1)
    assert removed["tokens"] == document["tokens"]["removed"] == document["optimisation"]["removed_redundancy"] > 300
    said = cli("route", "why does this fail?", stdin=LOG).out
    assert f"removed {removed['tokens']:,} of piped text: passed tests" in said


def test_no_optimise_sends_everything(cli: Cli) -> None:
    """With --no-optimise the log is sent as it is, and nothing is listed."""
    document = cli("route", "why does this fail?", "--no-optimise", "--json", "--request", stdin=LOG).json
    assert LOG in sent(document)
    assert document["optimisation"]["removals"] == []


def test_the_answer_is_asked_with_what_route_shows(cli: Cli, api: MessagesApi) -> None:
    """ask sends the optimised request, with the same options."""
    shown = cli("route", "why does this fail?", "--json", "--request", stdin=LOG).json["request"]
    cli("ask", "why does this fail?", stdin=LOG)
    assert api.messages[-1].body["messages"] == shown["messages"]


def test_a_request_over_the_cap_is_not_sent(cli: Cli, api: MessagesApi) -> None:
    """Exit 2, with what it could cost; nothing was sent, and --max-tokens as advised keeps it below."""
    refused = cli("ask", *ASK, "--max-cost", "0.01", "--json", code=2).json
    assert (refused["schema"], refused["code"]) == ("optafly.error/1", "max_cost")
    assert "more than --max-cost 0.01" in refused["message"]
    assert api.requests == []
    advised = refused["remedy"].split()[1]
    assert cli("ask", *ASK, "--max-cost", "0.01", "--max-tokens", advised).out
    assert api.messages[-1].body["max_tokens"] == int(advised)
    assert cli("route", *ASK, "--max-cost", "0.01", code=2).out == ""


@pytest.mark.parametrize("command", ["ask", "route"])
def test_a_cap_that_is_no_number_is_refused(command: str, cli: Cli, api: MessagesApi) -> None:
    """Nothing is more than nan: taken as a cap it would let everything through."""
    assert "--max-cost" in cli(command, *ASK, "--max-cost", "nan", code=2).err
    assert api.requests == []


def test_a_stored_answer_costs_nothing(cli: Cli, api: MessagesApi) -> None:
    """What is answered from the store is under every cap."""
    cli("ask", *ASK)
    assert cli("ask", *ASK, "--max-cost", "0", "--json").json["cache"]["status"] == "hit"


def test_a_cheaper_model_that_is_allowed_answers_instead(cli: Cli, api: MessagesApi) -> None:
    """[route] models is gone through in its order; the answer is stored as that model's. --model allows no other."""
    cheaper = {"OPTAFLY_ROUTE_MODELS": "claude-opus-5-5,claude-haiku-5-5"}
    first = cli("ask", *ASK, "--max-cost", "0.02", "--json", env=cheaper)
    assert first.json["model"] == api.messages[-1].body["model"] == "claude-haiku-5-5"
    assert "claude-haiku-5-5 instead ([route] models)" in first.err
    assert cli("ask", *ASK, "--cache-only", "--json", code=1).json["cache"]["status"] == "miss"
    again = cli("ask", *ASK, "--max-cost", "0.02", "--json", env=cheaper)
    assert again.json["cache"]["status"] == "hit"
    cli("ask", *ASK, "--max-cost", "0.02", "--model", "claude-opus-5-5", env=cheaper, code=2)
    assert len(api.messages) == 1


def test_an_unknown_price_is_under_no_cap(cli: Cli, api: MessagesApi) -> None:
    """A model whose price nobody knows cannot be held to a cap."""
    other = {"OPTAFLY_PROVIDER_EXTRA_MODELS": "local-model"}
    said = cli("ask", *ASK, "--model", "local-model", "--max-cost", "9", env=other, code=2).err
    assert "what local-model costs is not known" in said
    assert api.requests == []


def test_a_project_has_its_own_key(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """The key is in the variable of the longest folder that holds the project; other projects use the usual one."""
    keys = f"{repo.parent}=OUTER_KEY,{repo}=WORK_KEY,/elsewhere=NO_KEY"
    env = {"OPTAFLY_PROVIDER_PROJECT_KEYS": keys, "WORK_KEY": api.key, "ANTHROPIC_API_KEY": "sk-ant-api03-another"}
    cli("ask", *ASK, env=env)
    assert api.messages[-1].sent_key(api.key)
    other = repo.parent.parent / f"{repo.name}-other"
    other.mkdir()
    cli("ask", "what is a monad?", env={**env, "ANTHROPIC_API_KEY": api.key}, cwd=other)
    assert len(api.messages) == 2


def test_a_key_that_is_not_there_is_named(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """An empty variable is an error of the configuration: another account is not asked instead."""
    env = {"OPTAFLY_PROVIDER_KEY_VARIABLE": "WORK_KEY"}
    failed = cli("ask", *ASK, env=env, code=4)
    assert "WORK_KEY" in failed.err
    assert api.requests == []
    bad = {"OPTAFLY_PROVIDER_PROJECT_KEYS": "WORK_KEY"}
    assert "is not FOLDER=VARIABLE" in cli("ask", *ASK, env=bad, code=4).err


def test_a_project_file_chooses_no_key(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """A cloned repository does not say whose account pays."""
    (repo / ".optafly.toml").write_text('[provider]\nkey_variable = "WORK_KEY"\n')
    done = cli("ask", *ASK)
    assert "it would choose whose account pays" in done.err
    assert api.messages[-1].sent_key(api.key)


@pytest.mark.parametrize("failure", [Failure(500), Failure(529), Failure(401)])
def test_exact_fails_as_the_endpoint_does(cli: Cli, api: MessagesApi, failure: Failure) -> None:
    """--exact with an endpoint that fails: exit 3, or 4 where it is the key; no estimate is shown instead."""
    api.script(*[failure] * 5)
    failed = cli("route", *ASK, "--exact", env={"OPTAFLY_PROVIDER_RETRIES": "0"}, code=None)
    assert failed.code == (4 if failure.status == 401 else 3)
    assert failed.out == ""


def test_answers_teach_how_many_tokens_a_model_counts(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """From eight answers on, counts are those of the endpoint; the method says so, and the margin is what was seen."""
    rules = "".join(f"Rule {number}: keep functions small and clear.\n" for number in range(60))
    (repo / "rules.md").write_text(rules)
    before = cli("route", "what is a monad?", "--system", "rules.md", "--json").json["tokens"]
    assert before["method"].endswith("assumed for claude-sonnet-5-5")
    for number in range(8):
        cli("ask", f"what is a monad number {number}?", "--system", "rules.md")
    after = cli("route", "what is a monad?", "--system", "rules.md", "--json").json["tokens"]
    exact = cli("route", "what is a monad?", "--system", "rules.md", "--exact", "--json").json["tokens"]
    assert exact["method"] == "count_tokens"
    assert "× what 8 answers of claude-sonnet-5-5 had" in after["method"]
    assert abs(after["input"] / exact["input"] - 1) < 0.03 < abs(before["input"] / exact["input"] - 1)
    without = cli(
        "route", "what is a monad?", "--system", "rules.md", "--json", env={"OPTAFLY_CACHE_ENABLED": "0"}
    ).json
    assert without["tokens"]["method"] == before["method"]


@pytest.mark.slow
def test_a_prompt_over_the_window_is_asked_in_parts(cli: Cli, api: MessagesApi) -> None:
    """Each request fits and has the question; the answers come one after the other, and are not stored."""
    data = "\n".join(
        f"{n} a quick brown fox jumps over the lazy dog, and {n * 7919 % 1000} more" for n in range(16_000)
    )
    asked = ("which line is odd?", "--model", "claude-haiku-4-5", "--max-context-tokens", "900000")
    shown = cli("route", *asked, "--json", "--request", stdin=data).json
    assert shown["optimisation"]["chunks"] == len(shown["request"]) > 1
    done = cli("ask", *asked, "--json", stdin=data)
    assert len(api.messages) == len(shown["request"])
    bodies = [request.body["messages"][0]["content"] for request in api.messages]
    assert all("which line is odd?" in content[-1]["text"] for content in bodies)
    assert done.json["answer"].count("Use `?` instead of unwrap.") == len(bodies)
    assert "the answer was not stored: it was asked in parts" in done.err
