"""Counts: near the reference, never negative, monotone, and made without a network or even without a tokenizer."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.models import catalogue
from optafly_cli.tokens.corrections import corrections, estimate
from optafly_cli.tokens.counter import Counter, counter_for
from optafly_cli.tokens.kinds import character_features

FAMILIES = ("claude-3", "claude-4.7", "claude-4.8")
REFERENCE = json.loads((Path(__file__).parent / "data" / "reference_counts.json").read_text("utf-8"))
NEWEST = Counter("claude-4.8")

TEXTS = st.one_of(
    st.text(max_size=400),
    st.text(alphabet="ab .,\n\t(){}0123=+й中あ한😀é", max_size=400),
    st.lists(st.sampled_from(["fix ", "the ", "bug", "\n", "    ", "fn main() {", "中文", "```", "x=1;"])).map("".join),
)


@pytest.mark.parametrize("family", FAMILIES)
def test_counts_are_near_the_reference(family: str) -> None:
    """Short texts that no weight was fitted to are within 12% of ctok's count, half of them within 6%."""
    counter = Counter(family)
    errors = [abs(counter.count(row["text"]) / row["tokens"][family] - 1) for row in REFERENCE]
    assert len(errors) == 19
    assert max(errors) <= 0.12
    assert statistics.median(errors) <= 0.06


@pytest.mark.parametrize("family", FAMILIES)
def test_counts_without_a_tokenizer_are_rougher(family: str) -> None:
    """Counted by characters alone, the same texts are within 25%, half of them within 12%, and the margin is wider."""
    found = corrections().families[family]
    errors = [
        abs(estimate(character_features(row["text"]), found.characters) / row["tokens"][family] - 1)
        for row in REFERENCE
    ]
    assert max(errors) <= 0.25
    assert statistics.median(errors) <= 0.12
    assert found.margin < found.fallback_margin < 0.25


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


@pytest.mark.parametrize("text", ["a", " ", "\n", "7", "é", "я", "😀", "=-", "the quick brown fox\n", "word "])
def test_ten_megabytes_are_counted(text: str) -> None:
    """10 MB of one thing repeated, which makes a tokenizer slow, has a count like 10 kB of it, in proportion."""
    thousand, many = text * (10_000 // len(text)), text * (3_000_000 // len(text))
    times = len(many) / len(thousand)
    assert NEWEST.count(many) == pytest.approx(NEWEST.count(thousand) * times, rel=0.05)


def test_ten_megabytes_of_prose_are_counted() -> None:
    """A prompt of 10 MB is counted whole."""
    line = "The parser keeps a stack of open brackets, and reports the first one that is never closed.\n"
    lines = 10_000_000 // len(line)
    assert NEWEST.count(line * lines) == pytest.approx(NEWEST.count(line * 100) / 100 * lines, rel=0.01)


def test_method_and_margin_say_what_was_counted_with() -> None:
    """With the table the method names cl100k, the family and the day of the corrections."""
    assert NEWEST.method == "cl100k × claude-4.8 corrections of 2026-11-22"
    assert 0 < NEWEST.margin < 0.15
    assert NEWEST.margin == corrections().families["claude-4.8"].margin


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


def test_without_tiktoken_characters_are_counted() -> None:
    """Without tiktoken there is still a count, with a wider margin and a method that says why."""
    said = _python(
        "import sys; sys.modules['tiktoken'] = None\n"
        "from optafly_cli.tokens.counter import Counter\n"
        "counter = Counter('claude-4.8')\n"
        "print(counter.count('fix this bug in the parser'), counter.margin, counter.method, sep='|')"
    )
    count, margin, method = said.split("|")
    assert 4 <= int(count) <= 12
    assert float(margin) > NEWEST.margin
    assert method.startswith("characters × claude-4.8 corrections of 2026-11-22 (tiktoken does not import: ")


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


def test_importing_the_counter_does_not_load_tiktoken() -> None:
    """tiktoken and its table are loaded by the first count."""
    said = _python(
        "import sys; from optafly_cli.tokens.counter import Counter\n"
        "Counter('claude-3'); print('tiktoken' in sys.modules)"
    )
    assert said == "False"
