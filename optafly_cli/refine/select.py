"""Context selection: which lines of which files go into the prompt, within `max_context_tokens`, headers included.

In the order of what the user fixed: ranges (their enclosing units), diffs, piped text, whole files. Then, by itself:
files and stack-trace frames that the prompt mentions; when nothing is named, what the index finds; the active file when
the prompt points and nothing else is there; the project's shape when nothing is named. A stretch of a file is never
taken twice, and what is withheld is said.
"""

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from optafly_cli.config.settings import RefineSettings
from optafly_cli.refine.analyse import subject_of
from optafly_cli.refine.attached import attached_of
from optafly_cli.refine.automatic import add_automatic
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.instruction import beside
from optafly_cli.refine.markup import Structure
from optafly_cli.refine.named_pieces import PIPED, add_diffs, add_files, add_piped, add_ranges
from optafly_cli.refine.pack import Pack
from optafly_cli.refine.project_section import add_headline, add_outline
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.result import Answer
from optafly_cli.refine.retrieval.retriever import Retriever
from optafly_cli.refine.rules.base import Subject
from optafly_cli.refine.rules.referents import asks_about_the_whole, is_about_the_whole, only_in_git
from optafly_cli.refine.sections import Chosen, Count, less
from optafly_cli.workspace.types import ContextPiece, LineRange, NamedContext, Workspace

CERTAIN_ABOUT_IT, CERTAIN_OF_ANYTHING = 0.35, 0.6
"""How likely the best file of the index has to be to be taken: for a task on code, and for any other prompt."""

INSTRUCTION_SHARE = 4
"""What is said beside the request takes room from its code up to this part of the budget: a quarter."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen. `project_text` is the text of the project section, "" without one.

    `auto`: what is in the workspace decided about it, be it that nothing was found. `left_out`: one sentence for each
    thing that was withheld or redacted. `context_tokens` counts every section with its header.
    """

    chosen: tuple[Chosen, ...] = ()
    project_text: str = ""
    project_markup: str = ""
    auto: bool = False
    left_out: tuple[str, ...] = ()
    context_tokens: int = 0

    @property
    def pieces(self) -> tuple[ContextPiece, ...]:
        """The pieces, in the order in which they stand in the prompt."""
        return tuple(one.piece for one in self.chosen)

    @property
    def digest(self) -> str:
        """SHA-256 hex of everything that was selected automatically: the same digest, the same context."""
        digest = hashlib.sha256()
        for one in self.chosen:
            if one.auto:
                piece = one.piece
                digest.update(
                    f"{piece.path}\0{piece.start_line}\0{piece.end_line}\0{piece.text}\0".encode("utf-8", "replace")
                )
        if self.auto:
            digest.update(self.project_text.encode("utf-8", "replace"))
        return digest.hexdigest()


def select(
    prompt: str,
    named: NamedContext,
    workspace: Workspace,
    settings: RefineSettings,
    count: Count,
    *,
    unsafe: bool,
    retriever: Retriever | None = None,
) -> Selection:
    """Everything that belongs with `prompt`; with `unsafe` also text of files that the user did not name."""

    def work() -> Selection:
        files = WorkspaceFiles(workspace, retriever)
        subject = subject_of(PromptText(prompt), named, files, attached_of(named))
        return choose(subject, settings, count, unsafe=unsafe)

    return work() if retriever is None else retriever.settled(work)


def may_select(prompt: str, named: NamedContext, workspace: Workspace) -> bool:
    """Whether selection could take anything that was not named; see `depends_on_workspace`."""
    files = WorkspaceFiles(workspace)
    return depends_on_workspace(subject_of(PromptText(prompt), named, files, attached_of(named)))


