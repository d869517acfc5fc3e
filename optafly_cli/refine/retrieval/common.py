"""What a word counts by how often people who write about code use it: "fix" and "add" say little of what is meant.

The factors are in `data/common-words.toml`, which `training/common_words.py` writes.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files


def less_common(weights: Mapping[str, float]) -> dict[str, float]:
    """The weighed terms with those lowered that stand in messages about any code."""
    known = _factors()
    return {term: weight * known.get(term, 1.0) for term, weight in weights.items()}


@cache
def _factors() -> Mapping[str, float]:
    import tomllib

    table = tomllib.loads(files("optafly_cli.refine").joinpath("data", "common-words.toml").read_text("utf-8"))
    return {term: float(factor) for factor, terms in table["factors"].items() for term in terms.split()}
