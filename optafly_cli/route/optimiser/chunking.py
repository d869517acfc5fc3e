"""A prompt that is longer than the model's window, in parts that fit: each has the instruction. Pure.

It is cut between sections; a section that fits into no part is cut between its lines, its tags around each piece.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from optafly_cli.refine.result import Section

MAX_CHUNKS = 50
_SLACK = 64
"""Tokens per section that tags and seams may take."""


def chunks(sections: Sequence[Section], count: Callable[[str], int], room: int) -> list[tuple[Section, ...]] | None:
    """The sections in parts of at most `room` tokens, the instruction at the end of each.

    None where no part could hold more than the instruction, or there would be more than MAX_CHUNKS.
    """
    instruction = tuple(section for section in sections if section.kind == "instruction")
    left = room - sum(count(section.text) + _SLACK for section in instruction)
    context = [section for section in sections if section.kind != "instruction"]
    if left < 2 * _SLACK or not context:
        return None
    parts: list[tuple[Section, ...]] = []
    part: list[Section] = []
    used = 0
    for piece in (piece for section in context for piece in _fitting(section, count, left)):
        tokens = count(piece.text) + _SLACK
        if tokens > left:
            return None
        if used + tokens > left:
            parts.append((*part, *instruction))
            part, used = [], 0
        part.append(piece)
        used += tokens
    parts.append((*part, *instruction))
    return parts if len(parts) <= MAX_CHUNKS else None


def _fitting(section: Section, count: Callable[[str], int], room: int) -> Iterator[Section]:
    """The section, or pieces of it that fit."""
    tokens = count(section.text) + _SLACK
    if tokens <= room:
        yield section
        return
    lines = section.text.split("\n")
    tagged = len(lines) > 2 and lines[0].startswith("<") and lines[-1].startswith("</")
    head, body, tail = (lines[:1], lines[1:-1], lines[-1:]) if tagged else ([], lines, [])
    if len(body) < 2:
        yield section
        return
    middle = len(body) // 2
    for half in (body[:middle], body[middle:]):
        yield from _fitting(replace(section, text="\n".join([*head, *half, *tail])), count, room)
