"""refine and route as the commands and `ask` run them: the stage, and what the user has to say about it."""

import os
from dataclasses import replace

from optafly_cli.pipeline.job import Approver, Voice
from optafly_cli.pipeline.session import Session
from optafly_cli.refine.result import RefinedPrompt
from optafly_cli.route.result import RoutedRequest


def refine(session: Session, voice: Voice, *, ask_always: bool = False) -> RefinedPrompt:
    """Rewrite the prompt and settle what may be sent.

    The user is asked where that is wanted and possible; otherwise only named context is used.
    """
    from optafly_cli.refine.approval import approval_needed

    rewritten = _rewrite(session, unsafe=True)
    if ask_always and voice.approve is not None:
        return _settle(session, rewritten, voice.approve)
    if session.job.yes or session.approved or not approval_needed(rewritten, session.settings.refine.approve):
        return rewritten
    if voice.approve is None:
        return _without_unnamed(session, rewritten) if rewritten.unsafe else rewritten
    return _settle(session, rewritten, voice.approve)


def _rewrite(session: Session, *, unsafe: bool, rewrite: bool = True) -> RefinedPrompt:
    from optafly_cli.refine.engine import refine as run

    job, settings = session.job, session.settings.refine
    return run(
        job.prompt,
        session.named,
        session.workspace,
        settings,
        session.counter.count,
        unsafe=unsafe,
        rewrite=rewrite and job.rewrite and settings.enabled,
        context=job.context,
        force=job.force,
        retriever=session.retriever,
    )


def _without_unnamed(session: Session, offered: RefinedPrompt, *, rewrite: bool = True) -> RefinedPrompt:
    """What is sent instead of `offered`; what was selected for that is still what the answer would have depended on."""
    instead = _rewrite(session, unsafe=False, rewrite=rewrite)
    return replace(
        instead, selection=offered.selection, unnamed="left out" if offered.unnamed == "sent" else offered.unnamed
    )


def _settle(session: Session, rewritten: RefinedPrompt, approve: Approver) -> RefinedPrompt:
    from optafly_cli.refine.engine import edited

    decision = approve(rewritten)
    if decision == "accept":
        return rewritten
    if decision == "always":
        from optafly_cli.config.approvals import approve_project

        approve_project(session.workspace.root, os.environ)
        return rewritten
    if decision == "reject":
        return _without_unnamed(session, rewritten, rewrite=False)
    return edited(rewritten, decision[1], session.counter.count)


def route(session: Session, refined: RefinedPrompt) -> RoutedRequest:
    """Arrange the refined prompt into the request that will be sent."""
    from optafly_cli.route.engine import route as run

    return run(
        refined,
        model=session.model,
        system=session.system.text,
        max_tokens=session.settings.provider.max_tokens,
        ttl=session.job.ttl,
        settings=session.settings.route,
        counter=session.counter,
    )
