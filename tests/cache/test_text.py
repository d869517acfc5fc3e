"""What of a prompt is compared by the exact tier, what is embedded, and what is pasted code."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.cache.courtesy import core_of
from optafly_cli.cache.text import exact_form, instruction_of, pasted_code, stretches

FENCED = "fix this:\n```rust\nfn  main() {\n\n}\n```\nand   explain"
LINES = st.lists(
    st.sampled_from(
        [
            "",
            "  ",
            "fix  this",
            "\tx",
            "```",
            "```py",
            "~~~",
            "````",
            "a ``` b",
            "```a`b",
            "é́",
            "~~",
            "``",
            "x: ```py",
            "- ```",
            "> ```",
            "1. ~~~",
            "    y",
            "> z",
        ]
    )
    | st.text(alphabet="ab `~\t\u00a0e\u0301", max_size=8),
    max_size=12,
)


def prompts() -> st.SearchStrategy[str]:
    return LINES.map("\n".join)


def test_white_space_outside_fences_does_not_count() -> None:
    """Runs of white space outside code fences are one space, at either end none; case is kept."""
    assert exact_form("  Fix\tthis \n\nbug \n") == "Fix this bug"


UNFENCED = "fix this\n\nif a:\n    b()\n    c()"


def test_indentation_outside_fences_counts() -> None:
    """Code pasted without a fence is another prompt, and other pasted code, when a line is indented otherwise."""
    other = UNFENCED.replace("    c()", "c()")
    assert exact_form(UNFENCED) == UNFENCED
    assert exact_form(other) != exact_form(UNFENCED)
    assert instruction_of(other) == instruction_of(UNFENCED)
    assert pasted_code(UNFENCED) == ("if a:\n    b()\n    c()",)
    assert pasted_code(other) == ("if a:\n    b()\nc()",)


def test_a_block_with_indented_lines_keeps_its_lines() -> None:
    """Around and within it, white space that is no indentation does not count."""
    loose = "fix  this \n\n\n  \nif  a: \n    b()\t\n    c()\n\n\nplease \n  "
    assert exact_form(loose) == f"{UNFENCED}\n\nplease"


@given(st.lists(st.sampled_from(["a b", "x", "- y"]), min_size=2, max_size=6), st.data())
def test_no_indentation_is_lost(lines: list[str], data: st.DataObject) -> None:
    """Indent one line after the first, and it is another prompt with other pasted code."""
    at = data.draw(st.integers(1, len(lines) - 1))
    indents = data.draw(st.lists(st.sampled_from(["", "", "  ", "\t"]), min_size=len(lines), max_size=len(lines)))
    before = [indent + line for indent, line in zip(indents, lines, strict=True)]
    after = [*before[:at], " " + before[at], *before[at + 1 :]]
    one, other = "\n".join(before), "\n".join(after)
    assert exact_form(one) != exact_form(other)
    assert pasted_code(one) != pasted_code(other)


@pytest.mark.parametrize(
    ("prompt", "instruction"),
    [
        ("fix this: ```python\nif a:\n    b()\n    c()\n```", "fix this:"),
        ("fix this:```\nif a:\n    b()\n    c()\n```", "fix this:"),
        ("fix:\n- ```python\n  if a:\n      b()\n      c()\n  ```", "fix:"),
        ("fix:\n1. ```\n   if a:\n       b()\n       c()\n   ```", "fix:"),
        ("fix:\n> ```python\n> if a:\n>     b()\n>     c()\n> ```\nand explain", "fix: and explain"),
        ("fix: ~~~\nif a:\n    b()\n    c()", "fix:"),
    ],
)
def test_a_fence_may_open_after_text(prompt: str, instruction: str) -> None:
    """After text on its line, a list marker or a quote mark, a fence is one: its white space counts byte for byte."""
    assert instruction_of(prompt) == instruction
    assert len(pasted_code(prompt)) == 1
    for space in ("    b()", "    c()"):
        assert exact_form(prompt.replace(space, "  " + space)) != exact_form(prompt)
        assert pasted_code(prompt.replace(space, "  " + space)) != pasted_code(prompt)
    assert exact_form(exact_form(prompt)) == exact_form(prompt)
    assert exact_form(prompt.replace("fix", "  fix", 1)) == exact_form(prompt)


@pytest.mark.parametrize(
    ("instruction", "core"),
    [
        ("please fix this bug", "fix this bug"),
        ("can you fix this bug?", "fix this bug"),
        ("Could you please fix this bug for me?", "fix this bug"),
        ("help me fix this bug", "fix this bug"),
        ("help me to fix this bug", "fix this bug"),
        ("I want you to fix this bug", "fix this bug"),
        ("I'd like you to fix this bug, please", "fix this bug"),
        ("fix this bug. Thanks in advance!", "fix this bug"),
        ("hi, quick question: why does this crash?", "why does this crash?"),
        ("could you please explain what this function does", "explain what this function does"),
        ("why does this crash?", "why does this crash?"),
        ("can I delete this?", "can I delete this?"),
        ("can you call this from another thread?", "can you call this from another thread?"),
        ("would you use a list here?", "would you use a list here?"),
        ("reply with thanks", "reply with thanks"),
        ("print please", "print please"),
        ("please", "please"),
        ("thanks", "thanks"),
        ("can you help me", "help me"),
        ("could you tell me why this crashes?", "why this crashes?"),
        ("I'd love to understand, if you don't mind explaining, how this works", "how this works"),
        ("any idea why this crashes", "why this crashes"),
        ("fix this bug, if it's not too much trouble. Much appreciated", "fix this bug"),
        ("do you know Python", "do you know Python"),
        ("I want to know Python", "I want to know Python"),
        ("", ""),
    ],
)
def test_courtesy_is_no_part_of_what_is_asked(instruction: str, core: str) -> None:
    """What courtesy puts in front and behind is taken off, and nothing that is asked for."""
    assert core_of(instruction) == core


COURTESY = [
    "please",
    "can you",
    "fix",
    "this",
    "bug",
    "for me",
    "?",
    ",",
    "thanks",
    "help me to",
    "hi,",
    "I want you to",
    "so",
]


@given(st.lists(st.sampled_from(COURTESY) | st.text(max_size=4), max_size=10).map(" ".join))
def test_core_is_stable(instruction: str) -> None:
    """Taken twice it is the same; what had a word keeps one; what is left, but for a question mark, stood there."""
    once = core_of(instruction)
    assert core_of(once) == once
    assert once.rstrip("?") in instruction
    assert bool(once) == bool(instruction.strip())


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
    """Backticks within a line, at the end of the last line, or with more backticks behind them, open no fence."""
    assert pasted_code("why is there a ```") == ()
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
    """The stretches joined by line ends, but for those that go on in a line, are the trimmed prompt."""
    joined = "".join(("" if part.glued else "\n") + part.text for part in stretches(prompt))
    assert joined.removeprefix("\n") == prompt.strip()


@given(st.lists(st.text(alphabet="abc\u00e9", min_size=1), min_size=1), st.data())
def test_words_decide(words: list[str], data: st.DataObject) -> None:
    """Two prompts of words alone have the same exact form only if the words are the same."""
    spaces = data.draw(
        st.lists(
            st.sampled_from([" ", "  ", "\n", "\t", "\u00a0", " \n", "\n\n"]), min_size=len(words), max_size=len(words)
        )
    )
    mixed = "".join(space + word for space, word in zip(spaces, words, strict=True))
    assert exact_form(mixed) == " ".join(unicodedata.normalize("NFC", word) for word in words)


@pytest.mark.parametrize("prompt", ["", " \n"])
def test_nothing_stays_nothing(prompt: str) -> None:
    """An empty prompt has an empty exact form."""
    assert exact_form(prompt) == instruction_of(prompt) == ""
