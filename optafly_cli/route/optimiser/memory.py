"""What was sent before: lines that come again further down become a reference to where they stand."""

from collections.abc import Iterator, Sequence

from optafly_cli.route.optimiser.notes import Stretch, in_stretches, is_note, note

WINDOW = 4
"""Lines by which a place is found again."""

LEAST = 160
"""Characters that a stretch must have to be worth a reference."""

SENT_BEFORE = "the same lines were sent before"
"""The reason why lines were changed into a reference."""

_QUOTED = 40
_END = "\0"


class Memory:
    """The lines of all texts so far, as they are sent; added to and asked in their order."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._places: dict[tuple[str, ...], int] = {}

    def add(self, lines: Sequence[str]) -> None:
        """These lines follow the others."""
        for line in lines:
            self._lines.append(line)
            window = tuple(self._lines[-WINDOW:])
            # One that says little is everywhere, and a note stands for lines that are not there
            says = len(window) == WINDOW and sum(map(len, window)) >= WINDOW * 4
            if says and _END not in window and not any(map(is_note, window)):
                self._places.setdefault(window, len(self._lines) - WINDOW)

    def end(self) -> None:
        """A text ends: no stretch goes on in the next one."""
        self._lines.append(_END)

    def known(self, lines: Sequence[str], at: int) -> int:
        """How many of `lines` from `at` on stand together above; 0 where it is not worth to say so."""
        place = self._places.get(tuple(lines[at : at + WINDOW]))
        if place is None:
            return 0
        number = WINDOW
        while (
            at + number < len(lines)
            and place + number < len(self._lines)
            and lines[at + number] == self._lines[place + number]
            and not is_note(lines[at + number])
        ):
            number += 1
        while not lines[at + number - 1].strip():
            number -= 1
        stretch = lines[at : at + number]
        size = sum(map(len, stretch)) + number
        return number if size >= LEAST and size > len(reference(stretch)) + 8 else 0

    def refer(self, lines: Sequence[str]) -> Iterator[Stretch]:
        """The lines in stretches; those that stand above as a reference. They are added as they are then."""

        def look(at: int) -> tuple[int, str, Sequence[str]]:
            number = self.known(lines, at)
            after = [reference(lines[at : at + number])] if number else lines[at : at + 1]
            self.add(after)
            return number or 1, SENT_BEFORE if number else "", after

        return in_stretches(lines, look)


def reference(lines: Sequence[str]) -> str:
    """The line that stands for lines which stand above."""
    first = next(line for line in lines if line.strip())
    return note(f"{len(lines)} lines as above, from {_quoted(first)} to {_quoted(lines[-1])}")


def _quoted(line: str) -> str:
    line = line.strip()
    return f"`{line if len(line) <= _QUOTED else line[:_QUOTED] + '…'}`"
