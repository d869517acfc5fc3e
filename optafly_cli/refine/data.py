"""The data files of refine, read once: cues of intent, weights of the score, templates of the rewrite."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from optafly_cli.errors import OptaflyError
from optafly_cli.refine.result import Action


@dataclass(frozen=True, slots=True)
class Cues:
    """How strongly a word or phrase speaks for an action.

    `verbs` and `nouns` are keyed by lower-case word, `phrases` by regular expression; weights are relative to
    `prior`, the weight of knowing nothing. `lead` multiplies a verb that opens a sentence.
    """

    verbs: Mapping[str, Mapping[Action, float]]
    nouns: Mapping[str, Mapping[Action, float]]
    phrases: Mapping[str, Mapping[Action, float]]
    prior: float
    lead: float
    error_text: float
    question: float


@dataclass(frozen=True, slots=True)
class Table:
    """A piecewise linear, rising function: its knots and the value at each."""

    knots: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """From how clearly the index speaks for its first files to the chance that the right one is among them.

    `weights` of the likelihood as a logit, the agreement and the lead. `neutral`: where nothing could be searched.
    """

    bias: float
    weights: tuple[float, float, float]
    table: Table
    neutral: float


@dataclass(frozen=True, slots=True)
class Weights:
    """The score's parts: a weight per feature and the dimension of each, the bias of each dimension.

    `calibration`: from the weighed sum to the score.
    """

    weights: Mapping[str, float]
    dimensions: Mapping[str, tuple[str, ...]]
    dimension_bias: Mapping[str, float]
    calibration: Table
    found: FoundWeights


@dataclass(frozen=True, slots=True)
class Template:
    """What is expected of an answer to one action, and what to ask when a fact is missing.

    `question` stands when the prompt does not say what is wanted, `ungrounded` when no code was found at all.
    """

    expectations: tuple[str, ...]
    question: str
    ungrounded: str


@cache
def cues() -> Cues:
    """The cues of `data/intent-cues.toml`."""
    table = _read("intent-cues.toml")
    general = table["general"]
    return Cues(
        verbs=_by_word(table["actions"], "verbs"),
        nouns=_by_word(table["actions"], "nouns"),
        phrases=_by_word(table["actions"], "phrases"),
        prior=general["prior"],
        lead=general["lead"],
        error_text=general["error_text"],
        question=general["question"],
    )


@cache
def weights() -> Weights:
    """The weights of `data/score-weights.toml`.

    Raises:
        OptaflyError: a weight has the wrong sign or a table falls, so that the score would not be monotone.
    """
    table = _read("score-weights.toml")
    values: dict[str, float] = {}
    dimensions: dict[str, tuple[str, ...]] = {}
    for name, group in table["dimensions"].items():
        dimensions[name] = (*group["raises"], *group["lowers"])
        for sign, side in ((1.0, "raises"), (-1.0, "lowers")):
            for feature, weight in group[side].items():
                if not math.isfinite(weight) or weight < 0:
                    raise OptaflyError(f"score-weights.toml: {feature} must be a number of 0 or more")
                values[feature] = sign * weight
    return Weights(
        weights=values,
        dimensions=dimensions,
        dimension_bias={name: group["bias"] for name, group in table["dimensions"].items()},
        calibration=rising("calibration", table["calibration"]["sum"], table["calibration"]["score"]),
        found=_found(table["found"]),
    )


def _found(table: dict[str, Any]) -> FoundWeights:
    by = tuple(table[name] for name in ("share", "agreement", "lead"))
    if any(not math.isfinite(one) or one < 0 for one in by):
        raise OptaflyError("score-weights.toml: the weights of found must be numbers of 0 or more")
    return FoundWeights(table["bias"], by, rising("found", table["sum"], table["chance"]), table["neutral"])


def rising(name: str, knots: list[float], values: list[float]) -> Table:
    """The table of these columns.

    Raises:
        OptaflyError: it does not rise throughout.
    """
    for column in (knots, values):
        if len(column) != len(knots) or len(column) < 2 or any(one >= other for one, other in pairwise(column)):
            raise OptaflyError(f"score-weights.toml: the table {name} must rise")
    return Table(tuple(knots), tuple(values))


@cache
def templates() -> Mapping[str, Template]:
    """The templates of `data/templates.toml`, by action; an action without one gets no expectations."""
    return {
        action: Template(tuple(table["expectations"]), table.get("question", ""), table.get("ungrounded", ""))
        for action, table in _read("templates.toml").items()
    }


def _read(name: str) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(files("optafly_cli.refine").joinpath("data", name).read_text("utf-8"))


def _by_word(actions: Mapping[Action, Any], kind: str) -> dict[str, dict[Action, float]]:
    found: dict[str, dict[Action, float]] = {}
    for action, groups in actions.items():
        for word, weight in groups.get(kind, {}).items():
            found.setdefault(word, {})[action] = weight
    return found
