"""Change exactly one thing in a question: never a hit, in whatever words. Change none: always an exact hit."""

from pathlib import Path

import pytest

from tests.cache.changes import CHANGES, Outcome, run_trials


def _check(outcome: Outcome, trials: int) -> None:
    assert outcome.violations == []
    assert outcome.exact == trials
    # what was asked in other words would have been a hit, had nothing changed: the misses above are not for free
    assert outcome.controls == trials


def test_one_change_never_hits(tmp_path: Path) -> None:
    """Every kind of change, four times."""
    trials = 4 * len(CHANGES)
    _check(run_trials(tmp_path / "world", range(trials)), trials)


@pytest.mark.slow
def test_ten_thousand_one_change_trials(tmp_path: Path) -> None:
    """10,000 trials, other ones than above."""
    _check(run_trials(tmp_path / "world", range(10_000, 20_000)), 10_000)
