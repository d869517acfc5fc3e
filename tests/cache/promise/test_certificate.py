"""The number that is promised: exact, from labels alone, and never promised without enough of them."""

import random
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.cache.promise.certificate import (
    LATE,
    LEVEL,
    Label,
    at_most,
    certify,
    least_labels,
    percent,
    upper_bound,
)

GRID = (0.99, 0.95, 0.9, 0.8, 0.5)
LABELS = st.lists(st.builds(Label, st.sampled_from([0.4, 0.5, 0.7, 0.8, 0.85, 0.9, 0.96, 0.99, 1.0]), st.booleans()))


@pytest.mark.parametrize(
    ("wrong", "served", "bound"),
    [(0, 299, 0.009969), (0, 298, 0.010003), (0, 1, 0.95), (1, 10, 0.394163), (5, 100, 0.102253), (10, 10, 1.0)],
)
def test_the_bound_is_clopper_and_pearsons(wrong: int, served: int, bound: float) -> None:
    """Values of the published tables, to six digits."""
    assert upper_bound(wrong, served) == pytest.approx(bound, abs=1e-6)


@given(st.integers(1, 400), st.data())
def test_the_bound_solves_its_equation(served: int, data: st.DataObject) -> None:
    """At the bound, so few wrong ones have a probability of exactly 5%, counted in whole numbers."""
    wrong = data.draw(st.integers(0, served - 1))
    rate = upper_bound(wrong, served)
    direct = sum(comb(served, k) * rate**k * (1 - rate) ** (served - k) for k in range(wrong + 1))
    assert direct == pytest.approx(LEVEL, rel=1e-6)
    assert wrong / served < rate <= 1


@pytest.mark.parametrize(("wrong", "served"), [(1, 0), (0, 0), (-1, 5), (6, 5)])
def test_a_count_that_cannot_be_is_refused(wrong: int, served: int) -> None:
    """More wrong than served, or none served at all, has no bound."""
    with pytest.raises(ValueError, match="served"):
        upper_bound(wrong, served)


@pytest.mark.parametrize(("rate", "count"), [(0.01, 299), (0.001, 2995), (0.05, 59), (0.5, 5)])
def test_how_many_labels_a_rate_asks_for(rate: float, count: int) -> None:
    """299 without a mistake show 1%, 298 do not; the same for other rates."""
    assert least_labels(rate) == count
    assert at_most(0, count, rate) <= LEVEL < at_most(0, count - 1, rate)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1])
def test_a_rate_that_nothing_can_show(rate: float) -> None:
    """A rate of 0 or 1 has no number of labels."""
    with pytest.raises(ValueError, match="no number of labels"):
        least_labels(rate)


@given(LABELS, st.sampled_from([0.05, 0.2, 0.5]), st.randoms())
def test_what_is_certified_is_what_was_counted(labels: list[Label], rate: float, chance: random.Random) -> None:
    """A certificate names a threshold of the grid, counts right, keeps to the rate, and takes labels in any order."""
    certificate = certify(labels, GRID, rate)
    if certificate.threshold is not None:
        served = [label for label in labels if label.probability >= certificate.threshold]
        assert certificate.threshold in GRID
        assert (certificate.served, certificate.wrong) == (len(served), sum(not label.right for label in served))
        counted = sum(label.probability >= GRID[-1] for label in labels)
        level = LEVEL / 2 if counted >= LATE * least_labels(rate) else LEVEL
        assert certificate.bound == upper_bound(certificate.wrong, certificate.served, level)
        assert certificate.bound <= rate
    shuffled = list(labels)
    chance.shuffle(shuffled)
    assert certify(shuffled, GRID, rate) == certificate


@given(LABELS, st.sampled_from([0.05, 0.2]))
def test_a_mistake_never_loosens_the_threshold(labels: list[Label], rate: float) -> None:
    """Turning any right label into a wrong one never lets more be served."""
    before = certify(labels, GRID, rate).threshold
    for at, label in enumerate(labels):
        worse = certify([*labels[:at], Label(label.probability, False), *labels[at + 1 :]], GRID, rate).threshold
        assert worse is None or (before is not None and worse >= before)


def test_the_first_failure_ends_the_sequence() -> None:
    """A looser threshold that would pass is out of reach behind one that fails."""
    strict = [Label(0.99, True)] * 60 + [Label(0.99, False)] * 20
    loose = [Label(0.9, True)] * 5000
    assert certify(loose, GRID, 0.05).threshold == 0.5
    certificate = certify(strict + loose[:90], GRID, 0.05)
    assert certificate.threshold is None
    assert certificate.reason == (
        "20 of 80 checked answers were wrong: that shows a rate of at most 34%, not the asked 5%"
    )


def test_one_mistake_at_the_top_does_not_end_it() -> None:
    """Where there are three times the fewest labels it begins a second time, both times at half of the level."""
    top = [Label(0.99, True)] * 310 + [Label(0.99, False)]
    assert certify(top, GRID, 0.01).threshold is None
    assert certify(top + [Label(0.96, True)] * 500, GRID, 0.01).threshold is None
    certificate = certify(top + [Label(0.96, True)] * 590, GRID, 0.01)
    assert certificate.threshold == 0.5
    assert certificate.bound == upper_bound(1, 901, LEVEL / 2)
    more = [Label(0.85, False)] * 8
    assert certify(top + [Label(0.96, True)] * 590 + more, GRID, 0.01).threshold == 0.9


def test_the_loosest_that_passes_is_taken() -> None:
    """Thresholds pass one after the other until mistakes come in; those with too few labels are where it begins."""
    labels = [Label(0.99, True)] * 10 + [Label(0.92, True)] * 400 + [Label(0.85, False)] * 30
    certificate = certify(labels, GRID, 0.01, own=3)
    assert (certificate.threshold, certificate.served, certificate.wrong, certificate.own) == (0.9, 410, 0, 3)
    assert certificate.reason == "0 of 410 checked answers were wrong: with 95% confidence at most 0.73% are"


@pytest.mark.parametrize(
    ("count", "there"), [(812, "there are 812"), (1, "there is 1"), (0, "there are none")], ids=str
)
def test_too_few_labels_say_how_many_it_takes(count: int, there: str) -> None:
    """Without a certificate the reason names the rate, what it needs and what there is."""
    certificate = certify([Label(0.99, True)] * count, GRID, 0.001)
    assert certificate.threshold is None
    assert certificate.reason == (
        f"the asked rate 0.1% needs at least 2,995 checked answers without a mistake; {there}"
    )


def test_thresholds_must_descend() -> None:
    """A grid in another order is a fault of whoever made it."""
    with pytest.raises(ValueError, match="descend"):
        certify([], (0.5, 0.9), 0.01)


def test_a_false_promise_is_as_rare_as_it_says() -> None:
    """Labels drawn with a rate just above the asked one at every threshold: at most 5% of certificates are wrong."""
    chance = random.Random(7)
    granted = 0
    for _ in range(1000):
        labels = [Label(chance.random(), chance.random() > 0.051) for _ in range(300)]
        granted += certify(labels, (0.8, 0.6, 0.4, 0.2, 0.0), 0.05).threshold is not None
    assert granted <= 65


@pytest.mark.parametrize(
    ("share", "words"), [(0.01, "1%"), (0.001, "0.1%"), (0.1234, "12%"), (0.9876, "98.76%"), (1.0, "100%"), (0.0, "0%")]
)
def test_shares_are_written_for_people(share: float, words: str) -> None:
    """Two digits that count."""
    assert percent(share) == words
