"""A slip of the keyboard put right, so that it does not move the embedding. Pure but for reading the vocabulary once.

Known words are the whole words of the embedding model's vocabulary, which stand in it by frequency, and those of
`guard/words.toml`. An unknown word becomes a known one with the same first letter that is one letter (left out, added,
other, or two turned round) away: Norvig, How to Write a Spelling Corrector, https://norvig.com/spell-correct.html.
Among several, one that doubles a letter, halves a double one or turns two round goes before the most frequent.
Changed is what the embedder and the cross-encoder read; the guard reads only a slip beyond doubt as the word.
"""

import json
import re
from functools import cache, lru_cache
from pathlib import Path

from optafly_cli.cache.courtesy import core_of
from optafly_cli.cache.guard.lexicon import lexicon, stem

VOCABULARY = Path(__file__).parent / "model" / "tokenizer.json"
NO_SLIPS = Path(__file__).parent / "no_slips.txt"
"""Words that neither has and that are none the less no slips: `scripts/list_no_slips.py`, from WordNet 3.0."""
_SHORTEST = 4
_LONGEST = 64
"""No known word is nearly as long, and of a long run of letters this would make a square of it."""
_RANK_OF_THE_TRADE = 3_000
_RAREST = 1_000_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SHORT_FORM = re.compile(r"(?<![\w./\\@$#:`\"'-])(?:w/o?(?=\s)|[a-zA-Z][\w]{0,7}(?![\w/\\@(:_`\"'-]|\.\w))")
_LONG = 6
_NAME = re.compile(r"(?<![\w./\\@$#:`\"-])[A-Z][a-z]{5,}(?![\w/\\@(:_`\"-]|\.\w)")
_DOUBLE = re.compile(r"(.)\1")
_WORD = re.compile(r"(?<![\w./\\@$#:`\"-])[a-z]{4,}(?![\w/\\@(:_`\"-]|\.\w)")


@lru_cache(maxsize=16)
def embedded_form(instruction: str) -> str:
    """What is embedded for an instruction: without courtesy, short forms spelt out, slips of the keyboard put right.

    Words that are part of a path, a name in code or a flag stay as they are.
    """
    spelt_out = _SHORT_FORM.sub(_spelt_out, core_of(instruction))
    return _WORD.sub(lambda found: corrected(found[0]), _NAME.sub(lambda found: number_meant(found[0]), spelt_out))


def number_meant(word: str) -> str:
    """The number word, weekday or month in lower case that a longer word is a slip of (Mondys); else the word."""
    meant = corrected(word.lower()) if len(word) >= _LONG else word
    return meant if meant in lexicon().numbers else word


def _spelt_out(found: re.Match[str]) -> str:
    return lexicon().abbreviations.get(found[0].lower(), found[0])


@lru_cache(maxsize=4096)
def corrected(word: str) -> str:
    """The word that was probably meant by a word in lower case; itself when it is known or nothing is near."""
    known = _known()
    if word in lexicon().misspelt:
        return lexicon().misspelt[word]
    if len(word) < _SHORTEST or not word.isascii() or not word.isalpha() or is_known(word):
        return word
    near = [other for other in _one_letter_away(word) if len(other) >= _SHORTEST and _likely(word, other)]
    ranks = {other: known[other] for other in near if other in known}
    ranks = ranks or {other: _RANK_OF_THE_TRADE for other in near if len(other) >= _LONG and is_known(other)}
    return min(ranks, key=lambda other: (not _is_usual(word, other), ranks[other], other), default=word)


@lru_cache(maxsize=4096)
def surely_meant(word: str) -> str:
    """The word that an unknown one in lower case stands for beyond doubt; else the word itself.

    It has six letters or more, and a single known word is near by a letter doubled, halved or turned round, or a single
    one at all by a letter inside that is missing or another. One more at the end makes a name (flaskr is not flask).
    """
    if len(word) < _LONG or not word.isascii() or not word.isalpha() or is_known(word):
        return word
    near = {other for other in _one_letter_away(word) if _likely(word, other) and is_known(other)}
    usual = {other for other in near if _is_usual(word, other)}
    if len(usual) == 1:
        return usual.pop()
    if len(near) != 1:
        return word
    meant = near.pop()
    return meant if word[-1] == meant[-1] and len(meant) >= len(word) else word


def _likely(slip: str, meant: str) -> bool:
    """Hardly anyone gets the first letter wrong, or adds a last one: xprod and stringr are names."""
    named = slip[:-1] in {meant, meant[:-1]} and _undoubled(slip) != _undoubled(meant)
    return not named and (slip[0] == meant[0] or sorted(slip) == sorted(meant))


def _is_usual(slip: str, meant: str) -> bool:
    """Whether letters are only doubled, halved or turned round: adress is an address before anything else."""
    return _undoubled(slip) == _undoubled(meant) or sorted(slip) == sorted(meant)


def _undoubled(word: str) -> str:
    return _DOUBLE.sub(r"\1", word)


def is_known(word: str) -> bool:
    """Whether a word, or what is left without its ending, is in the vocabulary."""
    known = _known()
    root = stem(word)
    return word in known or root in known or f"{root}e" in known


@cache
def _known() -> dict[str, int]:
    """Each known word and its rank, 0 for the most frequent; only the guard's when there is no vocabulary."""
    try:
        ranks: dict[str, int] = json.loads(VOCABULARY.read_bytes())["model"]["vocab"]
    except (OSError, ValueError, KeyError, TypeError):
        ranks = {}
    known = {word: rank for word, rank in ranks.items() if word.isascii() and word.isalpha() and len(word) > 1}
    try:
        spared = frozenset(NO_SLIPS.read_text("ascii").split())
    except OSError:
        spared = frozenset()
    words = lexicon()
    listed = words.known | words.names | words.kinds | words.acronyms | frozenset(words.synonyms)
    return {**dict.fromkeys(spared, _RAREST), **dict.fromkeys(listed, _RANK_OF_THE_TRADE), **known}


def _one_letter_away(word: str) -> set[str]:
    if len(word) > _LONGEST:
        return set()
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    found = {head + tail[1:] for head, tail in cuts if tail}
    found |= {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
    found |= {head + letter + tail[1:] for head, tail in cuts if tail for letter in _LETTERS}
    return found | {head + letter + tail for head, tail in cuts for letter in _LETTERS}
