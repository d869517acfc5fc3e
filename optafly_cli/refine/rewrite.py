"""Putting the refined prompt together: sections in order of stability, the original verbatim, every change recorded.

Change accounting: each part is counted on its own, headers and the blank line after a section included, so the sum of
`tokens_added` is what the refined prompt has more than the original, up to what a tokenizer saves or loses at seams.
Every change can be left out again: the prompt is then put together without it, and whatever rested on it goes as well.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from optafly_cli.refine.attached import Attached, attached_around
from optafly_cli.refine.instruction import (
    Part,
    answer_id,
    answer_parts,
    error_parts,
    expectation_parts,
    place_parts,
    wrapped,
)
from optafly_cli.refine.markup import can_be_read
from optafly_cli.refine.named_pieces import PIPED
from optafly_cli.refine.result import Answer, Change, ChangeKind, Section
from optafly_cli.refine.rules.base import Subject
from optafly_cli.refine.sections import Chosen, Count, groups, is_readable, less, section, spans
from optafly_cli.refine.select import Selection, limit


@dataclass(frozen=True, slots=True)
class Material:
    """What a rewrite is made from. `rules`: those that found something in the prompt alone.

    `improve`: say what is expected, too. `places`: say where the code is.
    """

    subject: Subject
    selection: Selection
    rules: Collection[str]
    answers: Sequence[Answer]
    budget: int
    count: Count
    improve: bool
    places: bool
    context: bool
    _made: dict[str, list[Part]] = field(default_factory=dict, compare=False)

    @property
    def original(self) -> str:
        """The prompt as typed."""
        return self.subject.view.prompt

    def additions(self, selection: Selection) -> Iterator[Part]:
        """What belongs beside the request, given that context."""
        subject, count, rules = self.subject, self.count, self.rules
        yield from self._once("answers", lambda: answer_parts(self.answers, count))
        if self.improve or self.places:
            yield from self._once("places", lambda: place_parts(subject, count, rules))
        if self.improve and self.context:
            yield from error_parts(subject, selection.chosen, count, rules)
        if self.improve:
            grounded = bool(selection.chosen) or subject.says_what
            name = "expectations" if grounded else "questions"
            yield from self._once(name, lambda: expectation_parts(subject, count, rules, grounded=grounded))

    def _once(self, name: str, make: Callable[[], Iterable[Part]]) -> list[Part]:
        """What is the same whatever part of the context is shown, made for the first rewrite that asks for it."""
        if name not in self._made:
            self._made[name] = [*make()]
        return self._made[name]


@dataclass(frozen=True, slots=True)
class Draft:
    """Sections, the changes that made them, those that were left out on demand, and what would have been added besides.

    `selection` is the context that is in it.
    """

    sections: tuple[Section, ...]
    changes: tuple[Change, ...]
    selection: Selection
    undone: tuple[Change, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The prompt as one text."""
        return "\n\n".join(section.text for section in self.sections)


def draft(material: Material, without: Collection[str] = ()) -> Draft:
    """The refined prompt, its changes numbered, less those whose ids are in `without`.

    Additions that do not fit into what context left of the budget are dropped, the last first.
    """
    whole = _draft(material, material.selection, None)
    whole = replace(whole, changes=tuple(replace(one, number=at) for at, one in enumerate(whole.changes, 1)))
    if not any(change.id in without for change in whole.changes):
        return whole
    rest = rest_of(material, whole, without, material.count)
    numbers = {change.id: change.number for change in whole.changes}
    kept = {change.id for change in rest.changes}
    return replace(
        rest,
        changes=tuple(replace(change, number=numbers[change.id]) for change in rest.changes),
        undone=tuple(change for change in whole.changes if change.id not in kept),
        left_out=whole.left_out,
    )


def rest_of(material: Material, whole: Draft, without: Collection[str], count: Count | None = None) -> Draft:
    """What is left of the whole draft without the changes of these ids, its changes not numbered.

    Without `count` a section that loses parts is not counted anew: what is left of it costs what it did.
    """
    allowed = {change.id for change in whole.changes if change.id not in without}
    return _draft(material, _less(material.selection, without, count), allowed)


def attached_without(material: Material, whole: Draft, without: Collection[str]) -> Attached | None:
    """What is around the request without the changes of these ids, as it would be found in the text of `rest_of`.

    None when there is nothing around it, or when only the text tells.
    """
    allowed = {change.id for change in whole.changes if change.id not in without}
    selection = _less(material.selection, without, None)
    kept, _ = _beside(material, selection, allowed)
    sections = [*groups(selection.chosen)]
    if material.subject.view.structure is not None or not (kept or sections or selection.project_markup):
        return None
    questions = {answer_id(answer): answer.question.text for answer in material.answers}
    answered = [questions[part.change.id] for part in kept if part.change.id in questions]
    if not (all(map(can_be_read, answered)) and all(map(is_readable, sections))):
        return None
    return attached_around(
        "".join(f"\n\n{part.text}" for part in kept if part.change.id not in questions),
        answered,
        code=bool(sections),
        pointed=any(one.piece.kind == "diff" or one.is_pointed_at for one in selection.chosen),
    )


def _beside(material: Material, selection: Selection, allowed: Collection[str] | None) -> tuple[list[Part], list[Part]]:
    """Of the additions that are `allowed` those that fit beside this context, and those that do not."""
    additions = [one for one in material.additions(selection) if allowed is None or one.change.id in allowed]
    kept = _affordable(material.original, additions, material.budget - selection.context_tokens, material.count)
    return kept, additions[len(kept) :]


