"""Tokens of long texts are counted by samples: whole words of them, and near enough."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.models import catalogue
from optafly_cli.service.proxy.counting import Counts, sampled
from optafly_cli.tokens.counter import counter_for
from tests.proxy.conftest import MODEL

ROOT = Path(__file__).resolve().parents[2]


@given(st.integers(), st.integers(500, 5_000))
def test_no_word_is_cut(seed: int, count: int) -> None:
    """Parts of words would be counted anew each time."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("aébc-_1.", k=rng.randint(1, 30))) for _ in range(count)]
    assert {*sampled(" ".join(words)).split(" ")} <= {*words, ""}


def test_a_text_without_blanks_is_sampled_too() -> None:
    """Base64, say: as much of it as of any other."""
    assert len(sampled("a" * 100_000)) == 1_024


@pytest.mark.parametrize(
    "path", ["docs/proxy.md", "docs/routing.md", "optafly_cli/service/proxy/handler.py", "LICENSE"]
)
def test_the_count_is_near(path: str) -> None:
    """Of prose, of tables and of code."""
    text = (ROOT / path).read_text("utf-8")
    model = catalogue().get(MODEL)
    assert Counts()(model, text) == pytest.approx(counter_for(model).count(text), rel=0.15)
