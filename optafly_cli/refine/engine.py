"""`refine`: from a prompt and what was named to a refined prompt. Reads files through `workspace`, writes nothing."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Literal

from optafly_cli.config.settings import RefineSettings
from optafly_cli.refine.analyse import Scores, alone, look, subject_of
from optafly_cli.refine.attached import attached_answers, attached_of, both
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.found import will_be_searched
from optafly_cli.refine.markup import parse
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.questions import questions
from optafly_cli.refine.result import Answer, Change, RefinedPrompt, Score, Section, SectionKind, by_file
from optafly_cli.refine.retrieval.retriever import Retriever
from optafly_cli.refine.rewrite import Draft, Material, attached_without, draft, rest_of
from optafly_cli.refine.rules import findings as findings_in
from optafly_cli.refine.rules.base import Subject
from optafly_cli.refine.select import Selection, choose, new_to
from optafly_cli.refine.versions import REFINER_VERSION, TEMPLATE_VERSION
from optafly_cli.workspace.types import ContextPiece, NamedContext, Workspace

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
    answers: Sequence[Answer] = (),
    without: Collection[str] = (),
    review: bool = False,
) -> RefinedPrompt:
    """Rewrite `prompt` with the code that it is about.

    `count` gives the tokens of a text in a language ("" for prose). `unsafe`: text of files that the user did not name
    may be used. Without `rewrite` the prompt only gets what was named; without `context` no text of files. A prompt
    that scores at or above the threshold is left as it is unless `force`, but for the code that it is about and
    shows nothing of; one that is refined already never is rewritten.
    Without `retriever` nothing is selected that the prompt does not name. `answers` are the user's to `questions`;
    changes whose ids are in `without` are left out. `review`: somebody will look at it, so the gain of each change and
    the questions are worked out.
    """

    def work() -> RefinedPrompt:
        files = WorkspaceFiles(workspace, retriever)
        if retriever is not None and context and rewrite and not (named.files or named.diff or named.piped):
            # It will be searched, and says which files there are
            _ = retriever.view
        return _refined(
            PromptText(prompt), named, files, settings, cache(count),
            unsafe=unsafe, rewrite=rewrite, context=context, force=force, answers=answers, without=without,
            review=review,
        )  # fmt: skip

    return work() if retriever is None else retriever.settled(work)


def _refined(
    view: PromptText,
    named: NamedContext,
    files: WorkspaceFiles,
    settings: RefineSettings,
    count: Callable[[str, str], int],
    *,
    unsafe: bool,
    rewrite: bool,
    context: bool,
    force: bool,
    answers: Sequence[Answer],
    without: Collection[str],
    review: bool,
) -> RefinedPrompt:
    bare = alone(view, files)
    if files.retriever is not None and will_be_searched(bare):
        files.retriever.ask()
    attached = both(attached_of(named), attached_answers(answer.question.text for answer in answers))
    subject = subject_of(view, named, files, attached)
    seen = look(bare)
    before = seen.score
    improve = rewrite and (settings.enabled or force) and (force or before.value < settings.threshold)
    improve = improve and subject.view.structure is None
    found = findings_in(subject)
    if view.prompt.strip():
        bring = rewrite and settings.enabled and _shows_nothing(subject)
        material = Material(
            subject=subject,
            selection=_select(
                subject,
                settings,
                count,
                answers,
                unsafe=unsafe,
                improve=improve,
                bring=bring and context,
                context=context,
            ),
            rules={finding.rule for finding in seen.findings},
            answers=answers,
            budget=settings.max_context_tokens,
            count=count,
            improve=improve,
            places=not context and subject.view.structure is None,
            context=context,
        )
        written = draft(material, without)
    else:
        material, written = None, Draft((Section("instruction", "instruction", view.prompt),), (), Selection())
    scores = Scores(files, view.prompt, before)
    after = scores.of(written.text) if written.changes else before
    if review and material is not None:
        written = replace(written, changes=tuple(_gains(material, written, after, scores)))
    selection = material.selection if material else Selection()
    sent = written.selection.pieces
    return RefinedPrompt(
        original=view.prompt,
        sections=written.sections,
        intent=subject.intent,
        score_original=before,
        score_refined=after,
        findings=found,
        changes=written.changes,
        pieces=sent,
        context_tokens=written.selection.context_tokens,
        budget=settings.max_context_tokens,
        left_out=(*selection.left_out, *written.left_out),
        selection=selection.digest if selection.auto else "",
        unnamed=_unnamed(selection.pieces, sent),
        undone=written.undone,
        questions=questions(subject, found) if review else (),
        edited=bool(answers or written.undone),
    )


def _unnamed(offered: Sequence[ContextPiece], sent: Sequence[ContextPiece]) -> Literal["none", "sent", "left out"]:
    if all(piece.named for piece in offered):
        return "none"
    return "left out" if all(piece.named for piece in sent) else "sent"


def _gains(material: Material, written: Draft, score: Score, scores: Scores) -> Iterator[Change]:
    """The changes, each with what the score loses when it alone, and when all of its file, is left out."""
    undone = {change.id for change in written.undone}
    whole = draft(material) if undone else written

    def gain(changes: Sequence[Change]) -> float:
        without = undone | {change.id for change in changes if change.undoable}
        return max(0.0, score.value - _score_without(material, whole, without, scores).value)

    for group in by_file(written.changes):
        of_all = gain(group) if len(group) > 1 else None
        for change in group:
            yield replace(change, score_gain=gain([change]) if change.undoable else 0.0, file_gain=of_all)


def _score_without(material: Material, whole: Draft, without: Collection[str], scores: Scores) -> Score:
    """The score of the whole without these changes, which is put together only when it is another one."""
    held = attached_without(material, whole, without)
    known = scores.known(material.subject.view.text, held) if held is not None else None
    return scores.of(rest_of(material, whole, without).text) if known is None else known


def _shows_nothing(subject: Subject) -> bool:
    """Whether the prompt shows neither code nor an error: who answers cannot look up what it names."""
    view = subject.view
    return view.structure is None and not (view.errors or view.named_error or view.of("fence", "code"))


def _select(
    subject: Subject,
    settings: RefineSettings,
    count: Callable[[str, str], int],
    answers: Sequence[Answer],
    *,
    unsafe: bool,
    improve: bool,
    bring: bool,
    context: bool,
) -> Selection:
    """What goes with the prompt. Not to `improve` it but to `bring` what it is about: code, or nothing."""
    if not context:
        # Piped text is part of what the user said; the text of files is not
        subject = replace(subject, named=NamedContext(piped=subject.named.piped))
    selection = choose(
        subject, settings, count, unsafe=unsafe, automatic=improve and context, project=context, answers=answers
    )
    if bring and not improve:
        more = choose(subject, settings, count, unsafe=unsafe, project=context, answers=answers)
        selection = more if len(more.pieces) > len(selection.pieces) or more.left_out else selection
    structure = subject.view.structure
    return selection if structure is None else new_to(structure, selection, count)


def edited(refined: RefinedPrompt, text: str, count: Callable[[str, str], int]) -> RefinedPrompt:
    """The refined prompt after the user has edited its text: what is still context stays a section of its own.

    The edit is one change; scores are the rewrite's, because the edit is the user's to judge.
    """
    structure = parse(text)
    sections: list[Section] = []
    position = 0
    for part in structure.parts[: structure.outer] if structure else ():
        kind = _KINDS.get(part.tag, "code_block")
        if sections and _ORDER.index(kind) < _ORDER.index(sections[-1].kind):
            break
        sections.append(Section(kind, part.attributes.get("path", part.tag), text[position : part.end]))
        position = part.end + 2
    sections.append(Section("instruction", "instruction", text[position:]))
    kept = tuple(piece for piece in refined.pieces if piece.text in text)
    added = count(text, "") - count(refined.text, "")
    number = max((one.number for one in (*refined.changes, *refined.undone)), default=0) + 1
    change = Change(
        "improved_clarity", "Edited by you", added, "edit", "your edit", undoable=False, number=number, id="edit"
    )
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
