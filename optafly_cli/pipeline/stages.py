"""refine and route as the commands and `ask` run them: the stage, and what the user has to say about it."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optafly_cli.errors import UsageError
from optafly_cli.pipeline.job import Approver, Voice
from optafly_cli.pipeline.session import Session
from optafly_cli.refine.proposal import Proposal
from optafly_cli.refine.result import Answer, RefinedPrompt
from optafly_cli.route.result import RoutedRequest
from optafly_cli.workspace.types import NamedFile

if TYPE_CHECKING:
    from optafly_cli.pipeline.sent_before import SentBefore
    from optafly_cli.route.reuse import Reuse


@dataclass(frozen=True, slots=True)
class Wish:
    """How the rewrite is to be. `without`: numbers or kinds of changes to leave out; `review`: it will be looked at."""

    ask_always: bool = False
    without: Sequence[str] = ()
    review: bool = False


def refine(session: Session, voice: Voice, wish: Wish | None = None) -> RefinedPrompt:
    """Rewrite the prompt and settle what may be sent.

    The user is asked where that is wanted and possible; otherwise only named context is used.

    Raises:
        UsageError: there is no change to leave out as was wished.
    """
    from optafly_cli.refine.approval import approval_needed

    wish = wish or Wish()
    rewritten = _rewrite(session, wish, unsafe=True)
    if wish.ask_always and voice.approve is not None:
        return _settle(session, wish, rewritten, voice.approve)
    if session.job.yes or session.approved or not approval_needed(rewritten, session.settings.refine.approve):
        return rewritten
    if voice.approve is None:
        return _without_unnamed(session, wish, rewritten) if rewritten.unsafe else rewritten
    return _settle(session, wish, rewritten, voice.approve)


def _rewrite(session: Session, wish: Wish, *, unsafe: bool, rewrite: bool = True) -> RefinedPrompt:
    """The rewrite, without the changes that are not wished for: they are numbered in the one that has them all."""
    from optafly_cli.refine.undo import undone_by

    refined = _run(session, unsafe=unsafe, rewrite=rewrite, review=wish.review)
    if not wish.without or not rewrite:
        return refined
    undone = undone_by(refined.changes, wish.without)
    return _run(session, unsafe=unsafe, rewrite=rewrite, review=wish.review, without=undone)


def _run(
    session: Session,
    *,
    unsafe: bool,
    rewrite: bool = True,
    files: Sequence[NamedFile] = (),
    answers: Sequence[Answer] = (),
    without: Collection[str] = (),
    review: bool = False,
) -> RefinedPrompt:
    from optafly_cli.refine.engine import refine as run

    job, settings = session.job, session.settings.refine
    named = session.shown
    refined = run(
        job.prompt,
        replace(named, files=(*named.files, *files)) if files else named,
        session.workspace,
        settings,
        session.counter.count,
        unsafe=unsafe,
        rewrite=rewrite and job.rewrite and settings.enabled,
        context=job.context,
        force=job.force,
        retriever=session.retriever,
        answers=answers,
        without=without,
        review=review,
    )
    return replace(refined, left_out=(*session.folded, *refined.left_out)) if session.folded else refined


def _without_unnamed(session: Session, wish: Wish, offered: RefinedPrompt, *, rewrite: bool = True) -> RefinedPrompt:
    """What is sent instead of `offered`; what was selected for that is still what the answer would have depended on."""
    instead = _rewrite(session, wish, unsafe=False, rewrite=rewrite)
    return replace(
        instead, selection=offered.selection, unnamed="left out" if offered.unnamed == "sent" else offered.unnamed
    )


def _settle(session: Session, wish: Wish, rewritten: RefinedPrompt, approve: Approver) -> RefinedPrompt:
    from optafly_cli.refine.engine import edited

    decision = approve(_proposal(session, frozenset(change.id for change in rewritten.undone)))
    if decision.word == "always":
        from optafly_cli.config.approvals import approve_project

        approve_project(session.workspace.root, os.environ)
    if decision.word == "reject":
        return _without_unnamed(session, wish, rewritten, rewrite=False)
    if decision.word == "edit":
        return edited(decision.refined, decision.text, session.counter.count)
    return decision.refined


def _proposal(session: Session, without: frozenset[str]) -> Proposal:
    """The rewrite for the user to look at, with its questions and what each change gains."""

    def make(files: Sequence[NamedFile], answers: Sequence[Answer], undone: Collection[str]) -> RefinedPrompt:
        made = _run(session, unsafe=True, files=files, answers=answers, without=undone, review=True)
        return replace(made, edited=made.edited or bool(files))

    return Proposal(make((), (), without), make, lambda place: _named(session, place), without=without)


def _named(session: Session, place: str) -> Sequence[NamedFile]:
    """The file that the user means: seen from his folder, else from the workspace's root."""
    from optafly_cli.workspace.named import gather

    for folder in (session.job.cwd, session.workspace.root):
        try:
            files = gather(session.workspace, folder, files=(place,)).files
        except UsageError:
            continue
        # Words with a * in them may match any number
        return files if len(files) == 1 else ()
    return ()


def route(
    session: Session, refined: RefinedPrompt, sent_before: "SentBefore | None" = None, *, sure: bool = False
) -> RoutedRequest:
    """Arrange the refined prompt into the request that will be sent, by what was sent before where that is known.

    `sure`: whoever asks knows that what stands before the instruction will be sent again while the prompt cache has it.

    Raises:
        UsageError: it cannot be sent, or could cost more than `--max-cost`.
    """
    from optafly_cli.pipeline.budget import check_cost
    from optafly_cli.pipeline.parts import in_parts
    from optafly_cli.route.engine import route as run

    def one(prompt: RefinedPrompt) -> RoutedRequest:
        return run(
            prompt,
            model=session.model,
            system=session.system.text,
            max_tokens=session.settings.provider.max_tokens,
            ttl=session.job.ttl,
            settings=session.settings.route,
            counter=session.routing_counter,
            compress=session.job.compress,
            reuse=_estimate(session, sent_before, sure=sure),
            history=sent_before,
            at=sent_before.now if sent_before else 0.0,
        )

    routed = in_parts(session, refined, one)
    check_cost(session, routed)
    return routed


def _estimate(session: Session, sent_before: "SentBefore | None", *, sure: bool) -> "Reuse | None":
    """What to plan by; None leaves it to the stage."""
    from optafly_cli.route.reuse import ByKind, shipped_prior

    if sure:
        return ByKind(shipped_prior().at_least_once())
    return sent_before.estimate(session.settings.route.strategy, session.model) if sent_before else None
