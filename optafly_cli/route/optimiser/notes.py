"""What stands where something was removed, and what a removal is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Stretch = tuple[str, Sequence[str], Sequence[str]]
"""Lines that stand together: the reason why they were changed ("": they were not), as they were, as they are then."""

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


def in_stretches(lines: Sequence[str], look: Callable[[int], tuple[int, str, Sequence[str]]]) -> Iterator[Stretch]:
    """The lines in stretches. `look` gives for a place how many lines belong together there, why they are changed ("":
    they are not), and what stands there then; it is asked from the first line to the last, place after place."""
    at = plain = 0
    while at < len(lines):
        number, reason, after = look(at)
        end = at + number
        if reason:
            if plain < at:
                yield "", lines[plain:at], lines[plain:at]
            yield reason, lines[at:end], after
            plain = end
        at = end
    if plain < len(lines):
        yield "", lines[plain:], lines[plain:]


def saves(before: str, after: str) -> bool:
    """Whether the exchange is worth a note: every pass makes the text shorter, so there is a last one."""
    return len(after) + 8 < len(before)
