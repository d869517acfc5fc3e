"""The optimiser as `route` runs it: on a refined prompt, with the tokens of what it removed."""

from collections.abc import Callable, Sequence

from optafly_cli.refine.result import RefinedPrompt, Section
from optafly_cli.route.optimiser.engine import lossless as without_redundancy
from optafly_cli.route.optimiser.lossy import compressed
from optafly_cli.route.optimiser.notes import Removal
from optafly_cli.route.result import Optimisation, Removed
from optafly_cli.workspace.types import ContextPiece

Count = Callable[[str], int]


def optimise(
    refined: RefinedPrompt, *, count: Count, lossless: bool, compress: bool
) -> tuple[tuple[Section, ...], Optimisation]:
    """The sections as they are to be sent, and what was removed from them, in tokens."""
    sections = refined.sections
    compressions: tuple[Removal, ...] = ()
    redundancies: tuple[Removal, ...] = ()
    if compress:
        sections, compressions = compressed(sections, _unnamed(refined))
    if lossless:
        sections, redundancies = without_redundancy(sections)
    shorter, less = _listed(compressions, count), _listed(redundancies, count)
    return sections, Optimisation(
        removed_redundancy=sum(removed.tokens for removed in less),
        compressed_context=sum(removed.tokens for removed in shorter),
        chunks=1,
        removals=(*shorter, *less),
    )


def folded(text: str) -> str:
    """A text as it would be sent: before it is cut to a budget, so that more of what matters in it fits."""
    sections, _ = without_redundancy((Section("code_block", "piped text", text),))
    return sections[0].text if sections else ""


def _unnamed(refined: RefinedPrompt) -> set[str]:
    """Labels of the sections that hold only text of files which the user did not name."""
    named = {label for piece in refined.pieces if piece.named for label in _labels(piece)}
    return {label for piece in refined.unsafe for label in _labels(piece)} - named


def _labels(piece: ContextPiece) -> tuple[str, str]:
    return piece.path, f"{piece.path}:{piece.start_line}-{piece.end_line}"


def _listed(removals: Sequence[Removal], count: Count) -> tuple[Removed, ...]:
    """One row for each block and reason, in the order in which they were met."""
    rows: dict[tuple[str, str], Removed] = {}
    for removal in removals:
        key = (removal.label, removal.reason)
        tokens = count(removal.before) - count(removal.after)
        row = rows.get(key)
        places = row.places + 1 if row else 1
        rows[key] = Removed(*key, tokens + (row.tokens if row else 0), places)
    return tuple(rows.values())
