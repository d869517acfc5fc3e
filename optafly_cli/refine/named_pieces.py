"""The pieces that the user named: ranges, diffs, piped text, whole files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from optafly_cli.config.settings import RefineSettings
from optafly_cli.refine.found_pieces import add_units
from optafly_cli.refine.markup import wrap
from optafly_cli.refine.pack import Pack, Wanted, render
from optafly_cli.refine.redacted import describe
from optafly_cli.refine.retrieval.find import FoundUnit
from optafly_cli.refine.retrieval.query import Query, query_of
from optafly_cli.refine.retrieval.retriever import units_of_text
from optafly_cli.refine.rules.base import Subject
from optafly_cli.workspace.secrets import redact
from optafly_cli.workspace.types import ContextPiece, DiffFile, LineRange, NamedFile
from optafly_cli.workspace.units import enclosing_unit

PIPED = "-"
"""The path of a piece that was piped in, as on a command line."""


@dataclass(frozen=True, slots=True)
class _Pointed:
    """Lines of one file that belong together: the units of one or several ranges."""

    lines: LineRange
    at: tuple[LineRange, ...]

    @property
    def must(self) -> LineRange:
        return LineRange(self.at[0].start, max(one.end for one in self.at))

    @property
    def shown(self) -> str:
        return ",".join(str(one) for one in self.at)


def add_ranges(pack: Pack, subject: Subject, settings: RefineSettings) -> None:
    """The enclosing unit of every range, the lines pointed at first: all of those, before any unit grows."""
    wanted = [one for file, group in _ranged(subject.named.files) for one in _wanted_units(subject, file, group)]
    if not settings.include_selection:
        pack.left_out.extend(f"{one.label}:{one.at} was left out: include_selection is off." for one in wanted)
        return
    wanted = [one for one in wanted if not _put_whole(pack, subject, one)]
    least = [pack.cost(render(one, one.must), one.language) for one in wanted]
    for number, one in enumerate(wanted):
        # What the later ranges need at least stays free, as long as this one gets its own lines
        keep = min(sum(least[number + 1 :]), max(0, pack.room - least[number]))
        placed = pack.place(one, keep)
        if not pack.covered(one, one.lines):
            pack.left_out.append(_clipped(one, placed, pack))


def _put_whole(pack: Pack, subject: Subject, pointed: Wanted) -> bool:
    """Whether the file is named as a whole as well, and is in the prompt now, as one piece."""
    if not any(file.lines is None and file.label == pointed.label for file in subject.named.files):
        return False
    lines = LineRange(1, len(pointed.text.lines))
    whole = replace(pointed, lines=lines, reason="named", kind="file", at=str(pointed.must))
    if pack.free(whole, lines) == [lines] and pack.fits(render(whole, lines), whole.language):
        pack.put(whole, lines)
    return pack.covered(whole, lines)


def _ranged(files: Sequence[NamedFile]) -> Iterator[tuple[NamedFile, list[_Pointed]]]:
    """Each file with ranges, once, with its ranges merged where their units touch.

    A file that is named as a whole as well keeps its ranges: they go first when it does not fit.
    """
    by_label: dict[str, list[NamedFile]] = {}
    for file in files:
        if file.lines is not None:
            by_label.setdefault(file.label, []).append(file)
    for named in by_label.values():
        groups: list[_Pointed] = []
        for file in sorted(named, key=lambda one: (one.unit or one.lines or LineRange(1, 1)).start):
            at = file.lines or LineRange(1, 1)
            unit = _around(file.unit or at, at)
            if groups and unit.start <= groups[-1].lines.end + 1:
                last = groups.pop()
                merged = tuple(sorted({*last.at, at}, key=lambda one: (one.start, one.end)))
                unit = LineRange(min(last.lines.start, unit.start), max(last.lines.end, unit.end))
                groups.append(_Pointed(unit, merged))
            else:
                groups.append(_Pointed(unit, (at,)))
        yield named[0], groups


def _around(unit: LineRange, at: LineRange) -> LineRange:
    return LineRange(min(unit.start, at.start), max(unit.end, at.end))


def _wanted_units(subject: Subject, file: NamedFile, groups: Sequence[_Pointed]) -> Iterator[Wanted]:
    text = subject.files.redacted(file.label, file.source)
    for group in groups:
        reason = f"named, the unit around line {group.shown}" if group.must != group.lines else "named"
        at = group.shown if group.must != group.lines else ""
        yield Wanted(file.label, text, group.lines, group.must, reason, file.language, at=at)


def add_diffs(pack: Pack, diffs: Sequence[DiffFile]) -> None:
    """Each file's diff; of one that is too long the first hunks that fit."""
    for diff in diffs:
        result = redact(diff.text.strip("\n"))
        if result.kinds:
            pack.left_out.append(f"redacted {describe(result.text)} in the diff of {diff.label}")
        attributes = {"path": diff.label, **({"staged": "yes"} if diff.staged else {})}
        header, hunks = _hunks(result.text)
        kept = len(hunks)
        while kept > 1 and not pack.fits(wrap("diff", "\n".join([*header, *hunks[:kept]]), attributes), "diff"):
            kept -= 1
        text = "\n".join([*header, *hunks[:kept]])
        markup = wrap("diff", text, attributes)
        if not pack.fits(markup, "diff"):
            pack.left_out.append(f"The diff of {diff.label} was left out: it does not fit into {pack.limit}.")
            continue
        if kept < len(hunks):
            pack.left_out.append(
                f"The diff of {diff.label}: {kept} of {len(hunks)} hunks fit into {pack.limit}; the rest was left out."
            )
        reason = "named, staged changes" if diff.staged else "named, unstaged changes"
        tokens = pack.cost(markup, "diff")
        pack.put_markup(
            ContextPiece(diff.label, diff.start_line, diff.end_line, text, reason, "diff", "diff", tokens=tokens),
            markup,
        )


