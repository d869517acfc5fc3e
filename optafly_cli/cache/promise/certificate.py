"""From labels to the probability at which a semantic hit may be served. Pure; standard library only.

Sources. The bound for k wrong of n: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits
illustrated in the case of the binomial", Biometrika 26 (1934). The choice among thresholds: A. N. Angelopoulos et al.,
"Learn then Test: Calibrating predictive algorithms to achieve risk control", arXiv:2110.01052 (2021), with fixed
sequence testing.

Why the sequence may begin late. The thresholds are fixed before any label is seen, strictest first. Those with fewer
than `least_labels` labels at or above them could not pass with none wrong; the test begins at the first that has
enough. Where it begins depends on the probabilities alone, never on what was right. So everything is argued given the
probabilities: the sequence is then fixed, and the wrong answers at or above a threshold are a sum of independent
trials of unequal chance, whose mean chance is the rate that is tested. At k ≤ n·rate − 1 its lower tail is at most the
binomial's (W. Hoeffding, "On the distribution of the number of successes in independent trials", Ann. Math. Stat. 27,
1956, theorem 4), and a test that passes at the 5% level has such a k: a binomial is at or below its mean with a
probability of at least 1/4. Each test keeps its level, and since the first failure ends the sequence, so does the
whole of it: whatever passes is within the rate with 95% confidence.

Why it may begin twice. With just enough labels a single mistake at the top ends the sequence where it begins. So where
there are `LATE` times as many labels, a second sequence begins there, and each is tested at half of the level
(Bonferroni); how many there are depends on the probabilities alone, too.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil, exp, lgamma, log, log1p

LEVEL = 0.05
"""How often a certificate may be wrong: 1 − the confidence."""
LATE = 3
"""A second sequence begins at so many times the fewest labels."""


@dataclass(frozen=True, slots=True)
class Label:
    """An answer that was checked: the probability that the verifier gave it, and whether it was right."""

    probability: float
    right: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """At which probability hits may be served so that at most `max_error_rate` of them are wrong.

    `threshold` is None when no promise can be made; `reason` says it in a sentence either way. `wrong` of the `served`
    labels at or above the threshold (without one: above the last that was tried) were wrong, `bound` is the 95% upper
    bound for their rate, and `own` says how many of all labels that counted are the user's.
    """

    max_error_rate: float
    threshold: float | None
    served: int
    wrong: int
    bound: float | None
    own: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Trial:
    threshold: float
    served: int
    wrong: int


@dataclass(frozen=True, slots=True)
class _End:
    passed: _Trial | None
    failed: _Trial | None


def upper_bound(wrong: int, served: int, level: float = LEVEL) -> float:
    """The exact one-sided Clopper-Pearson bound: the largest rate at which so few wrong ones are not unlikely.

    Raises:
        ValueError: not 0 ≤ wrong ≤ served, or served is 0.
    """
    if not 0 <= wrong <= served or served == 0:
        raise ValueError(f"{wrong} wrong of {served} served")
    if wrong == served:
        return 1.0
    low, high = wrong / served, 1.0
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (low, middle) if at_most(wrong, served, middle) <= level else (middle, high)
    return high


def at_most(wrong: int, served: int, rate: float) -> float:
    """P(X ≤ wrong) for X binomial of `served` trials with `rate`: the p-value of "the rate is above `rate`"."""
    if wrong >= served or rate <= 0:
        return 1.0
    if rate >= 1:
        return 0.0
    fixed, odds = lgamma(served + 1) + served * log1p(-rate), log(rate) - log1p(-rate)
    terms = (exp(fixed - lgamma(k + 1) - lgamma(served - k + 1) + k * odds) for k in range(wrong + 1))
    return min(1.0, sum(terms))


def least_labels(max_error_rate: float, level: float = LEVEL) -> int:
    """How many checked answers without a mistake the rate asks for: the n with (1 − rate)ⁿ ≤ level. 299 for 1%.

    Raises:
        ValueError: the rate is not between 0 and 1.
    """
    if not 0 < max_error_rate < 1:
        raise ValueError(f"no number of labels shows a rate of {max_error_rate}")
    count = max(1, ceil(log(level) / log1p(-max_error_rate)) - 1)
    while at_most(0, count, max_error_rate) > level:
        count += 1
    return count


def certify(labels: Iterable[Label], grid: Sequence[float], max_error_rate: float, *, own: int = 0) -> Certificate:
    """The certificate that the labels allow; `grid` holds the thresholds, strictest first, fixed without the labels.

    Raises:
        ValueError: the grid does not descend, or the rate is not between 0 and 1.
    """
    if any(later >= one for one, later in pairwise(grid)):
        raise ValueError("the thresholds must descend, strictest first")
    trials, least = _trials(labels, grid), least_labels(max_error_rate)
    begins, level = [least], LEVEL
    if trials and trials[-1].served >= LATE * least:
        level = LEVEL / 2
        begins = [least_labels(max_error_rate, level), LATE * least]
    ends = [_descended(trials, begin, max_error_rate, level) for begin in begins]
    if passed := [end.passed for end in ends if end.passed]:
        return _granted(min(passed, key=lambda trial: trial.threshold), max_error_rate, level, own)
    failed = next((end.failed for end in ends if end.failed), None)
    if failed is None:
        return _too_few(trials, least, max_error_rate, own)
    return _failed(failed, max_error_rate, level, own)


def _descended(trials: Sequence[_Trial], begin: int, rate: float, level: float) -> _End:
    """The last trial that passes, and the first that fails, of those with at least `begin` labels."""
    passed: _Trial | None = None
    for trial in trials:
        if trial.served < begin:
            continue
        if at_most(trial.wrong, trial.served, rate) > level:
            return _End(passed, trial)
        passed = trial
    return _End(passed, None)


def percent(share: float) -> str:
    """A share as people read it, with two digits that count: 1%, 0.1%, 12%, 99.4%."""
    near_one = f"{share * 100:.2f}".rstrip("0").rstrip(".")
    return f"{near_one if share > 0.9 else format(share * 100, '.2g')}%"


def _trials(labels: Iterable[Label], grid: Sequence[float]) -> list[_Trial]:
    ordered = sorted(labels, key=lambda label: label.probability)
    probabilities = [label.probability for label in ordered]
    wrong_below = [0, *accumulate(not label.right for label in ordered)]
    starts = [bisect_left(probabilities, threshold) for threshold in grid]
    return [
        _Trial(threshold, len(ordered) - start, wrong_below[-1] - wrong_below[start])
        for threshold, start in zip(grid, starts, strict=True)
    ]


def _granted(trial: _Trial, rate: float, level: float, own: int) -> Certificate:
    bound = upper_bound(trial.wrong, trial.served, level)
    reason = f"{_counted(trial)}: with 95% confidence at most {percent(bound)} are"
    return Certificate(rate, trial.threshold, trial.served, trial.wrong, bound, own, reason)


def _failed(trial: _Trial, rate: float, level: float, own: int) -> Certificate:
    bound = upper_bound(trial.wrong, trial.served, level)
    reason = f"{_counted(trial)}: that shows a rate of at most {percent(bound)}, not the asked {percent(rate)}"
    return Certificate(rate, None, trial.served, trial.wrong, bound, own, reason)


def _too_few(trials: list[_Trial], least: int, rate: float, own: int) -> Certificate:
    last = trials[-1] if trials else _Trial(0.0, 0, 0)
    there = f"there {'is' if last.served == 1 else 'are'} {last.served:,}" if last.served else "there are none"
    reason = f"the asked rate {percent(rate)} needs at least {least:,} checked answers without a mistake; {there}"
    bound = upper_bound(last.wrong, last.served) if last.served else None
    return Certificate(rate, None, last.served, last.wrong, bound, own, reason)


def _counted(trial: _Trial) -> str:
    return f"{trial.wrong:,} of {trial.served:,} checked answers {'was' if trial.wrong == 1 else 'were'} wrong"
