"""optafly ask with `[provider] diagnostics`, as typed: the endpoint says why its prompt cache was not read."""

from pathlib import Path

from tests.cli.conftest import Cli
from tests.fakes.messages_api import MessagesApi

ASKING = ("--file", "src/main.rs", "--system", "rules.md")
ALWAYS = {"OPTAFLY_PROVIDER_DIAGNOSTICS": "always"}


def write_rules(repo: Path, what: str) -> None:
    """A system prompt that is long enough to be cached."""
    (repo / "rules.md").write_text("".join(f"Rule {number}: keep {what} small.\n" for number in range(300)))


def test_a_changed_system_prompt_is_named_as_the_cause(cli: Cli, api: MessagesApi, repo: Path) -> None:
    """Each request names the message before it; what the endpoint says of the difference is said."""
    write_rules(repo, "functions")
    cli("ask", "explain this code", *ASKING, env=ALWAYS)
    write_rules(repo, "modules")
    broken = cli("ask", "which tests are missing here", *ASKING, "-v", env=ALWAYS)
    assert "nothing was read, because the system prompt is not the same as in the last request" in broken.err
    read = cli("ask", "what can go wrong here", *ASKING, "-v", env=ALWAYS)
    assert "nothing was read" not in read.err
    named = [request.body["diagnostics"]["previous_message_id"] for request in api.messages]
    assert named[0] is None
    assert all(name and name.startswith("msg_") for name in named[1:])
    assert len(set(named)) == 3


def test_json_has_the_endpoints_word(cli: Cli, repo: Path) -> None:
    """`prompt_cache.miss_reason` is the server's, whatever it is."""
    write_rules(repo, "functions")
    cli("ask", "explain this code", *ASKING, env=ALWAYS)
    write_rules(repo, "modules")
    document = cli("ask", "which tests are missing here", *ASKING, "--json", env=ALWAYS).json
    assert document["prompt_cache"]["miss_reason"] == "system_changed"


def test_another_endpoint_is_not_asked(cli: Cli, api: MessagesApi) -> None:
    """By default the field goes to Anthropic's own address only, and nothing is kept for it."""
    cli("ask", "explain this code", "--file", "src/lib.rs")
    assert "diagnostics" not in api.messages[0].body
    document = cli("ask", "explain this file", "--file", "src/lib.rs", "--json", env=ALWAYS).json
    assert api.messages[1].body["diagnostics"] == {"previous_message_id": None}
    assert document["prompt_cache"]["miss_reason"] is None


def test_a_hit_says_nothing_of_another_request(cli: Cli, repo: Path) -> None:
    """The stored answer carries no diagnosis of the request that made it."""
    write_rules(repo, "functions")
    for _ in range(2):
        hit = cli("ask", "explain this code", *ASKING, "--json", env=ALWAYS).json
    assert (hit["cache"]["status"], hit["prompt_cache"]) == ("hit", None)