def _hunks(text: str) -> tuple[list[str], list[str]]:
    """The header of a file's diff, and its hunks; both as stretches of lines. A rename or a mode has no hunk."""
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith("@@ ")]
    header = ["\n".join(lines[: starts[0]])] if starts and starts[0] > 0 else [] if starts else [text]
    ends = [*starts[1:], len(lines)][: len(starts)]
    return header, ["\n".join(lines[start:end]) for start, end in zip(starts, ends, strict=True)]


_HEADER = 32
"""Tokens of a section's tags, at most."""


def add_piped(pack: Pack, subject: Subject) -> None:
    """The piped text; of one that is too long the part around its first error, else its beginning."""
    clean = subject.piped
    if clean is None:
        return
    total = len(clean.lines)
    errors = subject.piped_errors
    must = LineRange(errors[0].start_line, errors[0].end_line) if errors else LineRange(1, 1)
    wanted = Wanted(PIPED, clean, LineRange(1, total), must, "piped", "", kind="piped")
    lines = pack.place(wanted, _for_files(pack, subject))
    if lines is None:
        pack.left_out.append(f"The piped text was left out: it does not fit into {pack.limit}.")
    elif lines != wanted.lines:
        pack.left_out.append(f"The piped text: lines {lines} of {total} fit into {pack.limit}; the rest was left out.")


