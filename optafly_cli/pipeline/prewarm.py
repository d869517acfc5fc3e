"""ask --prewarm: write a request's stable prefix into Anthropic's prompt cache, without an answer."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optafly_cli.errors import UsageError
from optafly_cli.models import Model
from optafly_cli.pipeline.job import Voice
from optafly_cli.pipeline.session import Session
from optafly_cli.pipeline.stages import refine, route
from optafly_cli.route.billing import Billed, answer_cost, billed_of
from optafly_cli.route.result import RoutedRequest, Ttl


@dataclass(frozen=True, slots=True)
class Warmed:
    """What is in the prompt cache now. Costs are in the currency of the model data; None without a price.

    `again`: pre-warming once more before it expires, which reads it and so keeps it. `most_times`: after how many of
    those in a row writing it anew would have been cheaper.
    """

    routed: RoutedRequest
    billed: Billed
    ttl: Ttl
    cost: float | None
    again: float | None
    most_times: int | None


def prewarm(session: Session, voice: Voice, folder: Path) -> Warmed:
    """Refine and route as `ask` does, and have the prefix up to the last anchor written.

    The store in `folder` remembers that it was, so that the next request is planned to read it.

    Raises:
        UsageError: no prefix of the request can be cached; nothing was sent.
        OptaflyError: as `ask`.
    """
    from optafly_cli.pipeline.sent_before import SentBefore
    from optafly_cli.provider.client import prewarm as send
    from optafly_cli.route.engine import sent
    from optafly_cli.route.history import reported

    refined = refine(session, voice)
    for sentence in (*session.named.left_out, *session.system.left_out, *refined.left_out):
        voice.warn(sentence)
    routed = route(session, refined, sure=True)
    if not routed.use_cache:
        remedy = "give what stays the same, with --system or --file"
        raise UsageError(f"nothing of this request can be pre-warmed: {routed.reason}", remedy=remedy)
    voice.waiting()
    begun = time.time()
    billed = billed_of(send(routed.body, settings=session.settings.provider, on_status=voice.status))
    request = sent(routed, begun)
    if request is not None and not refined.redacted:
        with SentBefore.of(session, folder) as log:
            log.add(reported(request, output=billed.output, read=billed.read, written=billed.written))
    last = [anchor for anchor in routed.anchors if anchor.cacheable][-1]
    again, most_times = keeping_warm(session.model, billed, [a.ttl for a in routed.anchors if a.cacheable])
    return Warmed(routed, billed, last.ttl, answer_cost(session.model, billed), again, most_times)


def keeping_warm(model: Model, billed: Billed, ttls: Sequence[Ttl]) -> tuple[float | None, int | None]:
    """The price of pre-warming the same again while it lives, and how often that is cheaper than one new write.

    Each time reads the prefix and pays for the rest; letting it expire costs the write again, less the read that the
    next request would have had.
    """
    prefix = billed.written + billed.read
    again = answer_cost(model, Billed(plain=billed.plain, read=prefix))
    read = answer_cost(model, Billed(read=prefix))
    write = answer_cost(model, Billed(written_1h=prefix) if "1h" in ttls else Billed(written_5m=prefix))
    if again is None or read is None or write is None or not again:
        return again, None
    return again, math.floor((write - read) / again + 1e-9)
