"""Amounts of all files, as a list with a mapping's manners."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.workspace.index.of_each import OfEach

AMOUNTS = st.one_of(
    st.lists(st.floats(min_value=0, max_value=9), max_size=400),
    # As copies of a file have it: few amounts, many files with each
    st.integers(0, 900).flatmap(
        lambda size: st.lists(st.sampled_from([0.0, 0.35, 0.35, 1.0, 2.5]), min_size=size, max_size=size)
    ),
)


@given(AMOUNTS, st.integers(1, 120))
def test_the_best_are_those_of_a_sorted_list(amounts: list[float], most: int) -> None:
    """Most first, of equal ones the lower number first, none that has nothing."""
    ordered = sorted((-amount, file) for file, amount in enumerate(amounts) if amount > 0)
    assert OfEach(amounts).best(most) == [file for _, file in ordered[:most]]


@given(AMOUNTS)
def test_as_a_mapping_it_has_the_files_with_more_than_nothing(amounts: list[float]) -> None:
    """Their numbers are its keys."""
    assert dict(OfEach(amounts)) == {file: amount for file, amount in enumerate(amounts) if amount > 0}
    assert len(OfEach(amounts)) == len(dict(OfEach(amounts)))
    assert OfEach(amounts).get(len(amounts), 0.0) == OfEach(amounts).get(-1, 0.0) == 0.0


def test_a_file_that_has_nothing_is_not_in_it() -> None:
    """Nor is one that there is not."""
    for file in (0, 2, -1):
        with pytest.raises(KeyError):
            OfEach([0.0, 1.0])[file]