def _for_files(pack: Pack, subject: Subject) -> int:
    """Tokens that whole files may need that are named as well, at most half of what is left."""
    texts = [file.source.text for file in subject.named.files if file.lines is None]
    return min(pack.room // 2, sum(len(text) // 2 + _HEADER for text in texts))


def add_files(pack: Pack, subject: Subject) -> None:
    """The files named as a whole. They share what is left: small ones whole, of the others the units that matter."""
    wanted: dict[str, Wanted] = {}
    for file in subject.named.files:
        if file.lines is None and file.label not in wanted:
            text = subject.files.redacted(file.label, file.source)
            lines = LineRange(1, len(text.lines))
            if not file.source.text.strip():
                pack.left_out.append(f"{file.label} is empty.")
                continue
            wanted[file.label] = Wanted(file.label, text, lines, LineRange(1, 1), "named", file.language, kind="file")
    by_size = sorted(wanted.values(), key=lambda one: sum(map(len, one.text.lines)))
    for number, one in enumerate(by_size):
        share = pack.room // (len(by_size) - number)
        add_whole(pack, subject, one, share)


def add_whole(pack: Pack, subject: Subject, wanted: Wanted, share: int) -> bool:
    """A whole file within `share` tokens, or the units of it that matter, or its head; says what was left out."""
    keep = max(0, pack.room - share)
    parts = pack.free(wanted, wanted.lines)
    if not parts:
        return True
    if parts == [wanted.lines] and pack.fits(render(wanted, wanted.lines), wanted.language, keep):
        pack.put(wanted, wanted.lines)
        return True
    before = len(pack.chosen)
    errors = [*subject.view.errors, *subject.piped_errors]
    piped = "\n".join(subject.piped.lines) if subject.piped else ""
    units = _units(subject, wanted, query_of(subject.view, errors, piped))
    part = replace(wanted, kind="code")
    for number in _error_lines(subject, wanted.label):
        at = LineRange(number, number)
        if number <= wanted.lines.end and not pack.covered(wanted, at):
            unit = enclosing_unit(wanted.text.lines, at)
            pack.place(replace(part, lines=unit, must=at, reason=f"{wanted.reason}, the unit around line {at}"), keep)
    add_units(pack, wanted, units, max(0, pack.room - keep))
    if len(pack.chosen) == before:
        # Nothing in it stands out: its beginning says what the file is
        pack.place(replace(part, reason=f"{wanted.reason}, its beginning"), keep)
    if not pack.covered(wanted, wanted.lines):
        pack.left_out.append(_partly(pack, wanted))
    return len(pack.chosen) > before


def _units(subject: Subject, wanted: Wanted, query: Query) -> tuple[FoundUnit, ...]:
    """The segments of a file, best first: as they were indexed, else the file is read for them now."""
    retriever = subject.files.retriever
    known = retriever.inside(query, wanted.label) if retriever is not None else ()
    return known or units_of_text(query, wanted.label, wanted.text.lines, wanted.language)


def _error_lines(subject: Subject, label: str) -> list[int]:
    """Lines of the file that errors in the prompt, in piped text or in the file itself speak of."""
    errors = [*subject.view.errors, *subject.piped_errors]
    frames = [frame for error in errors for frame in error.frames]
    found = [frame.line for frame in frames if _same_file(frame.path, label)]
    found += [one.lines.start for one in subject.mentions if one.lines and _same_file(one.path, label)]
    return found + [error.start_line for error in subject.files.errors(label)]


def _same_file(path: str, label: str) -> bool:
    path = path.replace("\\", "/").removeprefix("./")
    return path == label or path.endswith("/" + label) or label.endswith("/" + path)


def _partly(pack: Pack, wanted: Wanted) -> str:
    placed = [one.piece for one in pack.chosen if one.piece.path == wanted.label and one.piece.kind in ("file", "code")]
    total = wanted.lines.end
    if not placed:
        what = "its only line does" if total == 1 else f"its {total} lines do"
        return f"{wanted.label} was left out: {what} not fit into {pack.limit}."
    spans = ", ".join(
        str(LineRange(one.start_line, one.end_line)) for one in sorted(placed, key=lambda one: one.start_line)
    )
    return f"{wanted.label}: lines {spans} of {total} fit into {pack.limit}; the rest was left out."


def _clipped(wanted: Wanted, placed: LineRange | None, pack: Pack) -> str:
    if placed is None:
        return f"{wanted.label}:{wanted.must} was left out: it does not fit into {pack.limit}."
    return f"{wanted.label}: lines {placed} of the unit {wanted.lines} fit into {pack.limit}; the rest was left out."
