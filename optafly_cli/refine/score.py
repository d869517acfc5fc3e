"""The score: how likely the prompt is to be acted on correctly, 0 to 1, from features and weights.

A logistic over the features of `features.py`; the weights' signs are checked when they are read, so that it is
monotone: an error-level finding never raises it. Each dimension is a logistic over its own features.
"""

import math
from collections.abc import Mapping, Sequence

from optafly_cli.refine.data import weights
from optafly_cli.refine.features import features
from optafly_cli.refine.result import Finding, Score
from optafly_cli.refine.rules.base import Subject


def score(subject: Subject, findings: Sequence[Finding]) -> Score:
    """The score of a prompt with what is attached to it. An empty prompt scores 0."""
    if not subject.view.text.strip():
        return Score(0.0, dict.fromkeys(weights().dimensions, 0.0))
    return score_of(features(subject, findings))


def score_of(values: Mapping[str, float]) -> Score:
    """The score of features by name, each 0 to 1."""
    table = weights()
    dimensions = {
        name: _logistic(table.dimension_bias[name] + sum(table.weights[one] * values[one] for one in members))
        for name, members in table.dimensions.items()
    }
    return Score(_logistic(table.bias + sum(weight * values[one] for one, weight in table.weights.items())), dimensions)


def contributions(values: Mapping[str, float]) -> Mapping[str, float]:
    """What each feature adds to the logit, largest effect first."""
    parts = {name: weight * values[name] for name, weight in weights().weights.items()}
    return dict(sorted(parts.items(), key=lambda item: -abs(item[1])))


def _logistic(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))
