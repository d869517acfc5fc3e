"""The words that the guard knows, from `words.toml`, and their forms. No I/O but reading that file, once."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Lexicon:
    """See `words.toml` for what each field means. Mappings go from a word to the name of its class."""

    filler: frozenset[str]
    heads: frozenset[str]
    literal: frozenset[str]
    renaming: frozenset[str]
    acronyms: frozenset[str]
    abbreviations: dict[str, str]
    misspelt: dict[str, str]
    irregular: dict[str, str]
    known: frozenset[str]
    asking: frozenset[str]
    kinds: frozenset[str]
    alternatives: frozenset[str]
    joints: frozenset[str]
    names: frozenset[str]
    ambiguous: frozenset[str]
    synonyms: dict[str, str]
    opposites: tuple[tuple[str, str], ...]
    phrases: dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]]
    """By their first word, the longest first: the words, and what stands for them."""
    negations: dict[str, str]
    modals: dict[str, str]
    tenses: dict[str, str]
    persons: dict[str, str]
    quantifiers: dict[str, str]
    relations: dict[str, str]
    questions: dict[str, str]
    numbers: dict[str, str]


@cache
def lexicon() -> Lexicon:
    """The packaged words."""
    raw: dict[str, Any] = tomllib.loads((files("optafly_cli.cache.guard") / "words.toml").read_text("utf-8"))
    pairs = (pair.strip().split("/") for pair in raw["opposites"].split(","))
    return Lexicon(
        filler=frozenset(raw["filler"].split()),
        heads=frozenset(raw["heads"].split()),
        literal=frozenset(raw["literal"].split()),
        renaming=frozenset(raw["renaming"].split()),
        acronyms=frozenset(raw["acronyms"].split()),
        known=frozenset(raw["known"].split()),
        asking=frozenset(raw["asking"].split()),
        kinds=frozenset(raw["kinds"].split()),
        alternatives=frozenset(raw["alternatives"].split()),
        joints=frozenset(raw["joints"].split()),
        ambiguous=frozenset(raw["ambiguous"].split()),
        names=frozenset(raw["names"].split()),
        negations=_by_word(raw["negations"]),
        modals=_by_word(raw["modals"]),
        tenses=_by_word(raw["tenses"]),
        persons=_by_word(raw["persons"]),
        quantifiers=_by_word(raw["quantifiers"]),
        relations=_by_word(raw["relations"]),
        questions=_by_word(raw["questions"]),
        numbers=_by_word(raw["numbers"]),
        abbreviations={short: long.replace("-", " ") for short, long in _pairs(raw["abbreviations"]).items()},
        irregular=_pairs(raw["irregular"]),
        misspelt=_pairs(raw["misspelt"]),
        synonyms={word: line.split()[0] for line in raw["synonyms"] for word in line.split()},
        opposites=tuple((one, other) for one, other in pairs),
        phrases=_by_first_word(raw["phrases"]),
    )


def canonical(word: str) -> str:
    """The name of the word's class: the first of its synonyms, or its stem."""
    classes = lexicon().synonyms
    root = stem(word)
    return classes.get(word) or classes.get(root) or root


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """The word without its English ending: plural, -ing, -ed. Crude on purpose: both sides get the same treatment."""
    word = lexicon().irregular.get(word, word)
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and re.search("[aeiouy]", word[: -len(ending)]):
            word = word[: -len(ending)]
            doubled = word[-1] == word[-2] and word[-1] not in "lsz"
            if doubled or (word.endswith("ick") and len(word) > 5):
                word = word[:-1]
            break
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def ending_of(word: str) -> str:
    """What `stem` takes off: s, ing, ed or nothing."""
    root = stem(word)
    if word in {root, f"{root}e"}:
        return ""
    return next((ending for ending in ("ing", "ed", "s") if word.endswith(ending)), "other")


def _pairs(text: str) -> dict[str, str]:
    return {one: other for one, _, other in (item.partition("=") for item in text.split())}


def _by_first_word(phrases: list[list[str]]) -> dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]]:
    found: dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
    for phrase, plain in sorted(phrases, key=lambda pair: -len(pair[0].split())):
        found.setdefault(phrase.split()[0], []).append((tuple(phrase.split()), tuple(plain.split())))
    return {word: tuple(several) for word, several in found.items()}


def _by_word(classes: dict[str, str]) -> dict[str, str]:
    return {word: name for name, words in classes.items() for word in words.split()}
