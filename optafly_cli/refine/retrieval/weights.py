"""The weights of the signals, from `data/retrieval-weights.toml`, which the modules `training/retrieval_*.py` write."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from operator import mul
from typing import Any

from optafly_cli.errors import OptaflyError
from optafly_cli.refine.retrieval import signals, units


@dataclass(frozen=True, slots=True)
class Linear:
    """A weighed sum; `weights` in the order of the signals' names."""

    bias: float
    weights: tuple[float, ...]

    def sum(self, values: Sequence[float]) -> float:
        """The weighed sum of the values of all signals."""
        total: float = self.bias + sum(map(mul, self.weights, values))
        return total


@dataclass(frozen=True, slots=True)
class RetrievalWeights:
    """For files, and for the segments of a file."""

    files: Linear
    units: Linear


@cache
def weights() -> RetrievalWeights:
    """The weights.

    Raises:
        OptaflyError: the file does not weigh exactly the signals that there are.
    """
    import tomllib

    table = tomllib.loads(files("optafly_cli.refine").joinpath("data", "retrieval-weights.toml").read_text("utf-8"))
    return RetrievalWeights(
        _linear(table["files"], signals.NAMES),
        _linear(table["units"], units.NAMES),
    )


def _linear(table: dict[str, Any], names: Sequence[str]) -> Linear:
    given = table["weights"]
    if set(given) != set(names):
        odd = ", ".join(sorted(set(given) ^ set(names)))
        raise OptaflyError(f"retrieval-weights.toml does not weigh the signals that there are: {odd}")
    return Linear(table["bias"], tuple(float(given[name]) for name in names))