def _draft(material: Material, selection: Selection, allowed: Collection[str] | None) -> Draft:
    """The prompt with this context; of the additions only those that are `allowed`."""
    original, budget, count = material.original, material.budget, material.count
    kept, dropped = _beside(material, selection, allowed)
    left_out = tuple(_too_long(budget, [part.change for part in dropped]))
    structure = _structure(original, count)
    # Between tags, too, when it begins as a refined prompt does: else nobody could tell where it begins
    framed = bool(kept) or (material.subject.view.structure is not None and bool(_context_ids(selection)))
    if framed and not kept and structure.tokens_added > budget - selection.context_tokens:
        left_out = (*left_out, *_too_long(budget, list(_context_changes(selection, count))))
        selection, framed = Selection(left_out=selection.left_out), False
    changes = [*_context_changes(selection, count)]
    if framed:
        changes += [structure, *(part.change for part in kept)]
    text = "\n\n".join([wrapped(original), *(part.text for part in kept)]) if framed else original
    sections = (*_context(selection), Section("instruction", "instruction", text))
    return Draft(sections, tuple(changes), selection, left_out=left_out)


def _too_long(budget: int, changes: Sequence[Change]) -> Iterator[str]:
    if changes:
        what = "; ".join(change.description[:1].lower() + change.description[1:] for change in changes)
        yield f"Left out, because it does not fit into {limit(budget)}: {what}."


def _affordable(original: str, additions: Sequence[Part], room: int, count: Count) -> list[Part]:
    """As many additions as fit, from the first on, the tags around the request included."""
    kept: list[Part] = []
    base = count(original, "")
    for part in additions:
        text = "\n\n".join([wrapped(original), *(one.text for one in [*kept, part])])
        if count(text, "") - base > room or sum(one.change.tokens_added for one in [*kept, part]) > room:
            break
        kept.append(part)
    return kept


def _structure(original: str, count: Count) -> Change:
    """The tags around the request; they stand as long as anything stands beside it."""
    added = count(wrapped(original), "") - count(original, "")
    first = len(original[: len(original) - len(original.lstrip())].split("\n"))
    return Change(
        "added_structure",
        "Set the request apart from its context",
        max(0, added),
        rule="structure",
        evidence=f"the prompt, line {first}",
        undoable=False,
        id="structure",
    )


def _context(selection: Selection) -> Iterator[Section]:
    if selection.project_markup:
        yield Section("project_context", "project", selection.project_markup)
    for group in groups(selection.chosen):
        piece = group[0].piece
        if piece.kind == "file":
            yield Section("file_reference", piece.path, section(group))
        else:
            yield Section("code_block", _label(group), section(group))


def _label(group: Sequence[Chosen]) -> str:
    piece = group[0].piece
    if piece.kind == "piped":
        return "piped text"
    if piece.kind == "diff":
        return f"diff of {piece.path}"
    if len(group) == 1:
        return f"{piece.path}:{piece.start_line}-{piece.end_line}"
    return f"{piece.path}:{spans(group)}"


def _context_changes(selection: Selection, count: Count) -> Iterator[Change]:
    if selection.project_markup:
        tokens = count(selection.project_markup + "\n\n", "")
        evidence = "the workspace's root folder"
        yield Change("added_context", "Described the project", tokens, "project", evidence, id="project")
    for name, one in zip(_piece_ids(selection), selection.chosen, strict=True):
        piece = one.piece
        kind: ChangeKind = "added_context" if piece.kind in ("piped", "diff") else "added_code_snippet"
        what = "the piped text" if piece.path == PIPED else _label([one])
        description = f"Added {what} ({piece.reason})"
        path = piece.path if kind == "added_code_snippet" else ""
        yield Change(kind, description, piece.tokens, _piece_rule(one), _piece_evidence(one), id=name, path=path)


def _piece_rule(one: Chosen) -> str:
    if one.piece.kind in ("piped", "diff"):
        return one.piece.kind
    return "named" if one.piece.named else "context"


def _piece_evidence(one: Chosen) -> str:
    """Where the piece comes from."""
    piece = one.piece
    lines = f"{piece.start_line}-{piece.end_line}" if piece.end_line > piece.start_line else f"{piece.start_line}"
    if piece.kind == "piped":
        return f"piped text, line{'s' if '-' in lines else ''} {lines}"
    return f"{piece.path}:{lines}" if piece.start_line > 0 else piece.path


def _piece_ids(selection: Selection) -> list[str]:
    """A name for each piece that stays the same while others come and go."""
    return [
        f"{one.piece.kind} {one.piece.path}:{one.piece.start_line}-{one.piece.end_line} {one.piece.reason}"
        for one in selection.chosen
    ]


def _context_ids(selection: Selection) -> list[str]:
    return [*(["project"] if selection.project_markup else []), *_piece_ids(selection)]


def _less(selection: Selection, without: Collection[str], count: Count | None) -> Selection:
    """The selection without the pieces, or the project, of these ids."""
    pairs = zip(_piece_ids(selection), selection.chosen, strict=True)
    kept = tuple(one for name, one in pairs if name not in without)
    if count is not None:
        kept = less(selection.chosen, kept, count)
    project = selection.context_tokens - sum(one.piece.tokens for one in selection.chosen)
    used = sum(one.piece.tokens for one in kept)
    if "project" in without:
        return replace(selection, chosen=kept, project_text="", project_markup="", context_tokens=used)
    return replace(selection, chosen=kept, context_tokens=used + project)
