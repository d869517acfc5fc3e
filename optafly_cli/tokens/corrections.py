"""The measured corrections, from one dated data file. Pure but for reading it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = "corrections-2026-11-22.toml"


@dataclass(frozen=True, slots=True)
class Family:
    """One tokenizer family; the head of the data file says what the fields mean.

    `tokens` and `characters` weigh the features of `kinds.token_features` and `kinds.character_features`; both hold the
    rates of scripts, as "script.NAME". `row`: which costs `kinds.token_features` takes. `margin` and
    `fallback_margin` are fractions.
    """

    name: str
    frame: int
    row: int
    margin: float
    fallback_margin: float
    tokens: Mapping[str, float]
    characters: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Corrections:
    """All families; `date` is the day of the measurement."""

    date: str
    families: Mapping[str, Family]


@cache
def corrections() -> Corrections:
    """The packaged data file, read once."""
    raw = tomllib.loads((Path(__file__).parent / "data" / DATA).read_text("utf-8"))
    families = {}
    for name, row in raw["families"].items():
        scripts = {f"script.{script}": rate for script, rate in row["scripts"].items()}
        families[name] = Family(
            name=name,
            frame=row["frame"],
            row=row["row"],
            margin=row["margin"],
            fallback_margin=row["fallback_margin"],
            tokens=row["tokens"] | scripts,
            characters=row["characters"] | scripts,
        )
    return Corrections(raw["date"], families)


def estimate(features: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Tokens of a text with these features. A feature that was never measured counts as the dearest one."""
    dearest = max(weights.values())
    return sum(number * weights.get(name, dearest) for name, number in features.items())
