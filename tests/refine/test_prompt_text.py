"""What of a prompt is prose, and where its offsets are."""

from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.refine.markup import wrap
from optafly_cli.refine.prompt_text import PromptText

PARTS = st.lists(
    st.sampled_from(
        [
            "maybe ",
            "`code`",
            '"quoted"',
            "```\nfence\n```\n",
            "\n",
            "```",
            "`",
            '"',
            "'",
            "don't ",
            ">>> f(1)\n",
            "é",
            "  ",
            "TypeError: x\n",
        ]
    ),
    max_size=30,
).map("".join)


def test_carriage_returns_do_not_keep_a_fence_open() -> None:
    """A prompt with Windows line ends has the same prose: issues of GitHub come with them."""
    text = "look\n```\nx = 1\n```\nat app/a.py\nfoo();\nplease\n"
    unix, windows = PromptText(text), PromptText(text.replace("\n", "\r\n"))
    assert windows.prose.split() == unix.prose.split() == ["look", "at", "app/a.py", "please"]


@given(st.one_of(PARTS, st.text(max_size=300)))
def test_prose_has_the_offsets_of_the_text(text: str) -> None:
    """Blanking keeps length and line ends; regions are in order, apart, and inside the text."""
    view = PromptText(text)
    assert len(view.prose) == len(view.text)
    assert [i for i, c in enumerate(view.prose) if c == "\n"] == [i for i, c in enumerate(view.text) if c == "\n"]
    end = 0
    for region in view.regions:
        assert end <= region.start < region.end <= len(view.text)
        end = region.end


def test_code_quotes_and_traces_are_not_prose() -> None:
    """Fences, inline code, quotes, doctests and tracebacks leave nothing in the prose."""
    text = (
        'Say "perhaps one" or `perhaps two`.\n```\nperhaps three\n```\n>>> perhaps(4)\n'
        'Traceback (most recent call last):\n  File "perhaps.py", line 1, in perhaps\nKeyError: perhaps\n'
    )
    assert "perhaps" not in PromptText(text).prose


def test_apostrophes_do_not_quote() -> None:
    """Two apostrophes in words leave the words between them as prose."""
    assert "maybe" in PromptText("it doesn't work, maybe it can't").prose


@given(st.text(max_size=80), st.integers(min_value=0, max_value=80))
def test_a_position_names_the_character_in_the_whole_prompt(text: str, offset: int) -> None:
    """Line and column, 1-based, point at the same character in a plain prompt and in one that is refined already."""
    plain = PromptText("x" + text)
    refined = PromptText(wrap("code", "a\nb", {"path": "a", "lines": "1-2"}) + "\n\nx" + text)
    for view in (plain, refined):
        at = min(offset, len(view.text) - 1)
        line, column = view.position(at)
        lines = view.prompt.split("\n")
        assert (lines[line - 1] + "\n")[column - 1] == view.text[at]


def test_of_a_refined_prompt_only_the_request_is_looked_at() -> None:
    """Context and expectations around the request are not the user's words."""
    prompt = (
        wrap("code", "maybe", {"path": "a", "lines": "1"}) + "\n\n" + wrap("request", "fix it") + "\n\nExpected:\n1. x"
    )
    assert PromptText(prompt).text == "fix it"
