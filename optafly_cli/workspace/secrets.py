"""Secrets in text: the environment's by their value, issuers' by their shape, the others by the name they are given.

In: text. Out: the text with each secret replaced by `[redacted: kind]`, and the kinds found. A false redaction costs an
answer its place in the cache, a missed one the secret. Line counts are kept.
"""

import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

from optafly_cli.workspace import (
    drawn,
    gitleaks,
    placeholders,
    searched,
    secret_assignments,
    secret_shapes,
    secret_values,
)
from optafly_cli.workspace.searched import Found, Searched

_PASSES = 8
_MOST_LETTERS = 2_000


@dataclass(frozen=True, slots=True)
class Redaction:
    """`kinds` has one for each secret found, equal ones together; empty when `text` is what came in."""

    text: str
    kinds: tuple[str, ...]


def redact(text: str, environ: Mapping[str, str] = os.environ, *, clean: bool = False) -> Redaction:
    """`text` without the secrets in it; `environ`: whose values are secrets, too. Idempotent.

    `clean`: the rules of `rules_digest` were found to find nothing in this very text.
    """
    kinds: list[str] = []
    if clean and not any(True for _ in _values(text, environ)):
        return Redaction(text, ())
    # Again until nothing is found: what is left must not hold one for whoever reads it next
    for _ in range(_PASSES):
        find = partial(_found, environ=environ)
        found = _merged(text, [*find(text), *_across_lines(text, find)])
        if not found:
            break
        kinds += [one.kind for one in found]
        text = _replaced(text, found)
    return Redaction(text, tuple(sorted(kinds)))


@cache
def rules_digest() -> str:
    """What changes when other secrets may be found, the environment's aside: the rules, and what applies them."""
    digest = sha256()
    modules = (drawn, gitleaks, placeholders, searched, secret_assignments, secret_shapes, secret_values)
    for path in (Path(__file__), *(Path(str(module.__file__)) for module in modules), drawn.PAIRS, gitleaks.RULES):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _values(text: str, environ: Mapping[str, str]) -> Iterator[Found]:
    """The values of the environment alone, whole or split across lines."""

    def find(part: str) -> Iterator[Found]:
        return secret_values.find(Searched(part), environ)

    yield from find(text)
    yield from _across_lines(text, find)


def _found(text: str, environ: Mapping[str, str]) -> Iterator[Found]:
    """In the order in which they name what several of them find."""
    searched = Searched(text)
    yield from secret_shapes.find(searched)
    yield from (_to_its_end(text, one) for one in gitleaks.find(searched))
    yield from secret_assignments.find(searched)
    yield from secret_values.find(searched, environ)


def _to_its_end(text: str, found: Found) -> Found:
    """With what stands right behind it: many rules know one length of a token, and issuers use others."""
    end = found.end
    if _is_token(text[end - 1]):
        while end < len(text) and _is_token(text[end]):
            end += 1
    return found._replace(end=end)


def _is_token(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter in "_-")


def _across_lines(text: str, find: Callable[[str], Iterator[Found]]) -> Iterator[Found]:
    """Secrets that a `\\` at the end of a line or two string literals split; offsets in `text`."""
    for start, end in _split_lines(text):
        parts, starts, removed, position = [], [], [0], start
        for joint in _joint().finditer(text, start, end):
            parts.append(text[position : joint.start()])
            starts.append(joint.start() - start - removed[-1])
            removed.append(removed[-1] + len(joint[0]))
            position = joint.end()
        for first, last, kind in find("".join([*parts, text[position:end]])):
            before, after = bisect_right(starts, first), bisect_right(starts, last - 1)
            if before != after:
                yield Found(start + first + removed[before], start + last + removed[after], kind)


def _split_lines(text: str) -> Iterator[tuple[int, int]]:
    """The lines around places where a word without blanks goes on in the next line, those that touch together."""
    start = end = -1
    ends, begins = _goes_on()
    for joint in _joints(text):
        if not (ends.search(text[max(0, joint.start() - 4) : joint.start()]) and begins.match(text, joint.end())):
            continue
        if joint.start() >= end >= 0:
            yield start, end
            end = -1
        if end < 0:
            start = max(text.rfind("\n", 0, joint.start()) + 1, joint.start() - _MOST_LETTERS)
        line_end = text.find("\n", joint.end())
        end = min(line_end if line_end >= 0 else len(text), joint.end() + _MOST_LETTERS)
    if end >= 0:
        yield start, end


def _joints(text: str) -> Iterator[re.Match[str]]:
    """What `_joint` finds, from the ends of lines backwards: quotes are everywhere, such ends are rare."""
    for line_end in _end_of_line().finditer(text):
        for start in range(max(0, line_end.start() - 12), line_end.start()):
            joint = _joint().match(text, start) if text[start] in "\\\"'" else None
            if joint and joint.end() > line_end.start():
                yield joint
                break


def _merged(text: str, found: list[Found]) -> list[Found]:
    """Those that overlap as one, called as the first of them was; without what was redacted before."""
    notes = [match.span() for match in _note().finditer(text)]
    merged: list[tuple[int, Found]] = []
    for rank, one in sorted(enumerate(found), key=lambda ranked: (ranked[1].start, -ranked[1].end)):
        touched = [span for span in notes if span[0] < one.end and one.start < span[1]]
        start, end = min([one.start, *(span[0] for span in touched)]), max([one.end, *(span[1] for span in touched)])
        if touched and not _note().sub("", text[start:end]).strip():
            continue
        if merged and start < merged[-1][1].end:
            best, last = merged.pop()
            kind = one.kind if rank < best else last.kind
            merged.append((min(rank, best), Found(min(start, last.start), max(end, last.end), kind)))
        else:
            merged.append((rank, Found(start, end, one.kind)))
    return [one for _, one in merged]


def _replaced(text: str, found: list[Found]) -> str:
    parts: list[str] = []
    position = 0
    for start, end, kind in found:
        parts += [text[position:start], f"[redacted: {kind}]", "\n" * text.count("\n", start, end)]
        position = end
    return "".join([*parts, text[position:]])


@cache
def _note() -> re.Pattern[str]:
    return re.compile(r"\[redacted: [^\]\n]{1,60}\]")


@cache
def _goes_on() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(r"[\w+/=.~-]{4}\Z"), re.compile(r"[\w+/=.~-]{4}")


@cache
def _end_of_line() -> re.Pattern[str]:
    # It begins with a letter, so that `re` leaps from one to the next
    return re.compile(r"""\n(?<=[\\"'+ \t\r]\n)""")


@cache
def _joint() -> re.Pattern[str]:
    return re.compile(
        r"""\\\r?\n[+-]?[ \t]*|(?P<mark>["'])[ \t]*\+?[ \t]*\\?\r?\n[+-]?[ \t]*\+?[ \t]*[rbfu]?(?P=mark)"""
    )
