"""ask: answer from the store, or from the provider and remember."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.types import Hit, Lookup, Miss, Status
from optafly_cli.errors import StoreError
from optafly_cli.pipeline.job import Timing, Voice
from optafly_cli.pipeline.session import Session
from optafly_cli.pipeline.shelf import Answered, Shelf, has_secret
from optafly_cli.pipeline.stages import refine, route
from optafly_cli.provider.result import Answer
from optafly_cli.refine.result import RefinedPrompt
from optafly_cli.route.result import RoutedRequest

if TYPE_CHECKING:
    from optafly_cli.cache.types import Evidence
    from optafly_cli.pipeline.shelf import OpenStore


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `ask` found out. On a hit nothing was refined or routed; `answer` is None on a `--cache-only` miss.

    `store_problem` is why the store could not be used although the question was answered. Costs are in US dollars.
    """

    status: Status
    lookup: Lookup | None
    answer: Answer | None
    refined: RefinedPrompt | None
    routed: RoutedRequest | None
    cost: float | None
    entry: int | None
    store_problem: StoreError | None
    timing: Timing


def ask(session: Session, voice: Voice, folder: Path, open_store: "OpenStore | None" = None) -> Outcome:
    """Answer the prompt from the store in `folder`, or ask the provider and remember; `open_store` as for `Shelf`.

    Raises:
        OptaflyError: whatever ends the attempt before there is an answer.
    """
    timing = Timing()
    with timing.stage("total"), Shelf(session, folder, open_store, voice.later) as shelf:
        _explain(shelf, voice)
        with timing.stage("lookup"):
            lookup = shelf.look_up()
        if isinstance(lookup, Hit):
            outcome = _hit(lookup, voice, timing)
        elif session.job.cache == "only":
            if shelf.problem:
                raise shelf.problem
            _pass_on(lookup, voice)
            outcome = Outcome("miss", lookup, None, None, None, 0.0, None, None, timing)
        else:
            outcome = _ask_provider(session, voice, shelf, lookup, timing)
    return outcome


def _hit(found: Hit, voice: Voice, timing: Timing) -> Outcome:
    for notice in found.notices:
        voice.warn(notice)
    return Outcome("hit", found, found.entry.answer, None, None, 0.0, found.entry.id, None, timing)


def _pass_on(lookup: Lookup | None, voice: Voice) -> None:
    for warning in lookup.warnings if isinstance(lookup, Miss) else ():
        voice.warn(warning)


def _explain(shelf: Shelf, voice: Voice) -> None:
    if voice.explain is None:
        return
    try:
        if explanation := shelf.explain():
            voice.explain(explanation)
    except StoreError as error:
        voice.warn(f"what the store does cannot be explained: {error.message}")


def _ask_provider(session: Session, voice: Voice, shelf: Shelf, lookup: Lookup | None, timing: Timing) -> Outcome:
    from optafly_cli.pipeline.sent_before import SentBefore

    _pass_on(lookup, voice)
    with timing.stage("refine"):
        before = shelf.before()
        refined = refine(session, voice)
        evidence = shelf.evidence(refined, before)
    for sentence in (*session.named.left_out, *session.system.left_out, *refined.left_out):
        voice.warn(sentence)
    with timing.stage("route"), SentBefore.of(session, shelf.folder) as sent_before:
        routed = route(session, refined, sent_before)
    with shelf.alone(lambda: voice.status("another optafly is asking the same: waiting for its answer")) as waited:
        again = shelf.look_up() if waited else None
        if isinstance(again, Hit):
            return _hit(again, voice, timing)
        return _fresh(session, voice, shelf, timing, _Prepared(lookup, refined, routed, evidence))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What was found and made before the request is sent; `evidence` is None when the answer will not be kept."""

    lookup: Lookup | None
    refined: RefinedPrompt
    routed: RoutedRequest
    evidence: "Evidence | None"


def _fresh(session: Session, voice: Voice, shelf: Shelf, timing: Timing, prepared: _Prepared) -> Outcome:
    """Send the request, and remember the answer."""
    from optafly_cli.pipeline.parts import send_all
    from optafly_cli.provider.client import send

    routed, refined, evidence = prepared.routed, prepared.refined, prepared.evidence
    voice.waiting()
    done: list[Answered] = []

    def ask_part(part: RoutedRequest) -> Answer:
        begun = time.time()
        body = _asking_why(part.body, session, shelf)
        answer = send(body, settings=session.settings.provider, on_text=voice.text, on_status=voice.status)
        done.append(Answered(part, answer, begun))
        return answer

    with timing.stage("provider"):
        answer = send_all(routed, ask_part, voice)
    cost = _cost(session, done)
    with timing.stage("store"):
        if evidence is not None and routed.rest:
            voice.warn("the answer was not stored: it was asked in parts")
            evidence = None
        secret = shelf.active and has_secret(session, refined, answer)
        if evidence is not None and secret:
            voice.warn("the answer was not stored: a secret is in what was sent or answered")
            evidence = None
        entry = shelf.remember(answer, evidence, cost, timing.ms["provider"] / 1000)
        shelf.learn(done, secret=secret)
        for sentence in shelf.warnings:
            voice.warn(sentence)
    status: Status = "bypass" if session.job.cache == "off" or not session.settings.cache.enabled else "miss"
    return Outcome(status, prepared.lookup, answer, refined, routed, cost, entry, shelf.problem, timing)


def _cost(session: Session, done: Sequence[Answered]) -> float | None:
    """What the answers cost together; None without a price."""
    from optafly_cli.route.billing import answer_cost, billed_of

    costs = [answer_cost(session.model, billed_of(one.answer.message.get("usage"))) for one in done]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _asking_why(body: Mapping[str, Any], session: Session, shelf: Shelf) -> Mapping[str, Any]:
    """The body, with the question why the prompt cache is not read, where the endpoint knows that question."""
    from optafly_cli.provider.diagnostics import asks_why

    if not asks_why(session.settings.provider, os.environ):
        return body
    return {**body, "diagnostics": {"previous_message_id": shelf.previous_message()}}
