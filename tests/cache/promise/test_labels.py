"""How the user's labels join the shipped ones, and which answers the drift test looks at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.cache.promise.check import is_sampled
from optafly_cli.cache.promise.labels import in_force, pair_of
from tests.cache.promise.conftest import calibration, labels


@pytest.mark.parametrize(
    ("own", "verifier", "counted"),
    [
        (labels(10), "words@1", 410),
        (labels(298), "words@1", 698),
        (labels(299), "words@1", 299),
        (labels(350, probability=0.9), "words@1", 750),
        (labels(10), "words@2", 10),
        ((), "words@2", 0),
    ],
    ids=["a few", "one short of enough", "enough", "enough, but not so sure", "another verifier", "none at all"],
)
def test_own_labels_join_the_shipped_ones_until_there_are_enough(
    own: tuple[object, ...], verifier: str, counted: int
) -> None:
    """Pooled until 299 of the user's are at or above the strictest threshold; never with those of another verifier."""
    found, mine = in_force(own, calibration(labels(400)), verifier, 0.01)  # type: ignore[arg-type]
    assert (len(found), mine) == (counted, len(own))


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_pair_has_no_order(one: str, other: str) -> None:
    """Two instructions are one pair, whichever was asked and whichever was stored."""
    assert pair_of(one, other) == pair_of(other, one)


def test_courtesy_and_case_make_no_other_pair() -> None:
    """Asking again politely does not bring a rejected answer back."""
    assert pair_of("Please fix this bug", "explain it") == pair_of("fix this bug", "Explain it")
    assert pair_of("fix this bug", "explain it") != pair_of("fix that bug", "explain it")


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=50), st.floats(0, 1))
def test_the_sample_grows_with_its_rate(keys: list[bytes], rate: float) -> None:
    """Nothing at 0, everything at 1, the same for the same key, and a larger rate drops none."""
    for key in keys:
        assert not is_sampled(key, 0.0)
        assert is_sampled(key, 1.0)
        assert is_sampled(key, rate) == is_sampled(key, rate)
        assert is_sampled(key, rate) <= is_sampled(key, (1 + rate) / 2)


def test_the_sample_is_as_large_as_its_rate() -> None:
    """A tenth of a thousand keys, give or take."""
    assert 70 <= sum(is_sampled(number.to_bytes(32, "big"), 0.1) for number in range(1000)) <= 130
