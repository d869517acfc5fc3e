"""What a text on a function leaves open."""

import pytest

from optafly_cli.refine.open_cases import open_cases
from optafly_cli.refine.prompt_text import PromptText


def left_open(text: str) -> float:
    return open_cases(PromptText(text))


@pytest.mark.parametrize(
    ("open_text", "settled"),
    [
        ("The function gives the average of the list", "The function gives the sum of the list"),
        ("The function gives the average of the list", "The function gives the average of the non-empty list"),
        ("A method that rotates the text", "A method that writes the text"),
        ("The function rounds and converts x", "The function converts x"),
        ("Write a function for the mean", "Write a function for the mean: f([1]) == 1, f([]) == 0"),
        ("The function takes several texts", "The function takes two texts"),
    ],
)
def test_an_operation_that_not_everything_can_go_into_leaves_something_open(open_text: str, settled: str) -> None:
    """It counts for more, the more there are, and for less where such a case is spoken of or shown."""
    assert left_open(open_text) > left_open(settled)


def test_only_a_text_on_a_function_leaves_cases_open() -> None:
    """Elsewhere the same words speak of something else."""
    assert left_open("Round off the release notes and convert them") == 0


def test_a_longer_text_leaves_less_open_with_the_same_operation() -> None:
    """It says more about it."""
    short = "The function gives the average of the list"
    assert left_open(f"{short}, {'which is read from a file and kept in memory ' * 8}") < left_open(short)
