"""Runs: what no token looks across, spelled as the vocabulary spells it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.tokens.runs import BOW, CAPS, EOW, SHIFT, normalised, runs_between, split, word_run


def shown(run: str) -> str:
    """A run with its marks in letters."""
    return run.translate({ord(BOW): "<", ord(EOW): ">", ord(SHIFT): "^", ord(CAPS): "^^"})


@pytest.mark.parametrize(
    ("word", "spelled", "with_capitals"),
    [
        ("word", "<word>", "<word>"),
        ("Word", "^<word>", "^<word>"),
        ("JSON", "<JSON>", "^^<json>"),
        ("API", "<API>", "<API>"),
        ("camelCase", "<camelCase>", "<camelCase>"),
        ("I", "^<i>", "^<i>"),
        ("'ll", "'ll>", "'ll>"),
    ],
)
def test_words_are_spelled_with_their_ends_and_capitals(word: str, spelled: str, with_capitals: str) -> None:
    """A word stands between its ends, one capital is a mark; words of capitals have one in older families only."""
    assert shown(word_run(word, None)) == spelled
    assert shown(word_run(word, 4)) == with_capitals


@pytest.mark.parametrize(
    ("gap", "runs"),
    [
        (" ", []),
        ("  ", ["  "]),
        ("(", ["("]),
        (" (", ["<("]),
        (") ", [")>"]),
        (") {\n    ", [")>", "<{", "\n", "    "]),
        (" '", [" ", "'"]),
        (" 1 ", [" ", "1", " "]),
        ("…", ["…"]),
        ("日本", ["日本"]),
    ],
)
def test_what_stands_between_two_words_is_cut_by_kind(gap: str, runs: list[str]) -> None:
    """A single space between words is free; punctuation beside one is spelled with a border; spaces, lines alone."""
    assert [shown(run) for run in runs_between(gap, after_word=True, before_word=True)] == runs


def test_contractions_are_words_of_their_own() -> None:
    """The apostrophe of "it's" belongs to what follows it; that of a quotation does not."""
    assert split("it's 'quoted'")[1::2] == ["it", "'s", "quoted"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_nothing_is_lost_by_cutting(text: str) -> None:
    """The parts put together are the normalised text, whatever it holds; every run but its marks is in it."""
    clean = normalised(text, straight_quotes=False)
    parts = split(clean)
    assert "".join(parts) == clean
    assert len(parts) % 2 == 1
    for gap in parts[::2]:
        bare = "".join(runs_between(gap, after_word=True, before_word=True)).replace(BOW, "").replace(EOW, "")
        assert bare.replace(" ", "") == gap.replace(" ", "")
