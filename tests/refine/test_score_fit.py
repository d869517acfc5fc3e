"""The tables that turn sums into chances, as training/score.py fits them."""

import random
from itertools import pairwise

import pytest

pytest.importorskip("scipy", reason="what fits the score needs the extra `training`")

from training.score_fit import centred


def test_a_fitted_table_rises_also_where_its_first_block_is_small() -> None:
    """Few rows are drawn further to the base rate than many: the few must not end above the many."""
    amounts = [float(at) for at in range(100)]
    labels = [0.0] * 2 + [0.05] * 20 + [0.2] * 20 + [1.0] * 58
    knots, values = centred(amounts, labels)
    assert values[0] < 0.2
    for column in (knots, values):
        assert all(one < other for one, other in pairwise(column))


def test_a_fitted_table_rises_for_any_rows() -> None:
    """Whatever came, and however it is weighed."""
    draw = random.Random(20261129)
    for _ in range(300):
        count = draw.randrange(30, 200)
        amounts = [draw.gauss(0, 1) for _ in range(count)]
        labels = [float(draw.random() < draw.choice((0.2, 0.5, 1 / (1 + 2.7**-one)))) for one in amounts]
        weights = [draw.choice((0.2, 1.0, 3.0)) for _ in range(count)]
        for column in centred(amounts, labels, weights):
            assert all(one < other for one, other in pairwise(column))
