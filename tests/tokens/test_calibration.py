"""Calibration: what real answers say is believed when there are enough of them, and no odd one moves it."""

from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.tokens.calibration import ENOUGH, PLAUSIBLE, content_class, observed, ratio_of, ratios_of
from optafly_cli.tokens.counter import Counter

PROSE = "The parser keeps a stack of open brackets, and reports the first one that is never closed. " * 5
CODE = "def parse(text: str) -> list[int]:\n    return [int(part) for part in text.split(',') if part]\n" * 5


def test_the_class_of_a_text() -> None:
    """Prose, code and other scripts are told apart."""
    assert content_class(PROSE) == "prose"
    assert content_class(CODE) == "code"
    assert content_class("Синтаксический анализатор хранит стек открытых скобок. " * 5) == "other"


def test_too_few_answers_say_nothing() -> None:
    """A ratio is used from ENOUGH answers on."""
    assert ratio_of([1.3] * (ENOUGH - 1)) is None
    found = ratio_of([1.3] * ENOUGH)
    assert found is not None
    assert (found.value, found.margin, found.answers) == (1.3, 0.0, ENOUGH)


@given(st.lists(st.floats(1.28, 1.32), min_size=ENOUGH, max_size=50), st.floats(0.6, 1.7))
def test_no_odd_answer_moves_the_ratio(ratios: list[float], odd: float) -> None:
    """One answer more, however odd, leaves the ratio within what the others say."""
    found = ratio_of([*ratios, odd])
    assert found is not None
    assert min(ratios) - 0.005 <= found.value <= max(ratios) + 0.005


@given(st.integers(0, 10**7), st.integers(-5, 10**7))
def test_what_is_observed_is_plausible_or_nothing(counted: int, billed: int) -> None:
    """Short requests, and ratios that only something uncounted explains, are not observed."""
    ratio = observed(counted, billed)
    assert ratio is None or (PLAUSIBLE[0] <= ratio <= PLAUSIBLE[1] and counted >= 200)


def test_a_counter_counts_with_what_was_seen() -> None:
    """Only texts of the class that was seen are multiplied; margin and method say so."""
    plain = Counter("claude-4.8", "claude-opus-5-5")
    seen = Counter("claude-4.8", "claude-opus-5-5", ratios_of({"code": [1.2] * 9 + [1.3], "prose": [1.1]}))
    assert seen.count(PROSE) == plain.count(PROSE)
    assert abs(seen.count(CODE) / plain.count(CODE) - 1.2) < 0.01
    assert seen.margin == 0.083
    assert seen.method.endswith("× what 10 answers of claude-opus-5-5 had")
