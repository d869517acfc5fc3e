"""The request's text blocks, in order of stability: what changes least often comes first.

The prompt cache matches whole prefixes, so a block can be read again only if nothing before it changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from optafly_cli.refine.result import Section, SectionKind

BlockKind = Literal[
    "tools",
    "system",
    "project_context",
    "file_reference",
    "code_block",
    "opening",
    "conversation",
    "tool_results",
    "instruction",
]

STABILITY: tuple[SectionKind, ...] = ("project_context", "file_reference", "code_block", "instruction")
MAX_BLOCKS_PER_KIND = 12
"""A read looks back at most 20 blocks from a breakpoint (Anthropic's prompt-caching page, read 2026-11-22)."""

SEPARATOR = "\n\n"


@dataclass(frozen=True, slots=True)
class Block:
    """One text block. `place` is where it stands in the body ("system[0]", "messages[0].content[1]")."""

    kind: BlockKind
    place: str
    label: str
    text: str


def arrange(sections: Sequence[Section], system: str | None) -> tuple[Block, ...]:
    """The system prompt, then one block per section, the instruction last.

    Blank texts become no block, because the API refuses them. A user block that is not the last ends with a blank
    line, so that the blocks' texts joined are the refined prompt. Past `MAX_BLOCKS_PER_KIND` sections of one kind
    the last block takes the rest: the blocks before it stay the same when a section is added.
    """
    blocks = [Block("system", "system[0]", "system prompt", system)] if system and system.strip() else []
    merged = [
        (kind, label, text)
        for kind in STABILITY
        for label, text in _merge([s for s in sections if s.kind == kind and s.text.strip()], kind)
    ]
    for number, (kind, label, text) in enumerate(merged):
        end = SEPARATOR if number < len(merged) - 1 else ""
        blocks.append(Block(kind, f"messages[0].content[{number}]", label, text + end))
    return tuple(blocks)


def _merge(sections: Sequence[Section], kind: SectionKind) -> list[tuple[str, str]]:
    """Labels and texts of the blocks of one kind; the instruction is always one."""
    alone = 0 if kind == "instruction" else MAX_BLOCKS_PER_KIND - 1
    if len(sections) <= alone + 1:
        return [(section.label, section.text) for section in sections]
    rest = sections[alone:]
    label = f"{rest[0].label} and {len(rest) - 1} more"
    return [
        *((section.label, section.text) for section in sections[:alone]),
        (label, SEPARATOR.join(section.text for section in rest)),
    ]
