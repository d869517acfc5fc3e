"""Putting lines of files into a budget of tokens, headers included, each line at most once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from optafly_cli.refine.markup import wrap
from optafly_cli.refine.redacted import Redacted
from optafly_cli.refine.sections import Chosen, Count, charged, section
from optafly_cli.workspace.types import ContextPiece, LineRange, PieceKind

MOST_CHARACTERS_PER_TOKEN = 40
"""A text longer than this many characters per token left is too long whatever it says; saves counting it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Lines that should go into the prompt. `must`: those of them that count most; a clip is made around them."""

    label: str
    text: Redacted
    lines: LineRange
    must: LineRange
    reason: str
    language: str
    kind: PieceKind = "code"
    named: bool = True
    auto: bool = False
    at: str = ""


@dataclass(slots=True)
class Pack:
    """What has been chosen so far. `used` never exceeds `budget`; `limit` is what messages call the budget.

    Parts of one file share a section, so what a part costs depends on those that are there already.
    """

    budget: int
    count: Count
    limit: str = ""
    chosen: list[Chosen] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    used: int = 0

    @property
    def room(self) -> int:
        """Tokens that are left."""
        return self.budget - self.used

    def cost(self, markup: str, language: str) -> int:
        """What a section adds to the prompt: its markup and the blank line after it."""
        return self.count(markup + "\n\n", language)

    def fits(self, markup: str, language: str, keep: int = 0) -> bool:
        """Whether the section fits when `keep` tokens stay free."""
        room = self.room - keep
        return room > 0 and len(markup) <= room * MOST_CHARACTERS_PER_TOKEN and self.cost(markup, language) <= room

    def with_parts(self, wanted: Wanted, parts: Iterable[tuple[LineRange, str]]) -> "Group":
        """The section of the file as it is with these lines in it, each with its reason."""
        added = [_chosen(wanted, lines, reason) for lines, reason in parts]
        before = self._parts(wanted)
        group = sorted([*before, *added], key=lambda one: one.piece.start_line)
        markup = section(group)
        return Group(wanted, tuple(group), markup, sum(one.piece.tokens for one in before))

    def added(self, group: "Group") -> int:
        """What the section costs more than the part of it that is in the prompt."""
        return self.cost(group.markup, group.wanted.language) - group.held

    def put(self, wanted: Wanted, lines: LineRange) -> None:
        """Take these lines of it into the prompt, and say what was redacted from them."""
        self.put_group(self.with_parts(wanted, [(lines, wanted.reason)]))

    def put_group(self, group: "Group", added: int | None = None) -> None:
        """Take the section into the prompt in place of what there was of the file. `added`, where it is known."""
        added = self.added(group) if added is None else added
        before = self._parts(group.wanted)
        at = self.chosen.index(before[0]) if before else len(self.chosen)
        self.chosen = [one for one in self.chosen if one not in before]
        self.chosen[at:at] = charged(group.chosen, group.held + added)
        self.used += added
        held = {one.lines for one in before}
        where = "the piped text" if group.wanted.kind == "piped" else group.wanted.label
        for one in group.chosen:
            sentence = group.wanted.text.sentence(one.piece.start_line, one.piece.end_line, where)
            if sentence and one.lines not in held:
                self.left_out.append(sentence)

    def _parts(self, wanted: Wanted) -> list[Chosen]:
        """What shares a section with lines of this file."""
        if wanted.kind != "code":
            return []
        return [one for one in self.chosen if one.piece.kind == "code" and one.piece.path == wanted.label]

    def put_markup(self, piece: ContextPiece, markup: str, *, auto: bool = False) -> None:
        """Take a section that is not lines of a file (a diff, the project) into the prompt."""
        self.chosen.append(Chosen(piece, markup, "", auto))
        self.used += piece.tokens

    def free(self, wanted: Wanted, lines: LineRange) -> list[LineRange]:
        """The parts of these lines of the file that are not in the prompt yet. Blank ones beside others are no part."""
        parts = [lines]
        for one in self.chosen:
            if one.piece.path == wanted.label and one.piece.kind in ("file", "code"):
                taken = LineRange(one.piece.start_line, one.piece.end_line)
                parts = [rest for part in parts for rest in _without(part, taken)]
        return [part for part in parts if part == lines or not wanted.text.is_blank(part.start, part.end)]

    def place(self, wanted: Wanted, keep: int = 0) -> LineRange | None:
        """Take as many of the lines as fit, around those that must be in it; None when not even they fit.

        What is in the prompt already is not taken again; `keep` tokens stay free.
        """
        best: LineRange | None = None
        for part in self.free(wanted, wanted.lines):
            start, end = max(part.start, wanted.must.start), min(part.end, wanted.must.end)
            must = LineRange(start, end) if start <= end else LineRange(part.start, part.start)
            lines = clip(part, must, lambda lines: self._takes(wanted, lines, keep))
            if lines is not None and (lines == wanted.lines or not wanted.text.is_blank(lines.start, lines.end)):
                self.put(wanted, lines)
                best = best or lines
        return best

    def _takes(self, wanted: Wanted, lines: LineRange, keep: int) -> bool:
        """Whether the lines fit when `keep` tokens stay free."""
        room = self.room - keep
        characters = sum(map(len, wanted.text.lines[lines.start - 1 : lines.end]))
        if room <= 0 or characters > room * MOST_CHARACTERS_PER_TOKEN:
            return False
        return self.added(self.with_parts(wanted, [(lines, wanted.reason)])) <= room

    def covered(self, wanted: Wanted, lines: LineRange) -> bool:
        """Whether all of these lines of the file that say something are in the prompt."""
        return not self.free(wanted, lines)


@dataclass(frozen=True, slots=True)
class Group:
    """The section of one file, or the single piece that stands alone; `held`: tokens of it that are in the prompt."""

    wanted: Wanted
    chosen: tuple[Chosen, ...]
    markup: str
    held: int


def _chosen(wanted: Wanted, lines: LineRange, reason: str) -> Chosen:
    piece = ContextPiece(
        path=wanted.label,
        start_line=lines.start,
        end_line=lines.end,
        text=wanted.text.text(lines.start, lines.end),
        reason=reason,
        kind=wanted.kind,
        language=wanted.language,
        named=wanted.named,
        tokens=0,
    )
    return Chosen(piece, render(wanted, lines), wanted.at, wanted.auto)


def render(wanted: Wanted, lines: LineRange) -> str:
    """The section that holds these lines."""
    whole = wanted.kind == "file"
    attributes = {"path": wanted.label, "lines": str(lines)}
    if wanted.kind == "piped":
        attributes = {} if lines == wanted.lines else {"lines": f"{lines} of {wanted.lines.end}"}
    elif wanted.at and wanted.at != str(lines):
        attributes["at"] = wanted.at
    tag = "file" if whole else "input" if wanted.kind == "piped" else "code"
    return wrap(tag, wanted.text.text(lines.start, lines.end), attributes)


def clip(lines: LineRange, must: LineRange, fits: Callable[[LineRange], bool]) -> LineRange | None:
    """The largest stretch of `lines` around `must` that fits; None when not one line fits.

    Of a `must` that is too long itself its first lines.
    """
    if fits(lines):
        return lines
    if not fits(must):
        count = _largest(must.end - must.start, lambda more: fits(LineRange(must.start, must.start + more)))
        return None if count is None else LineRange(must.start, must.start + count)

    def grown(more: int) -> LineRange:
        # A third above, two thirds below: what follows a line explains more of it than what precedes it
        return LineRange(max(lines.start, must.start - more // 2), min(lines.end, must.end + more))

    widest = max(lines.end - must.end, 2 * (must.start - lines.start))
    more = _largest(widest, lambda more: fits(grown(more))) or 0
    return grown(more)


def _largest(most: int, fits: Callable[[int], bool]) -> int | None:
    """The largest number up to `most` for which `fits` holds, taking it to hold for all smaller ones."""
    low, high, best = 0, 1, None
    while low <= most and fits(low):
        best, low, high = low, high, high * 2
    if best is None:
        return None
    top = min(low, most + 1)
    while top - best > 1:
        middle = (best + top) // 2
        if fits(middle):
            best = middle
        else:
            top = middle
    return best


def _without(lines: LineRange, taken: LineRange) -> list[LineRange]:
    if taken.end < lines.start or lines.end < taken.start:
        return [lines]
    rest = []
    if lines.start < taken.start:
        rest.append(LineRange(lines.start, taken.start - 1))
    if taken.end < lines.end:
        rest.append(LineRange(taken.end + 1, lines.end))
    return rest
