"""Whether two answers say the same, on real pairs and the bundled model: never "same" where one word turns it round."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.promise.agreement import MOST_PROSE, Agreement, agreement

PANIC = """\
The panic comes from `parse_port`, which calls `unwrap` on the result of parsing the first argument. When no argument \
is given, the text is empty and parsing an empty string as a number fails.

Return a `Result` from the function and let `main` print the error. That way the program ends with a message instead \
of a panic, and the caller decides what to do."""
PANIC_RETOLD = """\
`parse_port` panics because it calls `unwrap` on the result of parsing its first argument: without an argument the \
text is empty, and an empty string cannot be parsed as a number.

Let the function return a `Result` and print the error in `main`. The program then ends with a message instead of \
panicking, and what to do is decided by the caller."""
GREETING = """\
The function greets whoever is named by building a string with `format!`. It trims the name first, so that spaces \
around it do not show.

`main` prints the greeting together with the second argument, separated by a space."""
RUST = "\n\n```rust\nfn port() -> u16 {\n    80\n}\n```\n"
SAME = [
    ("Use `?` here.", " Use  `?`\nhere.\n"),
    ("Use `?` instead of `unwrap` so that it gets out.", "So that it gets out, use `?` instead of `unwrap`."),
    ("The port is 8080 by default.", "By default the port is 8080."),
    (PANIC, PANIC_RETOLD),
    (PANIC + RUST, PANIC_RETOLD + RUST.replace("    80", "  80").replace("rust", "rs")),
    ("```\na = 1\n```", "~~~python\na   = 1\n\n~~~"),
]  # fmt: skip
OTHER = [
    ("Yes, it is thread safe.", "No, it is not thread safe."),
    ("True.", "False."),
    (PANIC, GREETING),
    (PANIC + RUST, GREETING + RUST.replace("80", "81")),
    ("Run git rebase to put your commits on top of main.", "Use a dictionary to count the words of the file."),
    ("The date parser takes the month for the day.", "A null pointer crashes the network layer."),
]
NEVER_SAME = [
    ("The port is 8080.", "The port is 8081."),
    ("The function sorts the list in place.", "The function does not sort the list in place."),
    ("The list is sorted in ascending order.", "The list is sorted in descending order."),
    ("Add an index on the user column.", "Drop the index on the user column."),
    ("Increase the timeout to wait longer.", "Decrease the timeout to wait longer."),
    ("The client retries the request after a delay.", "The server retries the request after a delay."),
    ("First comes the source, then the target.", "First comes the target, then the source."),
    ("Copy from the cache to the disk.", "Copy from the disk to the cache."),
    ("Set `max_age` to zero.", "Set `min_age` to zero."),
    (PANIC, PANIC.replace("first", "second")),
    (PANIC, PANIC.replace("When no argument", "When an argument")),
    (PANIC + RUST, PANIC_RETOLD + RUST.replace("80", "81")),
    (PANIC + RUST, PANIC),
    ("```python\nif a:\n    b()\n    c()\n```", "```python\nif a:\n    b()\nc()\n```"),
    ("```\na = 1\n```", "```\na = 2\n```"),
    ("```\na = 1\n```", "Set a to 1."),
    ("", "Something."),
]  # fmt: skip


def said(one: str, other: str, minilm: Embedder) -> Agreement:
    """The verdict, which is the same from both sides."""
    forth, back = agreement(one, other, minilm.embed), agreement(other, one, minilm.embed)
    assert forth == back
    return forth


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_in_other_words_and_other_white_space(minilm: Embedder, one: str, other: str) -> None:
    """The same facts in another order or, at length, in other words; the same code, however it is spaced and fenced."""
    assert said(one, other, minilm) == "same"


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_a_yes_against_a_no_and_another_subject(minilm: Embedder, one: str, other: str) -> None:
    """What cannot both answer the same question."""
    assert said(one, other, minilm) == "other"


@pytest.mark.parametrize(("one", "other"), NEVER_SAME)
def test_one_word_can_turn_it_round(minilm: Embedder, one: str, other: str) -> None:
    """A number, a negation, an opposite, an exchanged word, other code: however near, it is not the same."""
    assert said(one, other, minilm) != "same"


def test_what_is_too_long_to_compare_is_unsure(minilm: Embedder) -> None:
    """More prose than is compared gives no label, unless the texts are equal."""
    long = "The parser reads a line.\n\n" * (MOST_PROSE // 20)
    assert said(long, long, minilm) == "same"
    assert said(long, long + "\n\nAnd so on.", minilm) == "unsure"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_can_be_compared(minilm: Embedder, one: str, other: str) -> None:
    """Whatever the texts are, there is a verdict, it is symmetric, and a text says the same as itself."""
    assert said(one, one, minilm) == "same"
    said(one, other, minilm)
