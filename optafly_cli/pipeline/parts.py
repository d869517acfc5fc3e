"""A request that is sent in parts, because the model's window holds no more: one answer of theirs."""

from collections.abc import Callable
from dataclasses import asdict, astuple, replace

from optafly_cli.pipeline.job import Voice
from optafly_cli.pipeline.session import Session
from optafly_cli.provider.result import Answer, Usage
from optafly_cli.refine.result import RefinedPrompt
from optafly_cli.route.engine import OverWindow
from optafly_cli.route.optimiser.chunking import chunks
from optafly_cli.route.result import RoutedRequest


def in_parts(
    session: Session, refined: RefinedPrompt, route: Callable[[RefinedPrompt], RoutedRequest]
) -> RoutedRequest:
    """What `route` makes of the prompt; where that is over the window, of its parts, the first with the rest in it.

    Raises:
        OverWindow: the instruction leaves no room for anything else.
    """
    try:
        return route(refined)
    except OverWindow:
        count = session.routing_counter.count
        system = count(session.system.text or "")
        room = int(session.model.context_window * (1 - session.routing_counter.margin)) - system
        parts = chunks(refined.sections, count, min(room, session.model.context_window - system) - _reserve(session))
        if parts is None:
            raise
    first, *rest = (route(replace(refined, sections=part)) for part in parts)
    return replace(first, rest=tuple(rest), optimisation=replace(first.optimisation, chunks=len(parts)))


def _reserve(session: Session) -> int:
    """Tokens of the window that the answer may take: a quarter of it at most."""
    return min(session.settings.provider.max_tokens, session.model.context_window // 4)


def send_all(routed: RoutedRequest, send: Callable[[RoutedRequest], Answer], voice: Voice) -> Answer:
    """The answer to the request, or to all its parts, one after the other, each under its number."""
    if not routed.rest:
        return send(routed)
    parts = routed.parts
    answers = []
    for number, part in enumerate(parts, 1):
        voice.status(f"part {number} of {len(parts)} is asked")
        if number > 1:
            voice.text("\n\n")
        answers.append(send(part))
    text = "\n\n".join(answer.text for answer in answers)
    content = [block for answer in answers for block in answer.message.get("content", ())]
    usage = Usage(*map(sum, zip(*(astuple(answer.usage) for answer in answers), strict=True)))
    return replace(
        answers[-1], text=text, usage=usage, message={**answers[-1].message, "content": content, "usage": asdict(usage)}
    )
