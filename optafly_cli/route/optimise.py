"""Fewer tokens without losing anything: only what can be removed with no change of meaning.

What is removed depends on a section and on those before it, never on those after, so that a stable prefix stays
byte for byte the same whatever follows it. The instruction and all code stay as they are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from optafly_cli.refine.result import Section

_TRAILING = re.compile(r"[ \t]+(?=\n|\Z)")
_FENCES = ("```", "~~~")


@dataclass(frozen=True, slots=True)
class Removal:
    """One thing that was removed: `before` is the section's text as it was, `after` what is left of it."""

    label: str
    reason: str
    before: str
    after: str


def lossless(sections: Sequence[Section]) -> tuple[tuple[Section, ...], tuple[Removal, ...]]:
    """The sections without repetitions, and what was removed from them.

    A section whose text is exactly that of an earlier one is sent once. White space at the ends of lines goes
    from project context only, and only where it holds no fenced code.
    """
    kept: list[Section] = []
    removals: list[Removal] = []
    seen: set[str] = set()
    for section in sections:
        trimmed = _trim(section)
        if section.kind != "instruction" and trimmed.text in seen:
            removals.append(Removal(section.label, "the same text was sent before", section.text, ""))
            continue
        if trimmed is not section:
            removals.append(Removal(section.label, "white space at the ends of lines", section.text, trimmed.text))
        seen.add(trimmed.text)
        kept.append(trimmed)
    return tuple(kept), tuple(removals)


def _trim(section: Section) -> Section:
    if section.kind != "project_context" or any(fence in section.text for fence in _FENCES):
        return section
    text = _TRAILING.sub("", section.text)
    return section if text == section.text else replace(section, text=text)
