"""What Claude Code is told: few words, only facts, and nothing when there are none."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optafly_cli.models import catalogue
from optafly_cli.refine.linting.check import Filter
from optafly_cli.refine.linting.nudge import hook_answer, nudge
from optafly_cli.tokens.counter import counter_for

MOST_TOKENS = 80


def said(prompt: str, project: Path) -> str:
    return nudge(prompt, project, Filter())


def test_a_name_that_is_not_there_is_told_with_what_was_meant(project: Path) -> None:
    """Path, line and name, each with the nearest that exists."""
    assert said("fix src/mian.rs", project) == (
        "optafly: src/mian.rs is not in the workspace; did you mean src/main.rs?"
    )
    assert "did you mean parse_port?" in said("why does `parse_prot` panic", project)
    assert "has 12 lines" in said("explain src/main.rs:400", project)
    assert "app/people.py:1, app/places.py:1" in said("why is `describe` slow", project)


@pytest.mark.parametrize(
    "prompt",
    ["", "fix this bug", "make it faster", "explain src/main.rs", "/review src/mian.rs", "!ls src/mian.rs",
     "# remember src/mian.rs", "* src/mian.rs is what I call it", "yes", "why does `parse_port` panic?"],
)  # fmt: skip
def test_nothing_is_said_where_nothing_is_wrong_or_claude_knows_better(prompt: str, project: Path) -> None:
    """Wording is for the author; "it" may be clear from the conversation; commands are no prompts."""
    assert said(prompt, project) == ""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(
        st.sampled_from(
            ["src/mian.rs", "`parse_prot`", "`describe`", "`load`", "src/main.rs:4711", "lib/ünïcode/größe.py",
             "a/b/c/d/e/f/g/h/i.py",
             "`X9_zQ7_vK3()`", "`qzxvkjwpqzxvkjwpmbtrqzxvkjwp_zqjx`", "`HTTPSXMLRPCQZVKW`",
             "`discuont`", "at most 3 lines, at least 9 lines",
             "app/端口/設定.py"]
        ),
        max_size=8,
    )
)  # fmt: skip
def test_it_is_never_more_than_eighty_tokens(names: list[str], project: Path) -> None:
    """Counted with the tokenizers of the models that we know, the default's among them."""
    text = said("Fix " + " and ".join(names), project)
    for name in {catalogue().default, *catalogue().models}:
        assert counter_for(catalogue().get(name)).count(text) <= MOST_TOKENS


@pytest.mark.parametrize(
    "raw",
    ["", "{", "[]", "null", '{"prompt": 3}', '{"hook_event_name": "Stop", "prompt": "fix src/mian.rs"}',
     '{"prompt": "fix src/mian.rs", "cwd": "/nowhere"}'],
)  # fmt: skip
def test_input_that_is_no_prompt_here_gets_no_answer(raw: str, tmp_path: Path) -> None:
    """Neither an error nor a guess; and a folder without anything in it has no paths to speak of."""
    (tmp_path / "src").mkdir()
    answer = hook_answer(raw, tmp_path, Filter())
    assert answer is None or "cwd" in raw


def test_the_answer_has_the_keys_that_claude_code_knows_and_no_others(project: Path, tmp_path: Path) -> None:
    """An unknown key makes it drop the whole answer. The folder is the one that the hook was told."""
    event = {"session_id": "1", "cwd": str(project), "hook_event_name": "UserPromptSubmit", "prompt": "fix src/mian.rs"}
    answer = hook_answer(json.dumps(event), tmp_path, Filter())
    assert answer == {
        "hookSpecificOutput": {
            "hookEventName": "UserPromptSubmit",
            "additionalContext": "optafly: src/mian.rs is not in the workspace; did you mean src/main.rs?",
        }
    }


def test_what_is_not_certain_is_not_told(project: Path) -> None:
    """A long report may speak of files of its author's own."""
    report = "I have been using this for a while and it went well until last week. " * 8
    assert said(f"{report}It is in docs/mypackage.rst.", project) == ""
    assert "app/order.py is not in the workspace" in said(f"{report}It is in app/order.py.", project)


def test_a_rule_that_is_switched_off_is_not_told(project: Path) -> None:
    """The settings of [lint] hold here too."""
    assert nudge("fix src/mian.rs", project, Filter(ignore=("OPF010",))) == ""
