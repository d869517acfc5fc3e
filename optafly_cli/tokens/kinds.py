"""What a text is made of, in the terms that the corrections weigh. Pure but for the token table.

Claude's tokenizers cut text finer or coarser than cl100k depending on what it is: common words stay whole, rare ones,
camelCase and capitals fall apart. So each cl100k token has a kind, from its spelling and its rank (low ranks are
frequent), and what is not Latin is counted in characters per script: a rate per character holds better there
than one per cl100k token, which itself swings by a factor of two between languages of one script.
"""

import re
from bisect import bisect_right
from collections import Counter
from functools import cache

from optafly_cli.tokens.pieces import by_script, tokenizable
from optafly_cli.tokens.table import encoder, token_bytes

RANKS = (1_000, 3_000, 8_000, 20_000, 45_000)
"""Where words are split by how frequent their token is."""

_CHARACTERS = {
    "lower": re.compile(r"[a-z]+"),
    "upper": re.compile(r"[A-Z]+"),
    "digits": re.compile(r"[0-9]+"),
    "spaces": re.compile(r"[^\S\n]+"),
    "lines": re.compile(r"\n+"),
    "marks": re.compile(r"[!-/:-@\[-`{-~]+"),
}


def token_features(text: str) -> Counter[str]:
    """How many cl100k tokens of each kind the Latin part has, and how many characters ("script.NAME") other scripts.

    Raises:
        TableUnavailable: when there is no tokenizer; `character_features` needs none.
    """
    encode = encoder()
    latin, others = by_script(text)
    tokens: Counter[int] = Counter()
    for piece in latin:
        for part in tokenizable(piece):
            tokens.update(encode(part))
    features: Counter[str] = Counter()
    for token, number in tokens.items():
        features[_kind(token)] += number
    for script, number in others.items():
        features[f"script.{script}"] = number
    return features


def character_features(text: str) -> Counter[str]:
    """How many characters and runs of each sort the Latin part has, and how many characters other scripts."""
    latin, others = by_script(text)
    features: Counter[str] = Counter()
    for piece in latin:
        rest = len(piece)
        for name, pattern in _CHARACTERS.items():
            for run in pattern.finditer(piece):
                length = run.end() - run.start()
                rest -= length
                features[f"{name}.run"] += 1
                features[f"{name}.more"] += length - 1
        features["accented"] += rest
    for script, number in others.items():
        features[f"script.{script}"] = number
    return features


@cache
def _kind(token: int) -> str:
    return kind_of(token_bytes(token), token)


def kind_of(spelling: bytes, rank: int) -> str:
    """The kind of a cl100k token: "part" of a character, "space", "digit", "mark.one", "sign", "accent", a word…

    A word is "WHERE.CASE.RANK": "word" after a space, "join" without; "low", "title", "caps" or "mixed"; 0 (frequent)
    to 5 (rare).
    """
    try:
        text = spelling.decode()
    except UnicodeDecodeError:
        return "part"
    bare = text.strip()
    if not bare:
        return "line" if "\n" in text else "space"
    if not bare.isascii():
        return "accent" if any(map(str.isalpha, bare)) else "sign"
    if bare.isdigit():
        return "digit"
    if not any(map(str.isalpha, bare)):
        return "mark.one" if len(bare) == 1 else "mark.many"
    where = "word" if text[0] == " " else "join"
    return f"{where}.{_case(bare)}.{bisect_right(RANKS, rank)}"


def _case(word: str) -> str:
    if word.islower():
        return "low"
    if word.isupper() and len(word) > 1:
        return "caps"
    return "title" if word[0].isupper() and not any(map(str.isupper, word[1:])) else "mixed"
