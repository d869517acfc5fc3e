"""The tokenizer generations, from one dated data file. Pure but for reading it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = "families-2026-11-29.toml"


@dataclass(frozen=True, slots=True)
class Family:
    """One generation; the head of the data file says what the fields mean. `capitals_from` is None where none is."""

    name: str
    vocabulary: str
    frame: int
    straight_quotes: bool
    capitals_from: int | None
    verified: frozenset[str]
    margin: float


@dataclass(frozen=True, slots=True)
class Families:
    """All generations; `date` is the day on which they were packed."""

    date: str
    families: Mapping[str, Family]


@cache
def families() -> Families:
    """The packaged data file, read once."""
    raw = tomllib.loads((Path(__file__).parent / "data" / DATA).read_text("utf-8"))
    found = {
        name: Family(
            name=name,
            vocabulary=row["vocabulary"],
            frame=row["frame"],
            straight_quotes=row["straight_quotes"],
            capitals_from=row.get("capitals_from"),
            verified=frozenset(row["verified"]),
            margin=row["margin"],
        )
        for name, row in raw["families"].items()
    }
    return Families(raw["date"], found)
