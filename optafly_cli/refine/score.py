"""The score: the chance that a prompt is one that people call well specified, 0 to 1, from features and weights.

A weighed sum of the features of `features.py` through a calibrated table. The weights' signs are checked when they are
read, so that it is monotone: an error-level finding never raises it. Each dimension is a logistic over its own
features; where something is known of it, grounding is the chance that the right file is among the first five
found. docs/score.md says what the numbers mean.
"""

import math
from collections.abc import Mapping, Sequence

from optafly_cli.refine.coverage import coverage
from optafly_cli.refine.data import Table, weights
from optafly_cli.refine.features import RULES_OF, features
from optafly_cli.refine.found import between, chance_found, is_known
from optafly_cli.refine.result import Contribution, Finding, Score
from optafly_cli.refine.rules.base import Subject


def score(subject: Subject, findings: Sequence[Finding]) -> Score:
    """The score of a prompt with what is attached to it. An empty prompt scores 0."""
    if not subject.view.text.strip():
        return Score(0.0, dict.fromkeys(weights().dimensions, 0.0), coverage(subject))
    values = features(subject, findings)
    dimensions = dict(dimensions_of(values))
    if is_known(subject):
        dimensions["grounding"] = chance_found(subject) * (1.0 - 0.5 * values["unresolved"])
    listed = contributions(values, findings)
    if not is_known(subject):
        # The same for every prompt: it says nothing about this one
        listed = tuple(one for one in listed if one.feature != "found")
    return Score(value_of(values), dimensions, coverage(subject), listed)


def value_of(values: Mapping[str, float]) -> float:
    """The score of features by name, each 0 to 1."""
    return calibrated(weights().calibration, sum_of(values))


def sum_of(values: Mapping[str, float]) -> float:
    """The weighed sum."""
    return sum(weight * values[one] for one, weight in weights().weights.items())


def dimensions_of(values: Mapping[str, float]) -> Mapping[str, float]:
    """Each dimension by its own features; 0.5 is a usual prompt."""
    table = weights()
    return {
        name: _logistic(table.dimension_bias[name] + sum(table.weights[one] * values[one] for one in members))
        for name, members in table.dimensions.items()
    }


def calibrated(table: Table, amount: float) -> float:
    """The score of a weighed sum; outside of the table it nears 0 and 1 and goes on rising."""
    first, last = table.knots[0], table.knots[-1]
    width = last - first
    if amount < first:
        return table.values[0] * 2.0 * _logistic((amount - first) / width)
    if amount > last:
        return table.values[-1] + (1.0 - table.values[-1]) * (2.0 * _logistic((amount - last) / width) - 1.0)
    return between(table.knots, table.values, amount)


def contributions(values: Mapping[str, float], findings: Sequence[Finding]) -> tuple[Contribution, ...]:
    """What each feature does to the score, largest effect first; features that are 0 do nothing.

    `points` is what the score would lose, were the feature 0 and all else as it is.
    """
    table = weights()
    total = sum_of(values)
    now = calibrated(table.calibration, total)
    of = {one: dimension for dimension, members in table.dimensions.items() for one in members}
    found = [
        Contribution(
            name,
            of[name],
            values[name],
            weight * values[name],
            now - calibrated(table.calibration, total - weight * values[name]),
            _rules(name, findings),
        )
        for name, weight in table.weights.items()
        if values[name] and weight
    ]
    return tuple(sorted(found, key=lambda one: (-abs(one.amount), one.feature)))


def _rules(feature: str, findings: Sequence[Finding]) -> tuple[str, ...]:
    """The rules whose findings a feature counts, of those that were found."""
    if feature == "unresolved":
        counted = [one.rule for one in findings if one.severity == "error"]
    else:
        counted = [one.rule for one in findings if one.rule in RULES_OF.get(feature, ())]
    return tuple(dict.fromkeys(counted))


def _logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))
