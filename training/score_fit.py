"""Fitting the score: weights, folds, the chance that a file is found, the calibration. Pure: no file is read."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize

from benchmarks.refine import auc
from optafly_cli.refine.found import between, parts
from optafly_cli.refine.retrieval.clarity import Clarity
from training.score_sets import START, Array, Rows

SEED = 0
RIDGE = 0.004
GRID = (0.001, 0.002, 0.004, 0.008, 0.016)
TASKS = {"pairs": 1.0, "anchors": 0.3, "issues": 0.1, "resolved": 1.0, "clear": 0.6, "complete": 0.1, "specified": 0.1}
"""How much the mean loss of each set counts."""


def fit(sets: Mapping[str, Rows], ridge: float) -> Array:
    """Weights of 0 or more: logistic losses of all sets, each set with its own base rate, pairs with none."""
    tasks = [(sets[name], weight, name in ("pairs", "anchors", "issues")) for name, weight in TASKS.items()]
    start = np.abs(START)

    def loss(given: Array) -> tuple[float, Array]:
        weights, rates = given[: len(start)], given[len(start) :]
        spread = np.maximum(start, 0.5)
        total = ridge * float((((weights - start) / spread) ** 2).sum())
        slope = np.zeros_like(given)
        slope[: len(start)] = 2 * ridge * (weights - start) / spread**2
        for at, (one, weight, paired) in enumerate(tasks):
            sums = one.values @ weights + (0.0 if paired else rates[at])
            wrong = 1 / (1 + np.exp(-sums)) - one.label
            total += weight * float((np.logaddexp(0, sums) - one.label * sums).mean())
            slope[: len(start)] += weight * (one.values * wrong[:, None]).mean(0)
            if not paired:
                slope[len(start) + at] += weight * wrong.mean()
        return total, slope

    bounds = [(0.0, None)] * len(start) + [(None, None)] * len(tasks)
    found = minimize(loss, np.r_[start, np.zeros(len(tasks))], jac=True, method="L-BFGS-B", bounds=bounds)
    result: Array = found.x[: len(start)]
    return result


def without(sets: Mapping[str, Rows], names: Sequence[str], left_out: Any) -> dict[str, Rows]:
    """The sets, and of those named only the rows whose group is not left out."""
    return {
        name: one[np.array([not left_out(group) for group in one.group])] if name in names else one
        for name, one in sets.items()
    }


def out_of_fold(
    sets: Mapping[str, Rows], name: str, folds: Sequence[Any], also: Sequence[str] = (), ridge: float | None = None
) -> Array:
    """The weighed sum of each row, by weights that have not seen its fold. Without `ridge` it is chosen inside."""
    sums = np.zeros(len(sets[name].label))
    for fold in folds:
        inside = np.array([fold(group) for group in sets[name].group])
        rest = without(sets, (name, *also), fold)
        chosen = ridge if ridge is not None else best_ridge(rest, name, folds, fold)
        sums[inside] = sets[name].values[inside] @ fit(rest, chosen)
    return sums


def best_ridge(sets: Mapping[str, Rows], name: str, folds: Sequence[Any], left_out: Any) -> float:
    """The ridge that does best on the other folds, each left out in turn."""
    inner = [fold for fold in folds if fold is not left_out]

    def worth(ridge: float) -> float:
        sums = out_of_fold(sets, name, inner, ridge=ridge)
        one = sets[name]
        return float(np.mean(sums > EVEN)) if name == "pairs" else auc(list(zip(sums, one.label > 0, strict=True)))

    return max(GRID, key=worth)


EVEN = 1e-9


def folds_of(groups: Sequence[str], count: int) -> list[Any]:
    """`count` folds of groups, by what stands before the first blank, shuffled by SEED."""
    names = sorted({group.split(" ")[0] for group in groups})
    order = np.random.default_rng(SEED).permutation(len(names))
    fold_of = {name: int(at) % count for name, at in zip(names, order, strict=True)}
    return [lambda group, fold=fold: fold_of.get(group.split(" ")[0]) == fold for fold in range(count)]


def repository(name: str) -> str:
    """The repository of an instance of SWE-bench."""
    return re.split(r"-\d", name)[0]


FOUND_RIDGE = 0.02
Found = tuple[float, Array, list[float], list[float]]


def found_table(seen: Sequence[Mapping[str, Any]]) -> Found:
    """Bias and weights of what a clarity is made of, and the table from their sum to the chance.

    The table is an isotonic regression of what came, of which the logistic's own chance counts as a second observation.
    """
    values = np.array([parts_of(one) for one in seen])
    label = np.array([float(one["hit"]) for one in seen])

    def loss(given: Array) -> tuple[float, Array]:
        sums = values @ given[:-1] + given[-1]
        wrong = 1 / (1 + np.exp(-sums)) - label
        total = float((np.logaddexp(0, sums) - label * sums).mean()) + FOUND_RIDGE * float(
            ((given[:-1] / SPREAD) ** 2).sum()
        )
        return total, np.r_[(values * wrong[:, None]).mean(0) + 2 * FOUND_RIDGE * given[:-1] / SPREAD**2, wrong.mean()]

    bounds = [(0.0, None)] * 3 + [(None, None)]
    given = minimize(loss, np.zeros(4), jac=True, method="L-BFGS-B", bounds=bounds).x
    sums = values @ given[:-1] + given[-1]
    chance = 1 / (1 + np.exp(-sums))
    knots, heights = centred(list(sums), list((label + chance) / 2))
    # Beyond what was seen the logistic goes on
    ends = (knots[0] - 2.0, knots[-1] + 1.0)
    knots, heights = [ends[0], *knots, ends[1]], [heights[0] / 2, *heights, (1 + heights[-1]) / 2]
    return float(given[-1]), given[:-1], knots, heights


SPREAD = np.array([1.0, 4.0, 4.0])


def parts_of(one: Mapping[str, Any]) -> tuple[float, float, float]:
    """What the chance is drawn from."""
    return parts(Clarity(one["share"], one["agreement"], one["lead"]))


def calibrated_chances(seen: Mapping[str, Any]) -> dict[str, float]:
    """The chance that a file is found, of each issue by weights and a table made from the other repositories."""
    found: dict[str, float] = {}
    for apart in sorted({repository(name) for name in seen}):
        bias, by, knots, heights = found_table([one for name, one in seen.items() if repository(name) != apart])
        for name, one in seen.items():
            if repository(name) == apart:
                found[name] = between(knots, heights, bias + float(np.array(parts_of(one)) @ by))
    return found


def centred(
    amounts: Sequence[float], labels: Sequence[float], weights: Sequence[float] | None = None
) -> tuple[list[float], list[float]]:
    """Centred isotonic regression: the blocks of an isotonic one, each a point at its mean, so that the table rises.

    Each block is drawn towards the base rate by two rows, so that none is 0 or 1.
    """
    order = np.argsort(amounts, kind="stable")
    x, y = np.array(amounts, float)[order], np.array(labels, float)[order]
    w = np.ones_like(x) if weights is None else np.array(weights, float)[order]
    base = float((w * y).sum() / w.sum())
    merged: list[Block] = []
    for block in _pooled([(w[at] * x[at], w[at] * y[at], w[at]) for at in range(len(x))]):
        small = min(one[2] for one in (block, *merged[-1:])) < 0.04 * w.sum()
        merged[-1:] = [_joined(merged[-1], block)] if merged and small else [*merged[-1:], block]
    prior = 2.0 * w.mean()
    # Pooled again: few rows are drawn further than many
    drawn = _pooled(
        [(place / size * (size + prior), good + prior * base, size + prior) for place, good, size in merged]
    )
    rounded = {round(place / size, 4): round(good / size, 4) for place, good, size in drawn}
    return list(rounded), list(rounded.values())


Block = tuple[float, float, float]
"""Rows that are one step of a table: the sums of their amounts, of their labels and of their weights, weighed."""


def _pooled(blocks: Sequence[Block]) -> list[Block]:
    """Neighbours joined until their mean labels rise (pool adjacent violators)."""
    found: list[Block] = []
    for block in blocks:
        found.append(block)
        while len(found) > 1 and round(found[-2][1] / found[-2][2], 4) >= round(found[-1][1] / found[-1][2], 4):
            found[-2:] = [_joined(*found[-2:])]
    return found


def _joined(one: Block, other: Block) -> Block:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


DEVELOPERS = 2.0
"""How much more prompts of developers count in the calibration than the other sets: they are what is scored."""
LUCK = 0.2
"""What a bare complaint counts as: now and then the model looks around, or asks. Set by hand."""
SIDES = (("good", "lacking"), ("full", "under"), ("shown", "bare"))


def calibration(sets: Mapping[str, Rows], weights: Array) -> tuple[list[float], list[float]]:
    """From weighed sums to scores: whole texts and those that lack something, each side of a set weighing the same."""
    sums: list[float] = []
    labels: list[float] = []
    shares: list[float] = []
    sides = [sets[name] for pair in SIDES for name in pair]
    for one in sides:
        weight = DEVELOPERS if one is sets["shown"] or one is sets["bare"] else 1.0
        sums += list(one.values @ weights)
        labels += [LUCK if one is sets["bare"] else float(label) for label in one.label]
        shares += [weight / len(one.label)] * len(one.label)
    return centred(sums, labels, shares)
