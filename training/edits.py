"""Synthetic edits: what changes the answer to a prompt (traps), and what does not (restatements). Seeded, no model.

Each edit takes a prompt and a source of randomness and gives another prompt, or None where it does not apply.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from optafly_cli.cache.guard.lexicon import lexicon
from training.wordnet import words as wordnet

Edit = Callable[[str, Random], str | None]

_WORD = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)*(?![\w.]*\w)")
_STOP = frozenset(
    [
        "a",
        "an",
        "the",
        "this",
        "that",
        "these",
        "those",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "am",
        "do",
        "does",
        "did",
        "can",
        "could",
        "should",
        "would",
        "will",
        "may",
        "might",
        "must",
        "shall",
        "has",
        "have",
        "had",
        "i",
        "you",
        "he",
        "she",
        "it",
        "we",
        "they",
        "me",
        "my",
        "your",
        "his",
        "her",
        "its",
        "our",
        "their",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "from",
        "with",
        "by",
        "and",
        "or",
        "but",
        "not",
        "no",
        "if",
        "how",
        "why",
        "what",
        "when",
        "where",
        "who",
        "which",
        "as",
        "so",
        "than",
        "then",
        "there",
        "here",
    ]
)
_WORDS = tomllib.loads((Path(__file__).parent / "edits.toml").read_text("utf-8"))


def trap(prompt: str, rng: Random) -> str | None:
    """The prompt with one thing changed that changes the answer."""
    return _one_of(_TRAPS, prompt, rng)


def restatement(prompt: str, rng: Random) -> str | None:
    """The prompt with one to three things changed that do not change the answer."""
    text: str | None = prompt
    for _ in range(rng.choice((1, 1, 2, 3))):
        text = _one_of(_RESTATEMENTS, text or prompt, rng) or text
    return text if text != prompt else None


def _one_of(edits: Sequence[Edit], prompt: str, rng: Random) -> str | None:
    for edit in rng.sample(edits, len(edits)):
        found = edit(prompt, rng)
        if found is not None and found.split() != prompt.split():
            return found
    return None


def _number(prompt: str, rng: Random) -> str | None:
    found = list(_NUMBER.finditer(prompt))
    if not found:
        return None
    at = rng.choice(found)
    digits = at[0].split(".")
    place = rng.randrange(len(digits))
    digits[place] = str(max(0, int(digits[place]) + rng.choice((-1, 1, 2, 5, 10, 100))))
    return _put(prompt, at, ".".join(digits))


def _calendar(prompt: str, rng: Random) -> str | None:
    for at in _shuffled(_WORD.finditer(prompt), rng):
        for row in map(str.split, _WORDS["calendar"]):
            if at[0].lower() in row:
                return _put(prompt, at, _cased(rng.choice([word for word in row if word != at[0].lower()]), at[0]))
    return None


def _negation(prompt: str, rng: Random) -> str | None:
    for pattern, plain in ((r"n['’]t\b", ""), (r"\bnot ", ""), (r"\bnever ", ""), (r"\bwithout\b", "with")):
        if re.search(pattern, prompt):
            return re.sub(pattern, plain, prompt, count=1)
    if found := re.search(r"\b(is|are|does|do|did|can|could|should|will|would|was|were)\b(?= \w)", prompt):
        return _put(prompt, found, f"{found[0]} {rng.choice(('not', 'never', 'no longer'))}")
    return f"{rng.choice(('do not', 'never'))} {prompt[0].lower()}{prompt[1:]}"


def _opposite(prompt: str, rng: Random) -> str | None:
    for at in _shuffled(_WORD.finditer(prompt), rng):
        word = at[0].lower()
        against = {
            other
            for one, two in lexicon().opposites
            for other in ((two,) if one == word else (one,) if two == word else ())
        }
        against |= wordnet().opposites.get(word, frozenset())
        if against and word not in _STOP:
            return _put(prompt, at, _cased(rng.choice(sorted(against)), at[0]))
    return None


def _sibling(prompt: str, rng: Random) -> str | None:
    for at in _shuffled(_WORD.finditer(prompt), rng):
        word = at[0].lower()
        plural = word.endswith("s") and word[:-1] in wordnet().siblings
        root = word[:-1] if plural else word
        beside = wordnet().siblings.get(root, ())
        if beside and word not in _STOP and len(word) > 2:
            other = rng.choice(beside) + ("s" if plural else "")
            return _put(prompt, at, _cased(other, at[0]))
    return None


def _name(prompt: str, rng: Random) -> str | None:
    for at in _shuffled(_WORD.finditer(prompt), rng):
        if at[0].lower() in lexicon().names and at[0].lower() not in {
            "go",
            "make",
            "next",
            "express",
            "rest",
            "helm",
            "swift",
        }:
            return _put(prompt, at, _cased(rng.choice(sorted(lexicon().names - {at[0].lower()})), at[0]))
    return None


def _quantity(prompt: str, rng: Random) -> str | None:
    for at in _shuffled(_WORD.finditer(prompt), rng):
        if others := _WORDS["counted"].get(at[0].lower()):
            return _put(prompt, at, _cased(rng.choice(others), at[0]))
    return None


def _question(prompt: str, rng: Random) -> str | None:
    for pattern, *others in _WORDS["asked"]:
        if found := re.search(pattern, prompt, re.IGNORECASE):
            return _put(prompt, found, rng.choice(others))
    return None


def _added(prompt: str, rng: Random) -> str | None:
    end = re.search(r"[\s?!.]*$", prompt)
    cut = end.start() if end else len(prompt)
    return f"{prompt[:cut]} {rng.choice(_WORDS['tails'])}{prompt[cut:]}"


def _word_added(prompt: str, rng: Random) -> str | None:
    """An adjective before a noun narrows what is asked."""
    nouns = [at for at in _WORD.finditer(prompt) if at[0].lower() in wordnet().siblings and at[0].lower() not in _STOP]
    if not nouns:
        return None
    at = rng.choice(nouns)
    return _put(prompt, at, f"{rng.choice(_WORDS['narrowing'])} {at[0]}")


def _dropped(prompt: str, rng: Random) -> str | None:  # noqa: ARG001 (an edit like the others)
    """The last phrase with a preposition left out: the question becomes wider."""
    found = list(
        re.finditer(
            r" (?:in|on|at|for|with|without|by|under|from|during|when|if|using|named|that|which) [^,?.!]{3,}", prompt
        )
    )
    if not found or found[-1].start() < 12:
        return None
    return prompt[: found[-1].start()] + prompt[found[-1].end() :]


def _swapped(prompt: str, rng: Random) -> str | None:
    """Two content words change places; not around and/or, where it may mean the same."""
    content = [at for at in _WORD.finditer(prompt) if at[0].lower() not in _STOP and len(at[0]) > 2]
    if len(content) < 2:
        return None
    one, other = sorted(rng.sample(content, 2), key=lambda at: at.start())
    between = prompt[one.end() : other.start()]
    if (
        re.search(r"\b(?:and|or|between)\b|,", prompt[: other.end()][-len(between) - 60 :])
        or one[0].lower() == other[0].lower()
    ):
        return None
    if not between.strip():
        return None
    return prompt[: one.start()] + other[0] + between + one[0] + prompt[other.end() :]


def _courtesy(prompt: str, rng: Random) -> str | None:
    form = rng.choice(_WORDS["courtesy"])
    inside = not form.startswith("{}") and not prompt[:2].isupper()
    return str(form.format(prompt[0].lower() + prompt[1:] if inside else prompt))


def _lower(prompt: str, rng: Random) -> str | None:
    style = rng.random()
    return prompt.lower() if style < 0.8 else prompt.upper() if style < 0.9 else prompt.title()


def _unpunctuated(prompt: str, rng: Random) -> str | None:
    return prompt.rstrip("?.! ") if rng.random() < 0.7 else prompt.replace("'", "").replace(",", "")


def _typo(prompt: str, rng: Random) -> str | None:
    """A slip of the keyboard in a word of five letters or more: a letter left out, doubled or two turned round."""
    long = [
        at
        for at in _WORD.finditer(prompt)
        if len(at[0]) > 4 and at[0].isalpha() and at[0].lower() not in lexicon().names
    ]
    if not long:
        return None
    at = rng.choice(long)
    word, place = at[0], rng.randrange(1, len(at[0]) - 1)
    slip = rng.choice((
        word[:place] + word[place + 1 :],
        word[:place] + word[place] + word[place:],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        word[:place] + (rng.choice("aeiou") if word[place] in "aeiou" else "") + word[place + 1 :],
    ))  # fmt: skip
    return _put(prompt, at, slip) if slip.lower() not in wordnet().synonyms else None


def _without_articles(prompt: str, rng: Random) -> str | None:  # noqa: ARG001 (an edit like the others)
    shorter = re.sub(r"\b(?:the|an?) (?=[a-z])", "", prompt)
    return shorter if shorter != prompt else None


def _other_words(prompt: str, rng: Random) -> str | None:
    for pattern, plain in _mixed("shorter", rng):
        if re.search(pattern, prompt, re.IGNORECASE):
            return re.sub(pattern, plain, prompt, count=1, flags=re.IGNORECASE)
    return None


def _spelling(prompt: str, rng: Random) -> str | None:
    for pair in _mixed("spellings", rng):
        for one, other in (pair, pair[::-1]):
            if re.search(rf"\b{one}", prompt, re.IGNORECASE):
                return re.sub(rf"\b{one}", other, prompt, flags=re.IGNORECASE)
    return None


def _fronted(prompt: str, rng: Random) -> str | None:  # noqa: ARG001 (an edit like the others)
    """The last phrase with a preposition moved to the front."""
    found = re.search(
        r"^(\w[^,]{8,}) ((?:in|on|at|under|during|with) (?:the |my |a )?[\w./-]+(?: \w+)?)([?.!]?)$", prompt
    )
    return None if found is None else f"{found[2]}, {found[1][0].lower()}{found[1][1:]}{found[3]}"


def _mixed(table: str, rng: Random) -> list[list[str]]:
    rows: list[list[str]] = _WORDS[table]
    return rng.sample(rows, len(rows))


def _shuffled(found: Iterator[re.Match[str]], rng: Random) -> list[re.Match[str]]:
    items = list(found)
    rng.shuffle(items)
    return items


def _put(prompt: str, at: re.Match[str], text: str) -> str:
    return prompt[: at.start()] + text + prompt[at.end() :]


def _cased(word: str, like: str) -> str:
    return word.capitalize() if like[0].isupper() else word


_TRAPS: tuple[Edit, ...] = (
    _number, _calendar, _negation, _opposite, _opposite, _sibling, _sibling, _sibling, _name, _quantity, _question,
    _added, _word_added, _dropped, _swapped, _swapped,
)  # fmt: skip
_RESTATEMENTS: tuple[Edit, ...] = (
    _courtesy, _lower, _unpunctuated, _typo, _typo, _without_articles, _other_words, _other_words, _spelling, _fronted,
)  # fmt: skip
