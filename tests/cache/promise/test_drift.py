"""The alarm: silent while the promise holds, however often one looks, and not to be missed when it does not."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.cache.promise.drift import evidence, is_drift


@pytest.mark.parametrize(
    ("wrong", "drift"),
    [
        ([], False),
        ([True], False),
        ([True, True], True),
        ([False] * 10 + [True, True], True),
        ([False] * 100 + [True, True], False),
        ([False] * 300 + [True] * 3, False),
        ([False] * 300 + [True] * 10, True),
        ([False] * 5000, False),
        ([True] * 5000, True),
    ],
    ids=lambda value: f"{len(value)}/{sum(value)}" if isinstance(value, list) else None,
)
def test_how_many_wrong_hits_it_takes(wrong: list[bool], drift: bool) -> None:
    """Against 1%: a single wrong hit is no drift, two of the first twelve are, three of three hundred are not."""
    assert is_drift(wrong, 0.01) is drift


@pytest.mark.parametrize("rate", [0.01, 0.2])
def test_false_alarms_are_as_rare_as_promised(rate: float) -> None:
    """Wrong exactly as often as promised, looked at after each of 400 hits: an alarm in at most 5% of histories."""
    chance = random.Random(3)
    alarms = sum(is_drift([chance.random() < rate for _ in range(400)], rate) for _ in range(400))
    assert alarms <= 28


def test_a_rate_four_times_too_high_is_noticed() -> None:
    """4% instead of 1% raises the alarm within a thousand hits in nine of ten histories."""
    chance = random.Random(4)
    alarms = sum(is_drift([chance.random() < 0.04 for _ in range(1000)], 0.01) for _ in range(100))
    assert alarms >= 90


@given(st.lists(st.booleans(), max_size=60), st.sampled_from([0.001, 0.01, 0.3, 0.9]), st.data())
def test_more_mistakes_are_more_evidence(wrong: list[bool], rate: float, data: st.DataObject) -> None:
    """Evidence is at least 1, never sinks as hits come in, and grows when one of them turns out to be wrong."""
    found = evidence(wrong, rate)
    assert found >= 1
    assert evidence(wrong[: len(wrong) // 2], rate) <= found
    if wrong:
        at = data.draw(st.integers(0, len(wrong) - 1))
        assert evidence([*wrong[:at], True, *wrong[at + 1 :]], rate) >= found


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_that_cannot_be_drifted_from(rate: float) -> None:
    """A promise of none or all wrong is no promise."""
    with pytest.raises(ValueError, match="drifted"):
        evidence([True], rate)
