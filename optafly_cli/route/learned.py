"""The learned estimate: a logistic model of being sent again within five minutes, in plain Python.

The weights are data: those that ship, or those that `optafly learn` fitted to the store's own log of requests.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp, log
from typing import Any

from optafly_cli.route import features
from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.history import History
from optafly_cli.route.observed import chance, reads
from optafly_cli.route.reuse import NEVER, Prior, Reads
from optafly_cli.route.shape import Prefix, RequestShape

DATA = "reuse-weights-2026-11-29.json"

CAUTION = 0.72
"""What of the odds counts as expected reads. With this, writing for five minutes begins at a chance of 0.28, where one
read alone pays for it; what the odds say beyond that, writing at the next request would have, too."""

_FAR = 30.0


@dataclass(frozen=True, slots=True)
class Weights:
    """One weight for each of `features.NAMES`. `hour` is added for being sent again within an hour, and is positive.

    `requests` is how many they were fitted to, `source` says which.
    """

    weights: tuple[float, ...]
    hour: float
    requests: int
    source: str

    def as_json(self) -> dict[str, Any]:
        """By name, so that weights of other features are not taken for these."""
        named = dict(zip(features.NAMES, self.weights, strict=True))
        return {"source": self.source, "requests": self.requests, "hour": self.hour, "weights": named}

    @classmethod
    def of_json(cls, raw: Mapping[str, Any]) -> "Weights":
        """Raises KeyError, TypeError or ValueError: these are no weights of today's features."""
        if set(raw["weights"]) != set(features.NAMES):
            raise ValueError("these weights are of other features")
        weights = tuple(float(raw["weights"][name]) for name in features.NAMES)
        return cls(weights, max(0.0, float(raw["hour"])), int(raw["requests"]), str(raw["source"]))


@dataclass(frozen=True, slots=True)
class Learned:
    """What the weights say of each prefix, by its history; the prior says how kinds differ that were never seen."""

    weights: Weights
    history: History
    prior: Prior

    def expected(self, request: RequestShape, ends: Sequence[Prefix]) -> Sequence[Reads]:
        """For each block the reads of the prefix that ends with it; they never rise from one to the next."""
        past = self.history.past(ends)
        figures: list[Reads] = []
        lowest = _FAR
        rows = features.rows(request, ends, past)
        for i, (block, row) in enumerate(zip(request.blocks, rows, strict=True)):
            if block.kind == "instruction":
                figures.append(NEVER)
                continue
            logit = sum(weight * value for weight, value in zip(self.weights.weights, row, strict=True) if value)
            if i >= len(past):
                logit += offset(self.prior, block.kind)
            lowest = min(lowest, logit)
            later = _probability(lowest + self.weights.hour)
            figures.append(Reads(reads(_probability(lowest), CAUTION), reads(later, CAUTION)))
        return figures


def offset(prior: Prior, kind: BlockKind) -> float:
    """How much likelier a new block of that kind is sent again than one of a conversation, in logits."""
    return _logit(chance(prior.reads.get(kind, NEVER).five_minutes)) - _logit(
        chance(prior.reads.get("conversation", NEVER).five_minutes)
    )


@cache
def shipped_weights() -> Weights:
    """The packaged weights, read once."""
    return Weights.of_json(json.loads((files("optafly_cli.route") / "data" / DATA).read_text("utf-8")))


def _probability(logit: float) -> float:
    return 1 / (1 + exp(-max(-_FAR, min(_FAR, logit))))


def _logit(chance: float) -> float:
    held = min(max(chance, 0.01), 0.99)
    return log(held / (1 - held))
