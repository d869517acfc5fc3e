"""Cutting text into runs that no token of Claude's looks across. Pure; standard library only.

In: any text. Out: its words and what stands between them, and each of those as the vocabulary spells it: a word
between BOW and EOW, its capitals as a mark before it; punctuation with a BOW or EOW on the side of a space. The rules
are ctok's (`normalize.py` of ctok 1.3.0, MIT), which measured them, without those that show only at the edges of a
message or in scripts whose marks stand alone.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from pathlib import Path

BOW, EOW, SHIFT, CAPS = "\x02", "\x03", "\x04", "\x05"
"""Begin and end of a word, one capital, all capitals: no text that is cut has control characters left."""

CLASSES = Path(__file__).parent / "data" / "classes-2026-11-29.txt"
"""Which characters beyond ASCII make words, which punctuation, and which have borders as punctuation has."""

_SHAPES = {"word": "a", "mark": "!", "border": "\x01"}
_ALONE = "\x02"

_STRIPPED = re.compile("[\x01-\x08\x0b-\x1f\x7f-\x9f\ue000-\uf8ff]")
_SPACES = re.compile("[\x00\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_STRAIGHT = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})

_WORD = "A-Za-z"
_MARK = r"!-/:-@\[-`{-~"
_BORDERED = rf"{_WORD}{_MARK}\x01"
_WORDS = re.compile(rf"((?<=[{_WORD}0-9])'(?:s|t|d|m|ll|re|ve)(?![{_WORD}])|[{_WORD}]+)")
_BETWEEN = re.compile(
    rf"(?P<opening>(?<![{_MARK}])'(?=[{_WORD}]))"
    rf"|(?:(?<=(?P<left> ))|)(?P<marks>[{_MARK}]+|\x01+)(?:(?=(?P<right> )(?! ))|)"
    # A single space is in the EOW and BOW beside it, where both are
    rf"|(?P<free>(?<=[{_BORDERED}])[ ](?=[{_BORDERED}])(?!'[{_WORD}]))"
    r"|[0-9]+|\x02+|[ ]+|\t+|\n+|."
)


def normalised(text: str, *, straight_quotes: bool) -> str:
    """What is counted of a text: composed, without control characters; `straight_quotes`: curly ones are straight."""
    if text.isascii():
        return _STRIPPED.sub("", text).replace("\x00", " ")
    clean = unicodedata.normalize("NFC", _SURROGATES.sub("\ufffd", text))
    clean = _SPACES.sub(" ", _STRIPPED.sub("", clean))
    return clean.translate(_STRAIGHT) if straight_quotes else clean


def split(text: str) -> list[str]:
    """A normalised text in turns: what stands before the first word, the word, what stands before the next, …"""
    if text.isascii():
        return _WORDS.split(text)
    parts: list[str] = []
    at = 0
    for match in _WORDS.finditer(text.translate(_shapes())):
        start, end = match.span()
        parts += (text[at:start], text[start:end])
        at = end
    return [*parts, text[at:]]


def word_run(word: str, capitals_from: int | None) -> str:
    """A word as it is spelled. `capitals_from`: the least length of capitals with a mark of their own, None: none."""
    if word[0] == "'":
        return word + EOW
    if word[0].isupper():
        lower = word.lower()
        if capitals_from is not None and len(word) >= capitals_from and word.isupper():
            return f"{CAPS}{BOW}{lower}{EOW}"
        if word[1:] == lower[1:]:
            return f"{SHIFT}{BOW}{lower}{EOW}"
    return f"{BOW}{word}{EOW}"


def runs_between(gap: str, *, after_word: bool, before_word: bool) -> Iterator[str]:
    """The runs of what stands between two words, or before the first or after the last."""
    head, tail = "a" * after_word, "a" * before_word
    shape = f"{head}{gap.translate(_shapes())}{tail}"
    shift = len(head)
    for match in _BETWEEN.finditer(shape):
        start, end = match.span()
        if start < shift or end > shift + len(gap) or match["free"]:
            continue
        run = gap[start - shift : end - shift]
        yield f"{BOW if match['left'] else ''}{run}{EOW if match['right'] else ''}"


class _Shapes(dict[int, str | int]):
    """For `str.translate`: what stands for each character beyond ASCII, looked up once in a process."""

    def __missing__(self, code: int) -> str | int:
        made = self[code] = code if code < 0x80 else _shape_of(code)
        return made


@cache
def _shapes() -> _Shapes:
    return _Shapes()


def _shape_of(code: int) -> str:
    starts, ends, shapes = _classes()
    at = bisect_right(starts, code) - 1
    return shapes[at] if at >= 0 and code <= ends[at] else _ALONE


@cache
def _classes() -> tuple[list[int], list[int], list[str]]:
    spans = []
    for line in CLASSES.read_text("ascii").splitlines():
        name, _, rest = line.partition(" ")
        for span in rest.split() if name in _SHAPES else ():
            first, _, last = span.partition("-")
            spans.append((int(first, 16), int(last or first, 16), _SHAPES[name]))
    spans.sort()
    return [span[0] for span in spans], [span[1] for span in spans], [span[2] for span in spans]
