"""`--max-cost`: a request that could cost more is not sent; where the user allows others, a cheaper model is asked."""

from collections.abc import Callable
from typing import TypeVar

from optafly_cli.errors import UsageError
from optafly_cli.models import Model
from optafly_cli.pipeline.session import Session
from optafly_cli.route.pricing import PER
from optafly_cli.route.result import RoutedRequest

T = TypeVar("T")


class OverCost(UsageError):
    """The request could cost more than the user allows."""

    code = "max_cost"


def check_cost(session: Session, routed: RoutedRequest) -> None:
    """Hold the request to `--max-cost`: its input, nothing of it read from the prompt cache, and the longest answer.

    Raises:
        OverCost: it could cost more, or what it costs is not known.
    """
    cap = session.job.max_cost
    if cap is None:
        return
    model, longest = session.model, session.settings.provider.max_tokens
    tier = model.price(routed.tokens.input)
    if tier is None or routed.cost.this_request is None:
        raise OverCost(
            f"what {model.id} costs is not known, so that --max-cost cannot be held",
            remedy="choose a model whose price is known (--model), or leave --max-cost out",
        )
    margin = 1 + routed.tokens.margin
    parts = routed.parts
    sent = sum(max(part.cost.this_request or 0, part.cost.uncached or 0) for part in parts) * margin
    answer = longest * tier.output / PER * len(parts)
    if sent + answer > cap:
        raise OverCost(
            f"the request could cost ${sent + answer:.4f} with {model.id}, more than --max-cost {cap:g}: "
            f"${sent:.4f} for {routed.all_tokens.input:,} tokens, ${answer:.4f} for an answer of up to {longest:,}",
            remedy=_remedy(model, (cap - sent) / len(parts), routed.tokens.input),
        )


def _remedy(model: Model, left: float, tokens: int) -> str:
    tier = model.price(tokens)
    affordable = int(left * PER / tier.output) if tier and tier.output else 0
    if affordable >= 1:
        return f"--max-tokens {affordable} keeps it below; or choose a cheaper model, or list some in [route] models"
    return "send less (name fewer files, --compress), choose a cheaper model, or raise --max-cost"


def within_cost(session: Session, run: Callable[[Session], T], say: Callable[[str], None]) -> T:
    """What `run` returns with the session's model or, where that is over the cap, the first of `[route] models` that
    is not. A model that was chosen for this command is the only one.

    Raises:
        OverCost: of the session's own model, when none is within the cap.
    """
    try:
        return run(session)
    except OverCost as over:
        refused = over
    names = session.settings.route.models if session.job.may_choose_model else ()
    for other in map(session.with_model, names):
        if other.model.id == session.model.id:
            continue
        try:
            found = run(other)
        except OverCost:
            continue
        say(f"{session.model.id} could cost more than --max-cost: {other.model.id} instead ([route] models)")
        return found
    raise refused
