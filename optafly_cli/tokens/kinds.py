"""What a text is made of, in the terms that the corrections weigh. Pure but for the packaged tables.

Claude's tokenizers cut text finer or coarser than cl100k depending on what it is: common words stay whole, rare ones,
camelCase and capitals fall apart. So each cl100k token has a kind: how it is spelled, and how many tokens Claude makes
of it when it stands alone. What is not Latin is counted in characters per script: a rate per character holds better
there than one per cl100k token, which itself swings by a factor of two between languages of one script.
"""

import re
from collections import Counter
from functools import cache

from optafly_cli.tokens.pieces import by_script, tokenizable
from optafly_cli.tokens.table import encoder, token_bytes, token_cost

TOP = 4
"""A token that costs more alone counts as several of this cost."""

_CHARACTERS = {
    "lower": re.compile(r"[a-z]+"),
    "upper": re.compile(r"[A-Z]+"),
    "digits": re.compile(r"[0-9]+"),
    "spaces": re.compile(r"[^\S\n]+"),
    "lines": re.compile(r"\n+"),
    "marks": re.compile(r"[!-/:-@\[-`{-~]+"),
}


def token_features(text: str, row: int) -> dict[str, float]:
    """How many cl100k tokens of each kind the Latin part has, and how many characters ("script.NAME") other scripts.

    `row` chooses the costs of a tokenizer generation (table.token_cost).

    Raises:
        TableUnavailable: when there is no tokenizer; `character_features` needs none.
    """
    encode = encoder()
    latin, others = by_script(text)
    tokens: Counter[int] = Counter()
    for piece in latin:
        for part in tokenizable(piece):
            tokens.update(encode(part))
    features = {f"script.{script}": float(number) for script, number in others.items()}
    for token, number in tokens.items():
        kind, amount = _weighed(token, row)
        features[kind] = features.get(kind, 0) + number * amount
    return features


def character_features(text: str) -> dict[str, float]:
    """How many characters and runs of each sort the Latin part has, and how many characters other scripts."""
    latin, others = by_script(text)
    features = {f"script.{script}": float(number) for script, number in others.items()}
    sorts: Counter[str] = Counter()
    for piece in latin:
        rest = len(piece)
        for name, pattern in _CHARACTERS.items():
            for run in pattern.finditer(piece):
                length = run.end() - run.start()
                rest -= length
                sorts[f"{name}.run"] += 1
                sorts[f"{name}.more"] += length - 1
        sorts["accented"] += rest
    return features | sorts


@cache
def _weighed(token: int, row: int) -> tuple[str, float]:
    cost = token_cost(token, row)
    return f"{kind_of(token_bytes(token))}.{min(cost, TOP)}", max(1.0, cost / TOP)


def kind_of(spelling: bytes) -> str:
    """How a cl100k token is spelled: "part" of a character, "space", "line", "digit", "mark", "sign", "accent", a word.

    A word is "WHERE.CASE": "word" after a space, "join" without; "low", "title", "caps" or "mixed".
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
    return f"{'word' if text[0] == ' ' else 'join'}.{_case(bare)}"


def _case(word: str) -> str:
    if word.islower():
        return "low"
    if word.isupper() and len(word) > 1:
        return "caps"
    return "title" if word[0].isupper() and not any(map(str.isupper, word[1:])) else "mixed"
