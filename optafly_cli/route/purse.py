"""The purse: writing is paid from what reading saved, so that the prompt cache never costs more than doing without.

An estimate can be wrong, and what it buys pays only later. So the premiums of an hour may exceed four fifths of what
was saved in that hour by no more than the premium on one request: the bill of an hour that begins with an empty cache
is at most that of no caching and the premium on its largest request, a quarter of it if all is written for 5 minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from optafly_cli.route.history import Account, History, live
from optafly_cli.route.pricing import Rates
from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import Reads, Reuse
from optafly_cli.route.shape import Prefix, RequestShape

SPENT = 0.8
"""Of what was saved, the share that may be spent on writing."""


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
        kept = live(self.history.past(ends), request.at)
        there = ends[max(kept)].tokens if kept else 0
        account = self.history.account(request.at)
        soon, later = (affordable(account, there, ends[-1].tokens, self.price, ttl) for ttl in ("5m", "1h"))
        return [
            Reads(
                known.five_minutes if end.tokens - there <= soon else 0.0,
                known.one_hour if end.tokens - there <= later else 0.0,
            )
            for known, end in zip(figures, ends, strict=True)
        ]

    def sent(self, request: RequestShape, ends: Sequence[Prefix]) -> None:
        """Nothing: the history hears of it from who knows what was billed."""


def affordable(account: Account, read: int, tokens: int, price: Rates, ttl: Ttl) -> float:
    """How many tokens of a request of so many may be written with that TTL, where `read` of them are in the cache.

    `account` is what the requests before it were billed.
    """
    premium = price.write(ttl) - 1
    saved = (1 - price.read) * (account.read + read)
    paid = (price.write_5m - 1) * account.written_5m + (price.write_1h - 1) * account.written_1h
    return max(0.0, (SPENT * saved - paid) / premium + tokens) if premium > 0 else float(tokens)
