"""The purse: writing is paid from what reading saved, so that the prompt cache never costs more than doing without.

An estimate can be wrong, and what it buys pays only later. So the premiums of an hour may exceed four fifths of what
was saved in that hour by no more than the premium on one request: the bill of an hour that begins with an empty cache
is at most that of no caching and the premium on its largest request, a quarter of it if all is written for 5 minutes.

For a prefix that has come back within five minutes the purse holds a tenth of what was sent in the hour, too: where
nothing is written nothing can be read, and an empty purse would stay empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optafly_cli.route.history import Account, History, live
from optafly_cli.route.pricing import Rates
from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import Reads, Reuse
from optafly_cli.route.shape import Prefix, RequestShape

TTLS: tuple[Ttl, ...] = ("5m", "1h")

SPENT = 0.8
"""Of what was saved, the share that may be spent on writing."""

LENT = 0.1
"""Of what was sent, at the input price, the share that may be spent on writing what has come back before."""


@dataclass(frozen=True, slots=True)
class Thrifty:
    """Another estimate, but nothing is expected of prefixes that the purse cannot write."""

    estimate: Reuse
    history: History
    price: Rates

    def expected(self, request: RequestShape, ends: Sequence[Prefix]) -> Sequence[Reads]:
        """For each block the reads of the prefix that ends with it."""
        figures = self.estimate.expected(request, ends)
        if not ends:
            return figures
        past = self.history.past(ends)
        kept = live(past, request.at)
        there = ends[max(kept)].tokens if kept else 0
        account = self.history.account(request.at)
        proven = sum(known.returned > 0 for known in past)
        rooms = [
            {ttl: affordable(account, there, ends[-1].tokens, self.price, ttl, lent=lent) for ttl in TTLS}
            for lent in (0.0, LENT)
        ]
        return [
            _within(known, end.tokens - there, rooms[i < proven])
            for i, (known, end) in enumerate(zip(figures, ends, strict=True))
        ]


def _within(known: Reads, tokens: int, room: Mapping[Ttl, float]) -> Reads:
    """What is expected where so many tokens would be written."""
    five = known.five_minutes if tokens <= room["5m"] else 0.0
    hour = known.one_hour if tokens <= room["1h"] else 0.0
    return Reads(five, hour, held=(five, hour) != (known.five_minutes, known.one_hour))


def affordable(account: Account, read: int, tokens: int, price: Rates, ttl: Ttl, *, lent: float = 0.0) -> float:
    """How many tokens of a request of so many may be written with that TTL, where `read` of them are in the cache.

    `account` is what the requests before it were billed; `lent` is the share of what they sent that may be spent, too.
    """
    premium = price.write(ttl) - 1
    saved = (1 - price.read) * (account.read + read)
    paid = (price.write_5m - 1) * account.written_5m + (price.write_1h - 1) * account.written_1h
    return max(0.0, (SPENT * saved + lent * account.sent - paid) / premium + tokens) if premium > 0 else float(tokens)
