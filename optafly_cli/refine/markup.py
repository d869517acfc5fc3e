"""The tags that hold a refined prompt together, and how to find them again.

`<tag attribute="value">`, the text verbatim on lines of its own, `</tag>`. Text that holds its own closing tag gets a
tag with a number (`<code-2 …>`), so nothing in a text is escaped and every text can be cut out again exactly.
Attribute values are escaped.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

CONTEXT_TAGS = ("project", "file", "code", "diff", "input")
REQUEST = "request"
ANSWER = "answer"
ERROR = "error"
DEEPEST = 20
"""Refined prompts inside one another that are still told apart."""
LONGEST_VALUE = 4_000
"""Characters of an attribute, as they stand in a tag."""
_REQUIRED = {"file": ("path", "lines"), "code": ("path", "lines"), "diff": ("path",), "answer": ("to",)}


@dataclass(frozen=True, slots=True)
class Part:
    """One tagged stretch of a prompt: where its text begins, and where the whole, closing tag included, ends."""

    tag: str
    attributes: Mapping[str, str]
    text: str
    text_start: int
    end: int


@dataclass(frozen=True, slots=True)
class Structure:
    """A prompt that is refined already: its context, where the user's own words stand, and what follows them.

    `answers` are pairs of a question and what the user said. `original`: start and end of the prompt that was refined;
    when that was a refined prompt itself, the body is what lies innermost, `parts` are the context of all of them, and
    the first `outer` of those were put before this original.
    """

    parts: tuple[Part, ...]
    body_start: int
    body_end: int
    tail: str
    answers: tuple[tuple[str, str], ...]
    original: tuple[int, int]
    outer: int


def can_be_read(value: str) -> bool:
    """Whether `parse` finds what `wrap` puts between tags with an attribute of that value."""
    return len(_escape(value)) <= LONGEST_VALUE


def wrap(tag: str, text: str, attributes: Mapping[str, str] | None = None) -> str:
    """`text`, verbatim, between tags that do not occur in it."""
    name = _free_name(tag, text)
    values = "".join(f' {key}="{_escape(value)}"' for key, value in (attributes or {}).items())
    return f"<{name}{values}>\n{text}\n</{name}>"


def parse(prompt: str) -> Structure | None:
    """The structure of a prompt that `wrap` made; None when the prompt does not begin as a refined prompt does.

    Whatever is not one of our sections, followed by a blank line and more, belongs to the user's own words.
    """
    layers: list[Structure] = []
    start, text = 0, prompt
    while len(layers) < DEEPEST and (layer := _layer(text)) is not None:
        layers.append(_moved(layer, start))
        if layer.body_end == len(text):
            break
        start += layer.body_start
        text = text[layer.body_start : layer.body_end]
    if not layers:
        return None
    return Structure(
        parts=tuple(part for layer in layers for part in layer.parts),
        body_start=layers[-1].body_start,
        body_end=layers[-1].body_end,
        tail="".join(layer.tail for layer in reversed(layers)),
        answers=tuple(one for layer in reversed(layers) for one in layer.answers),
        original=layers[0].original,
        outer=layers[0].outer,
    )


def original_of(refined: str) -> str:
    """The prompt, verbatim, from which a refined prompt was made; a prompt that is not refined is its own original."""
    structure = parse(refined)
    return refined if structure is None else refined[slice(*structure.original)]


def _layer(prompt: str) -> Structure | None:
    """The structure of a prompt without looking into its request."""
    parts: list[Part] = []
    position = 0
    while (part := _part_at(prompt, position)) is not None:
        more = prompt.startswith("\n\n", part.end)
        if part.tag == REQUEST:
            if more or part.end == len(prompt):
                end = part.text_start + len(part.text)
                answers, rest = _answers(prompt, part.end)
                span = (part.text_start, end)
                return Structure(tuple(parts), *span, prompt[rest:], tuple(answers), span, len(parts))
            break
        if part.tag == ANSWER or not more or not _words().search(prompt, part.end):
            break
        parts.append(part)
        position = part.end + 2
    span = (position, len(prompt))
    return Structure(tuple(parts), *span, "", (), span, len(parts)) if parts else None


def _answers(prompt: str, position: int) -> tuple[list[tuple[str, str]], int]:
    """The answers that follow the request, and where they end."""
    found: list[tuple[str, str]] = []
    while prompt.startswith("\n\n", position):
        part = _part_at(prompt, position + 2)
        if part is None or part.tag != ANSWER:
            break
        found.append((part.attributes["to"], part.text))
        position = part.end
    return found, position


def _moved(layer: Structure, by: int) -> Structure:
    """The structure with all its places moved."""
    return replace(
        layer,
        parts=tuple(replace(part, text_start=part.text_start + by, end=part.end + by) for part in layer.parts),
        body_start=layer.body_start + by,
        body_end=layer.body_end + by,
        original=(layer.original[0] + by, layer.original[1] + by),
    )


def _part_at(prompt: str, position: int) -> Part | None:
    match = _opening().match(prompt, position)
    if match is None:
        return None
    closing = f"\n</{match['name']}>"
    end = prompt.find(closing, match.end())
    if end < 0:
        return None
    attributes = {key: _unescape(value) for key, value in _attribute().findall(match["attributes"])}
    if not all(key in attributes for key in _REQUIRED.get(match["tag"], ())):
        return None
    return Part(match["tag"], attributes, prompt[match.end() : end], match.end(), end + len(closing))


def _free_name(tag: str, text: str) -> str:
    if f"</{tag}" not in text:
        return tag
    taken = set(re.findall(rf"</{tag}(-[0-9]+)?>", text))
    number = 1
    while (f"-{number}" if number > 1 else "") in taken:
        number += 1
    return f"{tag}-{number}" if number > 1 else tag


def _escape(value: str) -> str:
    return (
        value.replace("&", "&amp;")
        .replace('"', "&quot;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\n", "&#10;")
        .replace("\r", "&#13;")
    )


def _unescape(value: str) -> str:
    return (
        value.replace("&#13;", "\r")
        .replace("&#10;", "\n")
        .replace("&gt;", ">")
        .replace("&lt;", "<")
        .replace("&quot;", '"')
        .replace("&amp;", "&")
    )


@cache
def _opening() -> re.Pattern[str]:
    tags = "|".join((*CONTEXT_TAGS, REQUEST, ANSWER))
    attribute = rf' [a-z]{{1,20}}="[^"\n]{{0,{LONGEST_VALUE}}}"'
    return re.compile(rf"<(?P<name>(?P<tag>{tags})(?:-[0-9]{{1,9}})?)(?P<attributes>(?:{attribute}){{0,6}})>\n")


@cache
def _attribute() -> re.Pattern[str]:
    return re.compile(r' ([a-z]{1,20})="([^"\n]*)"')


@cache
def _words() -> re.Pattern[str]:
    return re.compile(r"\S")
