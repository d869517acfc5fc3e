"""optafly ask --prewarm, as typed: the prompt cache is written, and nothing is answered or kept."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.fakes.messages_api import MessagesApi

ASKING = ("explain this code", "--file", "src/main.rs", "--system", "rules.md")


@pytest.fixture
def rules(repo: Path) -> Path:
    """A system prompt that is long enough to be cached."""
    path = repo / "rules.md"
    path.write_text("".join(f"Rule {number}: keep functions small.\n" for number in range(300)))
    return path


def test_what_was_pre_warmed_is_read_by_the_question(cli: Cli, api: MessagesApi, rules: Path) -> None:
    """One request of no tokens; the same words asked then are a miss of the store that reads all that was written."""
    assert rules.exists()
    warmed = cli("ask", *ASKING, "--prewarm", "--json").json
    assert warmed["answer"] == ""
    assert warmed["prewarm"]["written_5m"] > 1000
    assert warmed["cost"]["billed"] > 0
    asked = cli("ask", *ASKING, "--json").json
    assert asked["cache"]["status"] == "miss"
    assert asked["usage"]["cache_read_input_tokens"] >= warmed["prewarm"]["written_5m"]
    assert api.messages[0].body["max_tokens"] == 0


def test_people_are_told_what_it_costs_to_keep_it(cli: Cli, api: MessagesApi, rules: Path) -> None:
    """The second time it is found and kept; both times the break-even is said."""
    assert rules.exists()
    first, second = (cli("ask", *ASKING, "--prewarm").out for _ in range(2))
    assert "written into the prompt cache for 5 minutes ($" in first
    assert "cheaper than writing anew up to" in first
    assert "in the prompt cache already" in second
    assert len(api.messages) == 2
    longer = cli("ask", "explain this code", "--file", "src/lib.rs", "--system", "rules.md", "--prewarm").out
    assert re.match(r"[\d,]+ tokens are in the prompt cache for 5 minutes, [\d,]+ of them new \(\$", longer)


def test_what_is_too_short_for_the_prompt_cache_is_not_sent(cli: Cli, api: MessagesApi) -> None:
    """Below the model's minimum the endpoint would write nothing: it says so and sends nothing."""
    done = cli("ask", "explain this code", "--file", "src/lib.rs", "--prewarm", code=2)
    assert "minimum" in done.err
    assert api.requests == []
    cli("ask", *ASKING[:3], "--prewarm", "--refresh", code=2)


def test_pre_warming_fails_as_asking_does(cli: Cli, rules: Path) -> None:
    """A refused key is exit 4, an endpoint that is not there exit 3, each one sentence."""
    assert rules.exists()
    refused = cli("ask", *ASKING, "--prewarm", env={"ANTHROPIC_API_KEY": "sk-ant-api03-no"}, code=4)
    gone = cli("ask", *ASKING, "--prewarm", env={"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}, code=3)
    assert "Traceback" not in refused.err + gone.err
