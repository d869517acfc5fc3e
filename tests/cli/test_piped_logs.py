"""A long log and a file, as typed: both are in the prompt, and what went wrong with them."""

from tests.cli.conftest import Cli
from tests.fakes.messages_api import MessagesApi

STEPS = [f"   Compiling dependency-{number} v1.{number}.0" for number in range(400)]
TESTS = [f"test parser::case_{number} ... ok" for number in range(400)]
ERROR = "error[E0308]: mismatched types\n --> src/main.rs:9:5"
LOG = "\n".join([*STEPS, *TESTS, "test parser::bad ... FAILED", ERROR])


def sent(api: MessagesApi) -> str:
    """The text of the last request."""
    return "\n".join(block["text"] for block in api.messages[-1].body["messages"][0]["content"])


def test_what_went_well_is_folded_before_anything_is_left_out(cli: Cli, api: MessagesApi) -> None:
    """The error at the end of a log over the budget is there, and the file beside it; a line says what was done."""
    done = cli("ask", "why does the build fail?", "--file", "src/main.rs", stdin=LOG)
    assert ERROR in sent(api)
    assert "parser::bad ... FAILED" in sent(api)
    assert "text.parse::<u16>().unwrap()" in sent(api)
    assert "case_399" not in sent(api)
    assert "lines that repeat or went well are folded" in done.err


def test_a_file_is_not_pushed_out_by_what_cannot_be_folded(cli: Cli, api: MessagesApi) -> None:
    """Prose of any length leaves the named file its room; with the optimiser off a log does, too."""
    cli("ask", "explain this", "--file", "src/main.rs", stdin="A sentence of its own, number {}. \n" * 4_000)
    assert "text.parse::<u16>().unwrap()" in sent(api)
    cli("ask", "why does the build fail?", "--file", "src/main.rs", "--no-optimise", stdin=LOG)
    assert "text.parse::<u16>().unwrap()" in sent(api)
    assert "case_399" in sent(api)


def test_the_same_log_asked_again_is_a_hit(cli: Cli, api: MessagesApi) -> None:
    """What was folded is folded alike; another log is another question, whatever is folded of it."""
    for _ in range(2):
        found = cli("ask", "why does the build fail?", "--json", stdin=LOG).json
    assert found["cache"]["status"] == "hit"
    other = cli("ask", "why does the build fail?", "--json", stdin=LOG.replace("case_7 ", "case_seven ")).json
    assert other["cache"]["status"] == "miss"
    assert len(api.messages) == 2
