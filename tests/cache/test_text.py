"""What of a prompt is compared by the exact tier, what is embedded, and what is pasted code."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.cache.text import exact_form, instruction_of, pasted_code, stretches

FENCED = "fix this:\n```rust\nfn  main() {\n\n}\n```\nand   explain"
LINES = st.lists(
    st.sampled_from(["", "  ", "fix  this", "\tx", "```", "```py", "~~~", "````", "a ``` b", "```a`b", "é́", "~~", "``"])
    | st.text(alphabet="ab `~\t\u00a0e\u0301", max_size=8),
    max_size=12,
)


def prompts() -> st.SearchStrategy[str]:
    return LINES.map("\n".join)


def test_white_space_outside_fences_does_not_count() -> None:
    """Runs of white space outside code fences are one space, at either end none; case is kept."""
    assert exact_form("  Fix\tthis \n\n bug ") == "Fix this bug"


def test_fences_are_kept_byte_for_byte() -> None:
    """Inside a code fence every byte counts: white space, and composed against decomposed letters."""
    assert exact_form(FENCED) == "fix this:\n```rust\nfn  main() {\n\n}\n```\nand explain"
    assert exact_form("```\ne\u0301\n```") != exact_form("```\n\u00e9\n```")


def test_composed_and_decomposed_letters_are_the_same_outside() -> None:
    """Outside of fences the text is compared in NFC."""
    assert exact_form("caf\u00e9") == exact_form("cafe\u0301")


def test_instruction_leaves_pasted_code_out() -> None:
    """The instruction is what stands around the fences, in one line; the fences are the pasted code."""
    assert instruction_of(FENCED) == "fix this: and explain"
    assert pasted_code(FENCED) == ("```rust\nfn  main() {\n\n}\n```",)


def test_unterminated_fence_runs_to_the_end() -> None:
    """A fence that nobody closed holds everything after it, and a shorter run of backticks does not close it."""
    assert instruction_of("explain\n````\nx\n```\nfix") == "explain"
    assert instruction_of("explain\n~~~\nx\n```\nfix") == "explain"


def test_only_code_is_its_own_instruction() -> None:
    """When nothing but code remains, the instruction is the prompt in its exact form."""
    assert instruction_of("\n```\nx = 1\n```\n") == "```\nx = 1\n```"


def test_a_fence_in_a_sentence_is_none() -> None:
    """Backticks within a line, or with more backticks behind them, do not open a fence."""
    assert pasted_code("why is ``` here") == ()
    assert pasted_code("```x``` is code") == ()


def test_undecodable_bytes_of_an_argument_stay_apart() -> None:
    """A lone surrogate counts in the exact form, and cannot break what is stored."""
    assert exact_form("a\udce9") != exact_form("a\udce8")
    assert instruction_of("a\udce9") == "a?"


@given(prompts())
def test_exact_form_is_stable(prompt: str) -> None:
    """Taking the exact form twice gives the same, with the same fences."""
    once = exact_form(prompt)
    assert exact_form(once) == once
    assert pasted_code(once) == pasted_code(prompt)
    assert instruction_of(once) == instruction_of(prompt)


@given(prompts(), st.sampled_from([" ", "\n", "\t", "  \n "]))
def test_space_around_a_prompt_never_matters(prompt: str, space: str) -> None:
    """White space before and after a prompt changes neither its exact form nor its instruction."""
    padded = f"{space}{prompt}{space}"
    assert exact_form(padded) == exact_form(prompt)
    assert instruction_of(padded) == instruction_of(prompt)


@given(prompts())
def test_stretches_lose_nothing(prompt: str) -> None:
    """The stretches joined by line ends are the trimmed prompt."""
    assert "\n".join(part.text for part in stretches(prompt)) == prompt.strip()


@given(st.lists(st.text(alphabet="abc\u00e9", min_size=1), min_size=1), st.data())
def test_words_decide(words: list[str], data: st.DataObject) -> None:
    """Two prompts of words alone have the same exact form only if the words are the same."""
    spaces = data.draw(
        st.lists(st.sampled_from([" ", "  ", "\n", "\t", "\u00a0"]), min_size=len(words), max_size=len(words))
    )
    mixed = "".join(space + word for space, word in zip(spaces, words, strict=True))
    assert exact_form(mixed) == " ".join(unicodedata.normalize("NFC", word) for word in words)


@pytest.mark.parametrize("prompt", ["", " \n"])
def test_nothing_stays_nothing(prompt: str) -> None:
    """An empty prompt has an empty exact form."""
    assert exact_form(prompt) == instruction_of(prompt) == ""
