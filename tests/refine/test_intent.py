"""What a prompt asks to be done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.refine.intent import classify
from optafly_cli.refine.prompt_text import PromptText

CASES = [
    ("fix this bug", "debug"),
    ("Why does parse_port crash when PORT is unset?", "debug"),
    ("the login page doesn't work on Safari", "debug"),
    ("ripgrep does not search hidden files when a glob is given", "debug"),
    ("The border isn't drawn in a narrow terminal.", "debug"),
    ("add an option that does not ask", "implement"),
    ("does it not search hidden files?", "explain"),
    ("explain why the cache is not used", "explain"),
    ("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'x'\n", "debug"),
    ("Add a --json flag that prints one object", "implement"),
    ("Write a function that parses ports", "implement"),
    ("Implement retry with backoff in the client", "implement"),
    ("Refactor this module to use dataclasses", "refactor"),
    ("Rename foo to bar everywhere", "refactor"),
    ("simplify the nested loops in total()", "refactor"),
    ("explain this function", "explain"),
    ("What does the borrow checker do here?", "explain"),
    ("How does the cache decide what to evict?", "explain"),
    ("Write unit tests for parse_port", "test"),
    ("add tests for the discount function", "test"),
    ("Review this pull request", "review"),
    ("review this", "review"),
    ("check this code for security vulnerabilities and give feedback", "review"),
    ("Document the public functions of app/orders.py", "document"),
    ("add docstrings to all functions", "document"),
    ("make this query faster", "optimise"),
    ("Optimize memory use of the parser", "optimise"),
    ("speed up the test suite", "optimise"),
]


@pytest.mark.parametrize(("prompt", "action"), CASES)
def test_common_prompts_have_the_expected_action(prompt: str, action: str) -> None:
    """Each everyday way of asking gives its action, with a confidence that says so."""
    intent = classify(PromptText(prompt))
    assert intent.action == action
    assert intent.confidence > 0.3


@pytest.mark.parametrize("prompt", ["このバグを直して", "hello there", "", "   ", "12345"])
def test_a_prompt_without_a_cue_is_other_and_unsure(prompt: str) -> None:
    """Without any cue, in whatever language, the action is other with no confidence."""
    assert classify(PromptText(prompt)) == classify(PromptText(""))
    assert classify(PromptText(prompt)).action == "other"
    assert classify(PromptText(prompt)).confidence == 0


def test_verbs_in_pasted_code_do_not_count() -> None:
    """What code says is not what the user asks."""
    prompt = "explain this:\n```python\ndef fix_bug(): refactor(); optimize()\n```\n"
    assert classify(PromptText(prompt)).action == "explain"


@given(st.text(max_size=300))
def test_confidence_is_a_share(text: str) -> None:
    """Whatever the text, confidence is between 0 and 1, and 1 is never reached."""
    assert 0 <= classify(PromptText(text)).confidence < 1