def choose(
    subject: Subject,
    settings: RefineSettings,
    count: Count,
    *,
    unsafe: bool,
    automatic: bool = True,
    project: bool = True,
    answers: Sequence[Answer] = (),
) -> Selection:
    """As `select`. Without `automatic`, and for a prompt that is refined already, only what the user named.

    What may be said beside the request, `answers` too, has its room left, up to a quarter of the budget.
    """
    named = subject.named
    structured = subject.view.structure is not None
    budget = settings.max_context_tokens
    kept = min(budget // INSTRUCTION_SHARE, beside(subject, answers, count))
    pack = Pack(budget - kept, count, limit(budget))
    is_named = bool(named.files or named.diff or named.piped)
    project = project and settings.include_project_structure
    project_text = project_markup = ""
    if project and is_named:
        project_text, project_markup = add_headline(pack, subject.files.workspace)
    add_ranges(pack, subject, settings)
    add_diffs(pack, named.diff or ())
    add_piped(pack, subject)
    add_files(pack, subject)
    if not is_named:
        pack.left_out.extend(_in_git_alone(subject))
    automatic = automatic and not structured
    mentioned = False
    if automatic:
        certainty = CERTAIN_ABOUT_IT if is_about_workspace(subject) else CERTAIN_OF_ANYTHING
        mentioned = add_automatic(pack, subject, settings, unsafe=unsafe, certainty=None if is_named else certainty)
    if automatic and project and not is_named and is_about_workspace(subject):
        if mentioned and not asks_about_the_whole(subject.view):
            project_text, project_markup = add_headline(pack, subject.files.workspace)
        else:
            project_text, project_markup = add_outline(pack, subject.files)
    return Selection(
        chosen=_in_order(pack.chosen),
        project_text=project_text,
        project_markup=project_markup,
        auto=automatic and depends_on_workspace(subject),
        left_out=tuple(dict.fromkeys(pack.left_out)),
        context_tokens=pack.used,
    )


def depends_on_workspace(subject: Subject) -> bool:
    """Whether files that were not named could be selected, now or when they are there."""
    named = subject.named
    if not (named.files or named.diff or named.piped):
        return True
    frames = any(error.frames for error in (*subject.view.errors, *subject.piped_errors))
    return frames or bool(subject.mentions)


def limit(budget: int) -> str:
    """What messages call the budget."""
    return f"max_context_tokens ({budget})"


def _in_git_alone(subject: Subject) -> Iterator[str]:
    """A sentence on what the prompt points at and does not show, where git has it."""
    kind = only_in_git(subject.view)
    if kind == "changes" and subject.files.has_changes:
        yield "Your changes are not in the prompt: --diff adds them."
    elif kind == "revision" and subject.files.in_git:
        yield "What git has of that is not in the prompt: pipe it in (git show | optafly …)."


def is_about_workspace(subject: Subject) -> bool:
    """Whether the project's shape can help: a task on code, or a question that points at the project."""
    if subject.intent.action not in ("explain", "other"):
        return True
    words = subject.view.prose.lower()
    named = any(word in words for word in ("project", "repo", "codebase", "workspace", "this code"))
    return named or is_about_the_whole(subject.view)


def _in_order(chosen: Iterable[Chosen]) -> tuple[Chosen, ...]:
    """Whole files first, then parts; parts of one file together and in order of their lines."""
    first_of: dict[str, int] = {}
    listed: Sequence[Chosen] = list(chosen)
    for number, one in enumerate(listed):
        first_of.setdefault(one.piece.path, number)

    def key(one: Chosen) -> tuple[bool, int, bool, int]:
        piece = one.piece
        return piece.kind != "file", first_of[piece.path], piece.kind == "diff", piece.start_line

    return tuple(sorted(listed, key=key))


def new_to(structure: Structure, selection: Selection, count: Count) -> Selection:
    """The selection less what a prompt that is refined already holds: the same lines, diff or piped text."""
    held: dict[tuple[str, str], list[LineRange]] = {}
    for part in structure.parts:
        kind = {"file": "code", "input": "piped"}.get(part.tag, part.tag)
        held.setdefault((kind, part.attributes.get("path", PIPED)), []).extend(_lines(part.attributes.get("lines", "")))
    kept = less(selection.chosen, [one for one in selection.chosen if not _held(one.piece, held)], count)
    tokens = sum(one.piece.tokens for one in kept)
    return replace(selection, chosen=kept, project_text="", project_markup="", context_tokens=tokens)


def _held(piece: ContextPiece, held: Mapping[tuple[str, str], Sequence[LineRange]]) -> bool:
    kind = "code" if piece.kind == "file" else piece.kind
    spans = held.get((kind, piece.path), ())
    if kind != "code":
        return bool(spans)
    return any(one.start <= piece.end_line and piece.start_line <= one.end for one in spans)


def _lines(attribute: str) -> list[LineRange]:
    """The lines that a tag names; every line when it names none."""
    found = re.findall(r"(?:^|,)(\d{1,9})(?:-(\d{1,9}))?(?![\d-])", attribute)
    return [LineRange(int(first), int(last or first)) for first, last in found] or [LineRange(1, sys.maxsize)]
