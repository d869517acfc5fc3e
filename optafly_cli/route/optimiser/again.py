"""Lines that come again at once: the same line, the same but for the time, the same few lines over and over. Pure."""

import re
from collections.abc import Iterator, Sequence

from optafly_cli.route.optimiser.looks import is_important
from optafly_cli.route.optimiser.notes import Stretch, in_stretches, is_note, note

LONGEST_PERIOD = 12
"""Lines of a group that is looked for again right after itself."""

_TIME = re.compile(
    r"\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\b\d\d:\d\d:\d\d(?:[.,]\d+)?|\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|^\[ *\d+\.\d+\]"
)


def without_repeats(lines: Sequence[str]) -> Iterator[Stretch]:
    """The lines in stretches; those that come again as the first of them, and how often."""
    bare = [_TIME.sub("\0", line) if _timed(line) else line for line in lines]

    def look(at: int) -> tuple[int, str, Sequence[str]]:
        period, times = _repetition(bare, at)
        if times < 2:
            return 1, "", ()
        number = period * times
        there = lines[at : at + number]
        after = [*there[:period], note(_said(there, period, times))]
        worth = _size(after) + 8 < _size(there) and (period > 1 or times > 2 or len(there[0]) > 80)
        return number, "lines that come again" if worth else "", after

    return in_stretches(lines, look)


def _timed(line: str) -> bool:
    # Of a line that speaks of an error the time may be what matters
    return not is_important(line) and any(map(str.isdigit, line[:40]))


def _repetition(lines: Sequence[str], at: int) -> tuple[int, int]:
    """The shortest group of lines that begins at `at` and comes again right after itself, and how often it is there."""
    if is_note(lines[at]) or not lines[at].strip():
        return 1, 1
    for period in range(1, LONGEST_PERIOD + 1):
        again = at + period
        if again + period > len(lines):
            break
        if lines[again] != lines[at] or lines[at:again] != lines[again : again + period]:
            continue
        if any(map(is_note, lines[at:again])):
            continue
        times = 2
        while lines[at:again] == lines[at + times * period : again + times * period]:
            times += 1
        return period, times
    return 1, 1


def _said(lines: Sequence[str], period: int, times: int) -> str:
    what = "the line above comes" if period == 1 else f"the {period} lines above come"
    often = f"{times - 1} times more" if times > 2 else "once more"
    last = _TIME.search(lines[-period])
    moved = last is not None and lines[-period] != lines[0]
    return f"{what} {often}{f', the last at {last[0].strip()}' if last and moved else ''}"


def _size(lines: Sequence[str]) -> int:
    return sum(map(len, lines)) + len(lines)
