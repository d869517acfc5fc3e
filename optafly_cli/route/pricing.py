"""What a request costs, by Anthropic's billing rules for the prompt cache.

The marked prefix up to the last 1h anchor is written at the 1h price, from there to the last anchor at the 5m
price, a prefix that is found is read at the read price, and the rest is ordinary input. A long prompt's price step
bills the whole request. Prices are those of the model data file, in dollars per million tokens.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from optafly_cli.models import Model
from optafly_cli.route.result import Cost, Ttl

PER = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices of writing and reading the prompt cache as multiples of the input price."""

    write_5m: float
    write_1h: float
    read: float

    def write(self, ttl: Ttl) -> float:
        """The price of writing with `ttl`."""
        return self.write_1h if ttl == "1h" else self.write_5m

    def threshold(self, ttl: Ttl) -> float:
        """How many reads a write must expect before it pays: (w - 1) / (1 - r)."""
        return (self.write(ttl) - 1) / (1 - self.read) if self.read < 1 else math.inf

    def saving(self, reads: float, ttl: Ttl) -> float:
        """Saved per token and request, in input prices, by a write that is read `reads` times; negative is a loss."""
        return ((1 - self.read) * reads - (self.write(ttl) - 1)) / (1 + reads)


DEFAULT_RATES = Rates(write_5m=1.25, write_1h=2.0, read=0.1)
"""Assumed for a model without a published price: the multiples that most models have."""


def rates(model: Model, input_tokens: int) -> Rates:
    """The multiples that hold for a request of `input_tokens`; the default ones where prices are unknown."""
    tier = model.price(input_tokens)
    if tier is None or tier.input <= 0:
        return DEFAULT_RATES
    return Rates(tier.write_5m / tier.input, tier.write_1h / tier.input, tier.read / tier.input)


def request_cost(
    model: Model, input_tokens: int, marks: Sequence[tuple[int, Ttl]], *, currency: str, in_cache: int = 0
) -> Cost:
    """The price of the request's input; output tokens are not included.

    `marks` are the anchors in the body's order: the tokens up to and including each, and its TTL. `this_request`
    supposes that the first `in_cache` tokens are in the prompt cache, `next_request` that all that is marked is, and
    that an instruction of the same size follows. Without a price all figures are None.
    """
    tier = model.price(input_tokens)
    if tier is None:
        return Cost(currency, None, None, None, None)
    uncached = input_tokens * tier.input / PER
    if not marks:
        return Cost(currency, uncached, uncached, uncached, None)
    end = marks[-1][0]
    found = min(in_cache, end)
    long_lived = max([found, *(tokens for tokens, ttl in marks if ttl == "1h")])
    rest = (input_tokens - end) * tier.input
    write = found * tier.read + (long_lived - found) * tier.write_1h + (end - long_lived) * tier.write_5m
    read = end * tier.read
    return Cost(
        currency=currency,
        uncached=uncached,
        this_request=(write + rest) / PER,
        next_request=(read + rest) / PER,
        break_even_requests=_break_even(write, read, end * tier.input),
    )


def naive_cost(model: Model, input_tokens: int) -> float | None:
    """What writing all of a prompt for five minutes costs, which is what an anchor behind the question does."""
    tier = model.price(input_tokens)
    return None if tier is None else input_tokens * tier.write_5m / PER


def _break_even(write: float, read: float, plain: float) -> int | None:
    """The smallest n with write + (n - 1) * read <= n * plain; None when no n has it."""
    if write <= plain:
        return 1
    if read >= plain:
        return None
    # Sums of floats: a ratio of exactly 2 may come out as 2.0000000001
    return math.ceil((write - read) / (plain - read) - 1e-9)
