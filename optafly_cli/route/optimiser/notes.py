"""What stands where something was removed, and what a removal is."""

from dataclasses import dataclass

MARK = "[optafly: "


@dataclass(frozen=True, slots=True)
class Removal:
    """One thing that was removed from a section: the text as it was, and what stands there instead."""

    label: str
    reason: str
    before: str
    after: str


def note(said: str) -> str:
    """A line that says what is not there."""
    return f"{MARK}{said}]"


def is_note(line: str) -> bool:
    """Whether a line is a note of ours."""
    return line.lstrip().startswith(MARK)


def saves(before: str, after: str) -> bool:
    """Whether the exchange is worth a note: every pass makes the text shorter, so there is a last one."""
    return len(after) + 8 < len(before)
