"""What an answer cost, by the `usage` that the endpoint reported with it, and what the prompt cache saved of that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optafly_cli.models import Model
from optafly_cli.route.pricing import PER


@dataclass(frozen=True, slots=True)
class Billed:
    """Billed tokens. `plain` are those after the last breakpoint, which the API calls `input_tokens`."""

    plain: int = 0
    written_5m: int = 0
    written_1h: int = 0
    read: int = 0
    output: int = 0

    @property
    def written(self) -> int:
        """Tokens written into the prompt cache."""
        return self.written_5m + self.written_1h

    @property
    def input(self) -> int:
        """Tokens of the whole prompt: its length picks the price."""
        return self.plain + self.written + self.read


def billed_of(usage: Mapping[str, Any] | None) -> Billed:
    """The `usage` of a message; what the endpoint left out, or gives in another form, counts as 0."""
    usage = usage or {}
    written = _tokens(usage, "cache_creation_input_tokens")
    split = usage.get("cache_creation")
    # An endpoint without the split writes for five minutes, the API's default
    hour = min(written, _tokens(split, "ephemeral_1h_input_tokens") if isinstance(split, Mapping) else 0)
    return Billed(
        plain=_tokens(usage, "input_tokens"),
        written_5m=written - hour,
        written_1h=hour,
        read=_tokens(usage, "cache_read_input_tokens"),
        output=_tokens(usage, "output_tokens"),
    )


def answer_cost(model: Model, billed: Billed) -> float | None:
    """What the answer cost in all, output included, in the currency of the model data; None without a price."""
    tier = model.price(billed.input)
    if tier is None:
        return None
    cost = (
        billed.plain * tier.input
        + billed.written_5m * tier.write_5m
        + billed.written_1h * tier.write_1h
        + billed.read * tier.read
        + billed.output * tier.output
    )
    return cost / PER


def prompt_cache_saving(model: Model, billed: Billed) -> float | None:
    """What the same tokens would have cost more without anchors; negative where more was written than read."""
    cost = answer_cost(model, billed)
    bare = answer_cost(model, Billed(plain=billed.input, output=billed.output))
    return None if cost is None or bare is None else bare - cost


def _tokens(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) else 0
