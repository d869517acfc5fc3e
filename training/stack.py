"""Fit the stack on pairs that the cross-encoder did not see: one logistic unit over `verifier/features.py`.

Only pairs that would reach it count: cosine at or above the gate, no veto. Weights that would reward a difference are
held at zero, so that more differences never make a hit likelier (the logistic loss with bounds, L-BFGS-B).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.guard.vetoes import Comparison, compare
from optafly_cli.cache.spelling import embedded_form
from optafly_cli.cache.verifier.features import NAMES, features
from training.data import Pair

GATE = 0.85
SIGNS = {
    "logit": 1,
    "cosine": 1,
    "same": 1,
    "lonely": -1,
    "lonely_more": -1,
    "slips": 0,
    "shared": 1,
    "relations": -1,
    "grammar": -1,
    "question_missing": -1,
    "question_differs": -1,
    "turned": -1,
    "length": 1,
    "trigrams": 1,
    "strict": -1,
    "literals": 0,
}
"""Which way each feature may count: 1 for, -1 against, 0 either."""
RIDGE = 0.002
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """Pairs with what the look-up sees of them: (n,) cosines, n comparisons, and which would reach the verifier."""

    pairs: Sequence[Pair]
    cosines: npt.NDArray[np.float32]
    compared: Sequence[Comparison]
    reaches: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Stack:
    """Weights in the order of `NAMES`, and the intercept."""

    weights: Rows
    intercept: float

    def probability(self, rows: Rows) -> Rows:
        """(n, features) to (n,)."""
        found: Rows = 1 / (1 + np.exp(-(rows @ self.weights + self.intercept)))
        return found


def seen(pairs: Sequence[Pair], embedder: Embedder) -> Seen:
    """Embed and compare the pairs."""
    texts = sorted({text for pair in pairs for text in (pair.a, pair.b)})
    vectors = dict(zip(texts, embedder.embed([embedded_form(text) for text in texts]), strict=True))
    cosines = np.array([float(vectors[pair.a] @ vectors[pair.b]) for pair in pairs], dtype=np.float32)
    compared = [compare(pair.a, pair.b) for pair in pairs]
    reaches = (cosines >= GATE) & np.array([found.veto is None for found in compared])
    return Seen(pairs, cosines, compared, reaches)


def table(found: Seen, logits: npt.NDArray[np.float32]) -> Rows:
    """The features of every pair: (n, features)."""
    pairs = zip(logits, found.cosines, found.compared, strict=True)
    return np.array([features(float(logit), float(cosine), compared) for logit, cosine, compared in pairs])


def fit(rows: Rows, labels: Rows, weights: Rows) -> Stack:
    """The stack of least logistic loss with the signs held; (n, features), (n,), (n,)."""
    size = rows.shape[1]

    def loss(point: Rows) -> tuple[float, Rows]:
        scores = rows @ point[:size] + point[size]
        error = 1 / (1 + np.exp(-scores)) - labels
        total = (weights * (np.logaddexp(0, scores) - labels * scores)).sum() / weights.sum()
        slope = np.append(rows.T @ (weights * error), (weights * error).sum()) / weights.sum()
        slope[:size] += 2 * RIDGE * point[:size]
        return float(total + RIDGE * (point[:size] ** 2).sum()), slope

    limits = {1: (0.0, None), -1: (None, 0.0), 0: (None, None)}
    bounds = [*(limits[SIGNS[name]] for name in NAMES), (None, None)]
    start = np.zeros(size + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000})
    return Stack(found.x[:size], float(found.x[size]))


def calibration_error(probabilities: Rows, labels: Rows, bins: int = 10) -> float:
    """Expected calibration error over bins of equal count, so that none is empty (Nguyen and O'Connor 2015)."""
    order = np.argsort(probabilities)
    parts = np.array_split(order, bins)
    return float(sum(abs(probabilities[part].mean() - labels[part].mean()) * len(part) for part in parts) / len(order))
