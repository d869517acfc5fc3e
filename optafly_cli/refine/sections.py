"""The sections that hold chosen pieces: the parts of one file stand together between one pair of tags.

`<code path="a.py" lines="12-40,88-95">`: the parts in order, each verbatim, a line of three dots between them. How many
lines each part has tells where it ends, so three dots in the code are no harm.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from optafly_cli.refine.markup import LONGEST_VALUE, can_be_read, wrap
from optafly_cli.workspace.types import ContextPiece, LineRange

Count = Callable[[str, str], int]
GAP = "..."


@dataclass(frozen=True, slots=True)
class Chosen:
    """A piece, the markup that holds it in the prompt, and the lines in it that were pointed at ("12, 40-44").

    `auto`: the user did not fix it, so it may be another one tomorrow.
    """

    piece: ContextPiece
    markup: str
    at: str = ""
    auto: bool = False

    @property
    def lines(self) -> str:
        """The lines as tags have them."""
        return str(LineRange(self.piece.start_line, self.piece.end_line))

    @property
    def is_pointed_at(self) -> bool:
        """Whether lines in it were pointed at, and not all of them."""
        return bool(self.at) and self.at != self.lines


def groups(chosen: Iterable[Chosen]) -> Iterator[list[Chosen]]:
    """The pieces that share a pair of tags: neighbours that are code of one file."""

    def key(numbered: tuple[int, Chosen]) -> tuple[str, int]:
        number, one = numbered
        return (one.piece.path, -1) if one.piece.kind == "code" else ("", number)

    for _, group in groupby(enumerate(chosen), key):
        yield [one for _, one in group]


def section(group: Sequence[Chosen]) -> str:
    """The markup that holds these pieces."""
    if len(group) == 1:
        return group[0].markup
    attributes = {"path": group[0].piece.path, "lines": spans(group)}
    pointed = ",".join(one.at for one in group if one.is_pointed_at)
    if pointed:
        attributes["at"] = pointed
    return wrap("code", f"\n{GAP}\n".join(one.piece.text for one in group), attributes)


_LONGEST_LINES = 24
"""Characters of "12-40,", at most."""


def is_readable(group: Sequence[Chosen]) -> bool:
    """Whether the section is sure to be found again in the prompt: its attributes are not too long for that."""
    long = sum(_LONGEST_LINES + len(one.at) for one in group)
    return long <= LONGEST_VALUE and can_be_read(group[0].piece.path)


def spans(group: Iterable[Chosen]) -> str:
    """The lines of all pieces of a group ("12-40,88-95")."""
    return ",".join(one.lines for one in group)


def parts(attributes: Mapping[str, str], text: str) -> list[tuple[LineRange, str]]:
    """The stretches of lines that a section holds, from its attributes and its text; the inverse of `section`.

    Raises:
        ValueError: `lines` names none.
    """
    ranges = [_range(one) for one in attributes["lines"].split(",")]
    lines = text.split("\n")
    starts = [0]
    for one in ranges:
        starts.append(starts[-1] + one.end - one.start + 2)
    return [
        (one, "\n".join(lines[first : after - 1])) for one, (first, after) in zip(ranges, pairwise(starts), strict=True)
    ]


def shared(total: int, sizes: Sequence[int]) -> list[int]:
    """`total` as whole numbers in proportion to `sizes`, none 0 where it suffices; what is left goes to the first."""
    whole = sum(sizes) or 1
    least = int(total >= len(sizes))
    found = [least + (total - least * len(sizes)) * size // whole for size in sizes]
    return [found[0] + total - sum(found), *found[1:]] if found else []


def charged(group: Sequence[Chosen], tokens: int) -> list[Chosen]:
    """The pieces of a group with what the section costs shared among them."""
    sizes = [len(one.piece.text) + 1 for one in group]
    return [
        replace(one, piece=replace(one.piece, tokens=share))
        for one, share in zip(group, shared(tokens, sizes), strict=True)
    ]


def less(chosen: Sequence[Chosen], kept: Sequence[Chosen], count: Count) -> tuple[Chosen, ...]:
    """Those of `chosen` that are `kept`, charged anew where a section has lost some of its parts."""
    held = {group[0].piece.path: len(group) for group in groups(chosen) if group[0].piece.kind == "code"}
    found: list[Chosen] = []
    for group in groups(kept):
        first = group[0].piece
        whole = first.kind != "code" or len(group) == held[first.path]
        found += group if whole else charged(group, count(section(group) + "\n\n", first.language))
    return tuple(found)


def _range(text: str) -> LineRange:
    first, _, last = text.partition("-")
    return LineRange(int(first), int(last or first))
