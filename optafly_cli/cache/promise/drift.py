"""Drift: evidence that more of the served hits are wrong than was promised, looked for at any time. Pure.

The test bets against the promise. For an alternative rate q above the promised α, each hit multiplies a stake by q/α
when it was wrong and by (1−q)/(1−α) when it was not. While the true rate is at most α, whatever came before, no stake
grows in expectation, and neither does their mean; so the mean ever reaches 1/0.05 with a probability of at most 5%,
however often one looks (J. Ville, 1939; H. Robbins, "Statistical methods related to the law of the iterated logarithm",
1970, for the mixture; I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", 2023).

A hit that nobody rejected counts as not wrong here, although nobody said that it was right: that can only keep the
alarm silent longer, never raise a false one. The certificate, where it would flatter, counts no such hit.
"""

from collections.abc import Iterable
from math import exp, log, log1p

LEVEL = 0.05
"""How often the alarm may be false, over all times at which one looks."""
TIMES_WORSE = (2, 4, 8, 16, 32, 64)
"""The rates that are bet on, as multiples of the promised one; none above the middle between that and 1."""


def evidence(wrong: Iterable[bool], max_error_rate: float) -> float:
    """The largest stake that the hits, in the order in which they were served, ever made of 1. At 20 it is drift.

    Raises:
        ValueError: the rate is not between 0 and 1.
    """
    if not 0 < max_error_rate < 1:
        raise ValueError(f"a rate of {max_error_rate} cannot be drifted from")
    most = (1 + max_error_rate) / 2
    rates = sorted({min(times * max_error_rate, most) for times in TIMES_WORSE})
    steps = [(log1p(-rate) - log1p(-max_error_rate), log(rate) - log(max_error_rate)) for rate in rates]
    stakes = [0.0] * len(rates)
    largest = 1.0
    for was_wrong in wrong:
        stakes = [stake + step[was_wrong] for stake, step in zip(stakes, steps, strict=True)]
        if was_wrong:
            # A longer run of wrong ones than a float can count is drift all the same
            largest = max(largest, sum(exp(min(stake, 500.0)) for stake in stakes) / len(stakes))
    return largest


def is_drift(wrong: Iterable[bool], max_error_rate: float) -> bool:
    """Whether the hits are evidence that more than `max_error_rate` of them are wrong. Raises ValueError as above."""
    return evidence(wrong, max_error_rate) >= 1 / LEVEL
