"""`refine`: from a prompt and what was named to a refined prompt. Reads files through `workspace`, writes nothing."""

from collections.abc import Callable
from dataclasses import replace

from optafly_cli.config.settings import RefineSettings
from optafly_cli.refine.analyse import score_alone, subject_of
from optafly_cli.refine.attached import attached_of
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.instruction import parts
from optafly_cli.refine.markup import parse
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.result import Change, RefinedPrompt, Section, SectionKind
from optafly_cli.refine.retrieval.retriever import Retriever
from optafly_cli.refine.rewrite import Draft, draft
from optafly_cli.refine.rules import findings as findings_in
from optafly_cli.refine.rules.base import Subject
from optafly_cli.refine.select import Selection, choose, names_places, new_to
from optafly_cli.refine.versions import REFINER_VERSION, TEMPLATE_VERSION
from optafly_cli.workspace.types import NamedContext, Workspace

_KINDS: dict[str, SectionKind] = {"project": "project_context", "file": "file_reference"}


def refine(
    prompt: str,
    named: NamedContext,
    workspace: Workspace,
    settings: RefineSettings,
    count: Callable[[str, str], int],
    *,
    unsafe: bool = True,
    rewrite: bool = True,
    context: bool = True,
    force: bool = False,
    retriever: Retriever | None = None,
) -> RefinedPrompt:
    """Rewrite `prompt` with the code that it is about.

    `count` gives the tokens of a text in a language ("" for prose). `unsafe`: text of files that the user did not name
    may be used. Without `rewrite` the prompt only gets what was named; without `context` no text of files. A prompt
    that scores at or above the threshold is left as it is unless `force`, but for the files that it names and shows
    nothing of; one that is refined already never is rewritten.
    Without `retriever` nothing is selected that the prompt does not name.
    """
    files = WorkspaceFiles(workspace, retriever)
    view = PromptText(prompt)
    if retriever is not None and context and rewrite and not (named.files or named.diff or named.piped):
        # It will be searched, and says which files there are
        retriever.prepare(view)
    subject = subject_of(view, named, files, attached_of(named))
    before = score_alone(view, files)
    improve = rewrite and (settings.enabled or force) and (force or before.value < settings.threshold)
    improve = improve and subject.view.structure is None
    if prompt.strip():
        automatic = improve or (rewrite and settings.enabled and _only_names(subject))
        selection = _select(subject, settings, count, unsafe=unsafe, automatic=automatic, context=context)
        written = _write(subject, selection, settings, count, improve=improve, context=context)
    else:
        selection, written = Selection(), Draft((Section("instruction", "instruction", prompt),), ())
    text = "\n\n".join(section.text for section in written.sections)
    return RefinedPrompt(
        original=prompt,
        sections=written.sections,
        intent=subject.intent,
        score_original=before,
        score_refined=score_alone(PromptText(text), files) if written.changes else before,
        findings=findings_in(subject),
        changes=written.changes,
        pieces=selection.pieces,
        context_tokens=selection.context_tokens,
        budget=settings.max_context_tokens,
        left_out=(*selection.left_out, *written.left_out),
        selection=selection.digest if selection.auto else "",
        unnamed="none" if all(piece.named for piece in selection.pieces) else "sent",
    )


def _only_names(subject: Subject) -> bool:
    """Whether the prompt names files and shows nothing of them: who answers cannot look them up."""
    view = subject.view
    return names_places(subject) and not (view.errors or view.named_error or view.of("fence", "code"))


def _select(
    subject: Subject,
    settings: RefineSettings,
    count: Callable[[str, str], int],
    *,
    unsafe: bool,
    automatic: bool,
    context: bool,
) -> Selection:
    if not context:
        # Piped text is part of what the user said; the text of files is not
        subject = replace(subject, named=NamedContext(piped=subject.named.piped))
    selection = choose(subject, settings, count, unsafe=unsafe, automatic=automatic and context, project=context)
    structure = subject.view.structure
    return selection if structure is None else new_to(structure, selection)


def _write(
    subject: Subject,
    selection: Selection,
    settings: RefineSettings,
    count: Callable[[str, str], int],
    *,
    improve: bool,
    context: bool,
) -> Draft:
    additions = []
    if improve or (not context and subject.view.structure is None):
        additions = list(parts(subject, selection.chosen, count, code=context, expectations=improve))
    return draft(subject.view.prompt, selection, additions, settings.max_context_tokens, count)


def edited(refined: RefinedPrompt, text: str, count: Callable[[str, str], int]) -> RefinedPrompt:
    """The refined prompt after the user has edited its text: what is still context stays a section of its own.

    The edit is one change; scores are the rewrite's, because the edit is the user's to judge.
    """
    structure = parse(text)
    sections: list[Section] = []
    position = 0
    for part in structure.parts if structure else ():
        kind = _KINDS.get(part.tag, "code_block")
        if sections and _ORDER.index(kind) < _ORDER.index(sections[-1].kind):
            break
        sections.append(Section(kind, part.attributes.get("path", part.tag), text[position : part.end]))
        position = part.end + 2
    sections.append(Section("instruction", "instruction", text[position:]))
    kept = tuple(piece for piece in refined.pieces if piece.text in text)
    added = count(text, "") - count(refined.text, "")
    change = Change("improved_clarity", "Edited by you", added)
    return replace(
        refined,
        sections=tuple(sections),
        changes=(*refined.changes, change),
        pieces=kept,
        context_tokens=sum(piece.tokens for piece in kept),
        edited=True,
    )


_ORDER: tuple[SectionKind, ...] = ("project_context", "file_reference", "code_block", "instruction")

__all__ = ["REFINER_VERSION", "TEMPLATE_VERSION", "edited", "refine"]
