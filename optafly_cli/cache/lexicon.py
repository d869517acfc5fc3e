"""The words that the guard knows, from `guard-words.toml`. No I/O but reading that file, once."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Lexicon:
    """See `guard-words.toml` for what each field means. Mappings go from a word to the name of its class."""

    filler: frozenset[str]
    negations: frozenset[str]
    obligations: frozenset[str]
    abilities: frozenset[str]
    kinds: frozenset[str]
    alternatives: frozenset[str]
    joints: frozenset[str]
    names: frozenset[str]
    synonyms: dict[str, str]
    opposites: tuple[tuple[str, str], ...]
    phrases: tuple[tuple[str, str], ...]
    quantifiers: dict[str, str]
    relations: dict[str, str]
    questions: dict[str, str]
    numbers: dict[str, str]


@cache
def lexicon() -> Lexicon:
    """The packaged words."""
    raw: dict[str, Any] = tomllib.loads((files("optafly_cli.cache") / "guard-words.toml").read_text("utf-8"))
    pairs = (pair.strip().split("/") for pair in raw["opposites"].split(","))
    return Lexicon(
        filler=frozenset(raw["filler"].split()),
        negations=frozenset(raw["negations"].split()),
        obligations=frozenset(raw["obligations"].split()),
        abilities=frozenset(raw["abilities"].split()),
        kinds=frozenset(raw["kinds"].split()),
        alternatives=frozenset(raw["alternatives"].split()),
        joints=frozenset(raw["joints"].split()),
        names=frozenset(raw["names"].split()),
        synonyms={word: line.split()[0] for line in raw["synonyms"] for word in line.split()},
        opposites=tuple((one, other) for one, other in pairs),
        phrases=tuple((phrase, plain) for phrase, plain in raw["phrases"]),
        quantifiers=_by_word(raw["quantifiers"]),
        relations=_by_word(raw["relations"]),
        questions=_by_word(raw["questions"]),
        numbers=_by_word(raw["numbers"]),
    )


def _by_word(classes: dict[str, str]) -> dict[str, str]:
    return {word: name for name, words in classes.items() for word in words.split()}
