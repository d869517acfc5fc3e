"""Putting the refined prompt together: sections in order of stability, the original verbatim, every change recorded.

Change accounting: each part is counted on its own, headers and the blank line after a section included, so the sum of
`tokens_added` is what the refined prompt has more than the original, up to what a tokenizer saves or loses at seams.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optafly_cli.refine.instruction import Part, wrapped
from optafly_cli.refine.named_pieces import PIPED
from optafly_cli.refine.pack import Chosen, Count
from optafly_cli.refine.result import Change, ChangeKind, Section
from optafly_cli.refine.select import Selection, limit


@dataclass(frozen=True, slots=True)
class Draft:
    """Sections, the changes that made them, and what would have been added besides."""

    sections: tuple[Section, ...]
    changes: tuple[Change, ...]
    left_out: tuple[str, ...] = ()


def draft(original: str, selection: Selection, additions: Sequence[Part], budget: int, count: Count) -> Draft:
    """The refined prompt. Additions that do not fit into what context left of `budget` are dropped, the last first."""
    sections = list(_context(selection))
    changes = list(_context_changes(selection, count))
    kept = _affordable(original, additions, budget - selection.context_tokens, count)
    if kept:
        changes.append(_structure(original, count))
        changes.extend(part.change for part in kept)
    sections.append(Section("instruction", "instruction", _instruction(original, kept)))
    left_out: tuple[str, ...] = ()
    if len(kept) < len(additions):
        what = "; ".join(
            part.change.description[:1].lower() + part.change.description[1:] for part in additions[len(kept) :]
        )
        left_out = (f"Left out, because it does not fit into {limit(budget)}: {what}.",)
    return Draft(tuple(sections), tuple(changes), left_out)


def _affordable(original: str, additions: Sequence[Part], room: int, count: Count) -> list[Part]:
    """As many additions as fit, from the first on, the tags around the request included."""
    kept: list[Part] = []
    base = count(original, "")
    for part in additions:
        text = _instruction(original, [*kept, part])
        if count(text, "") - base > room or sum(one.change.tokens_added for one in [*kept, part]) > room:
            break
        kept.append(part)
    return kept


def _instruction(original: str, additions: Sequence[Part]) -> str:
    if not additions:
        return original
    return "\n\n".join([wrapped(original), *(part.text for part in additions)])


def _structure(original: str, count: Count) -> Change:
    added = count(wrapped(original), "") - count(original, "")
    return Change("added_structure", "Set the request apart from its context", max(0, added))


def _context(selection: Selection) -> Iterator[Section]:
    if selection.project_markup:
        yield Section("project_context", "project", selection.project_markup)
    for one in selection.chosen:
        piece = one.piece
        if piece.kind == "file":
            yield Section("file_reference", piece.path, one.markup)
        else:
            yield Section("code_block", _label(one), one.markup)


def _label(one: Chosen) -> str:
    piece = one.piece
    if piece.kind == "piped":
        return "piped text"
    if piece.kind == "diff":
        return f"diff of {piece.path}"
    return f"{piece.path}:{piece.start_line}-{piece.end_line}"


def _context_changes(selection: Selection, count: Count) -> Iterator[Change]:
    if selection.project_markup:
        tokens = count(selection.project_markup + "\n\n", "")
        yield Change("added_context", "Described the project", tokens)
    for one in selection.chosen:
        piece = one.piece
        kind: ChangeKind = "added_context" if piece.kind in ("piped", "diff") else "added_code_snippet"
        what = "the piped text" if piece.path == PIPED else _label(one)
        yield Change(kind, f"Added {what} ({piece.reason})", piece.tokens)
