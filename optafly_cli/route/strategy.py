"""Which estimate of reuse the planner asks: the heuristic, the learned one, or the one that has shown to be cheaper."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optafly_cli.config.settings import Strategy
from optafly_cli.route.history import History
from optafly_cli.route.learned import Learned, Weights
from optafly_cli.route.observed import ByRecord
from optafly_cli.route.pricing import Rates
from optafly_cli.route.purse import Thrifty
from optafly_cli.route.reuse import Reuse, shipped_prior

SCHEMA = "optafly.reuse/1"
ENOUGH = 200
"""Requests below which nothing is learned: the heuristic plans."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What `optafly learn` found out: weights, and what both estimates would have been billed.

    `heuristic` and `learned` are bills over that of no caching, of the `compared` newest requests, to which the
    weights that were compared had not been fitted. `at` is when, in Unix seconds.
    """

    weights: Weights
    at: float
    compared: int
    heuristic: float
    learned: float

    @property
    def trusted(self) -> bool:
        """Whether `auto` plans by it: it rests on enough requests, and was not the more expensive one."""
        return self.weights.requests >= ENOUGH and self.learned <= self.heuristic

    def as_json(self) -> str:
        """What the store's file holds."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in ("at", "compared", "heuristic", "learned")}
        return json.dumps({"schema": SCHEMA, **fields, **self.weights.as_json()}, indent=1)

    @classmethod
    def of_json(cls, text: str | bytes) -> "Lesson | None":
        """The lesson that `as_json` wrote; None for what another version wrote, or nobody."""
        try:
            raw = json.loads(text)
            return cls._of(raw) if raw["schema"] == SCHEMA else None
        except (ValueError, KeyError, TypeError):
            return None

    @classmethod
    def _of(cls, raw: Mapping[str, Any]) -> "Lesson":
        figures = (float(raw[name]) for name in ("at", "compared", "heuristic", "learned"))
        at, compared, heuristic, learned = figures
        return cls(Weights.of_json(raw), at, int(compared), heuristic, learned)


def estimate(strategy: Strategy, history: History, lesson: Lesson | None, price: Rates) -> Reuse:
    """The estimate that the planner asks. `lesson` is what this store has taught: without one the heuristic plans."""
    chosen: Reuse = heuristic(history)
    if lesson is not None and (strategy == "learned" or (strategy == "auto" and lesson.trusted)):
        chosen = learned(lesson.weights, history)
    return Thrifty(chosen, history, price)


def heuristic(history: History) -> ByRecord:
    """The shipped prior and what the history says of each prefix."""
    return ByRecord(shipped_prior(), history)


def learned(weights: Weights, history: History) -> Learned:
    """These weights; the shipped prior says how kinds differ."""
    return Learned(weights, history, shipped_prior())
