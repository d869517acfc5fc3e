"""Counts: those of the reference, never negative, monotone, and made without a network."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.models import catalogue
from optafly_cli.tokens.counter import LATELY, LONGEST_TEXT, Counter, counter_for

FAMILIES = ("claude-3", "claude-4.7", "claude-4.8")
REFERENCE = json.loads((Path(__file__).parent / "data" / "reference_counts.json").read_text("utf-8"))
NEWEST = Counter("claude-4.8")

TEXTS = st.one_of(
    st.text(max_size=400),
    st.text(alphabet="ab .,\n\t(){}0123=+й中あ한😀é", max_size=400),
    st.lists(st.sampled_from(["fix ", "the ", "bug", "\n", "    ", "fn main() {", "中文", "```", "x=1;"])).map("".join),
)


@pytest.mark.parametrize("family", FAMILIES)
def test_counts_are_those_of_the_reference(family: str) -> None:
    """Short texts in many languages count as ctok counts them, but for a token or two at their ends."""
    counter = Counter(family)
    assert len(REFERENCE) == 19
    for row in REFERENCE:
        assert abs(counter.count(row["text"]) - row["tokens"][family]) <= 2, row["name"]


def test_prose_and_code_in_one_text_are_counted_as_the_sum_of_both() -> None:
    """A prompt with a fenced block counts as its prose plus its code, to 3%."""
    texts = {row["name"]: row["text"] for row in REFERENCE}
    mixed = f"{texts['english']}\n```rust\n{texts['rust']}```\n{texts['russian']}"
    parts = sum(NEWEST.count(texts[name]) for name in ("english", "rust", "russian"))
    assert NEWEST.count(mixed) == pytest.approx(parts + 6, rel=0.03)


def test_the_new_tokenizer_needs_more_for_english_and_code_and_not_for_chinese() -> None:
    """claude-4.8 counts English and code at least a fifth higher than claude-3, and Chinese the same to 5%."""
    old = Counter("claude-3")
    texts = {row["name"]: row["text"] for row in REFERENCE}
    for name in ("english", "python", "rust", "sql"):
        assert NEWEST.count(texts[name]) > 1.15 * old.count(texts[name])
    assert NEWEST.count(texts["chinese"]) == pytest.approx(old.count(texts["chinese"]), rel=0.05)


def test_no_text_is_no_token() -> None:
    """Empty text counts 0, and any other text at least 1."""
    assert NEWEST.count("") == 0
    assert NEWEST.count(" ") >= 1
    assert NEWEST.count("x") >= 1


@pytest.mark.parametrize(
    "text", ["<|endoftext|>", "<|fim_prefix|> x <|endofprompt|>", "\ud800", "a\udfffb", "\x00\x01"]
)
def test_strange_text_is_text_like_any_other(text: str) -> None:
    """Special tokens' names, lone surrogates and control characters are counted as characters."""
    assert 1 <= NEWEST.count(text) <= 3 * len(text)


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_a_count_is_bounded_by_the_text(text: str) -> None:
    """A count is a whole number from 0 to a few per byte, the same each time, whatever language is named."""
    count = NEWEST.count(text)
    assert 0 <= count <= 5 * len(text.encode("utf-8", "replace")) + 1
    assert NEWEST.count(text, "python") == count
    assert (count == 0) == (text == "")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(REFERENCE), st.sampled_from(REFERENCE), TEXTS)
def test_counts_grow_with_the_text(first: dict[str, str], second: dict[str, str], tail: str) -> None:
    """Two texts put together count as their sum, within the margin and a few tokens at the seam."""
    left, right = first["text"], second["text"] + tail
    together, apart = NEWEST.count(left + right), NEWEST.count(left) + NEWEST.count(right)
    slack = NEWEST.margin * apart + 8
    assert together >= NEWEST.count(left) - slack
    assert abs(together - apart) <= slack


@pytest.mark.parametrize("letters", [300_000, pytest.param(3_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("text", ["a", " ", "\n", "7", "é", "я", "😀", "=-", "the quick brown fox\n", "word "])
def test_megabytes_of_one_thing_are_counted(text: str, letters: int) -> None:
    """One thing repeated, which makes a tokenizer slow, has a count like 10 kB of it, in proportion."""
    thousand, many = text * (10_000 // len(text)), text * (letters // len(text))
    times = len(many) / len(thousand)
    assert NEWEST.count(many) == pytest.approx(NEWEST.count(thousand) * times, rel=0.05)


def test_ten_megabytes_of_prose_are_counted() -> None:
    """A prompt of 10 MB is counted whole."""
    line = "The parser keeps a stack of open brackets, and reports the first one that is never closed.\n"
    lines = 10_000_000 // len(line)
    assert NEWEST.count(line * lines) == pytest.approx(NEWEST.count(line * 100) / 100 * lines, rel=0.01)


def test_method_and_margin_say_what_was_counted_with() -> None:
    """The method names the family and its day, and a model that it is only assumed for."""
    assert NEWEST.method == "vocabulary of claude-4.8, 2026-11-29"
    assert 0 < NEWEST.margin < 0.03
    assert counter_for(catalogue().get("claude-opus-4-8")).method == NEWEST.method
    assert counter_for(catalogue().get("claude-opus-5-5")).method == f"{NEWEST.method}, assumed for claude-opus-5-5"


def test_frames_are_those_of_the_families() -> None:
    """A request with one user message has 7, 11 or 6 tokens besides its content."""
    assert [Counter(family).frame for family in FAMILIES] == [7, 11, 6]


def test_every_model_has_a_counter() -> None:
    """Each model of the data file names a family that was measured."""
    for model in catalogue().models.values():
        assert counter_for(model).family == model.tokenizer


def test_an_unknown_family_counts_as_the_newest() -> None:
    """A family that was not measured is counted, and named, as the newest that was."""
    assert Counter("claude-9").family == "claude-4.8"


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_counting_touches_no_network_and_imports_nothing_heavy() -> None:
    """Counting opens no socket, looks up no name, and imports neither numpy nor an HTTP library."""
    said = _python(
        "import sys\n"
        "def watch(event, args):\n"
        "    if event.startswith(('socket.', 'urllib.')): raise RuntimeError(event)\n"
        "sys.addaudithook(watch)\n"
        "from optafly_cli.tokens.counter import Counter\n"
        "assert Counter('claude-3').count('hello world') >= 2\n"
        "print([name for name in ('numpy', 'requests', 'httpx2', 'anthropic', 'ctok') if name in sys.modules])"
    )
    assert said == "[]"


def test_importing_the_counter_does_not_load_a_vocabulary() -> None:
    """The vocabulary is read by the first count."""
    said = _python(
        "from optafly_cli.tokens.counter import Counter\n"
        "from optafly_cli.tokens.vocabulary import vocabulary\n"
        "counter = Counter('claude-3'); print(vocabulary.cache_info().currsize)"
    )
    assert said == "0"


def test_what_was_counted_lately_counts_the_same() -> None:
    """More texts than are remembered, each twice, in any order; only so many are kept, and none that is long."""
    counter = Counter("claude-4.8")
    texts = [f"def function_{number}() -> int: return {number}" for number in range(3 * LATELY)] + ["x " * LONGEST_TEXT]
    first = [Counter("claude-4.8").count(text) for text in texts]
    assert [counter.count(text) for text in texts] == [counter.count(text) for text in texts] == first
    assert len(counter._lately) <= LATELY
    assert texts[-1] not in counter._lately
