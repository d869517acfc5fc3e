"""What route hands on: the exact Messages body, its anchors and its price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

AnchorKind = Literal["tools", "system", "project_context", "file_reference", "code_block", "conversation"]
Ttl = Literal["5m", "1h"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A block of the request as a place for a prompt-cache breakpoint.

    `block` is its place in the body ("system[0]", "messages[0].content[1]"). Tokens are estimates;
    `cumulative_tokens` counts the whole prefix up to and including the block. `cacheable` anchors carry
    `cache_control` in the body; the others say why not. `expected_reads` is per TTL.
    """

    index: int
    kind: AnchorKind
    block: str
    label: str
    tokens: int
    cumulative_tokens: int
    ttl: Ttl
    priority: int
    cacheable: bool
    why_not: str | None
    expected_reads: float


@dataclass(frozen=True, slots=True)
class TokenSummary:
    """Estimated input tokens. `margin` is the relative half-width of the estimate (0.08 = ±8%).

    `in_cache`: those of the cacheable that are believed to be in the prompt cache now, by what was sent before.
    """

    input: int
    cacheable: int
    volatile: int
    removed: int
    method: str
    margin: float
    in_cache: int = 0


@dataclass(frozen=True, slots=True)
class Removed:
    """What the token optimiser took out of one block for one reason, in tokens, and in how many places."""

    block: str
    reason: str
    tokens: int
    places: int


@dataclass(frozen=True, slots=True)
class Optimisation:
    """What the token optimiser did, in tokens; `chunks` is the number of requests the prompt needs.

    `removed_redundancy` is without loss, `compressed_context` was asked for (`--compress`); `removals` lists both.
    """

    removed_redundancy: int
    compressed_context: int
    chunks: int
    removals: tuple[Removed, ...] = ()

    @property
    def removed(self) -> int:
        """Tokens that the request has less than it would have had."""
        return self.removed_redundancy + self.compressed_context


@dataclass(frozen=True, slots=True)
class Cost:
    """Input cost of the request in `currency`; None where the data file has no price for the model.

    `uncached`: without anchors. `this_request`: with what it writes, and reads by what was sent before. `next_request`:
    the same prefix again within its TTL. `break_even_requests`: how many requests, this one included, until anchors
    are cheaper. `naive`: nothing removed, and one anchor at the very end, so that all is written each time.
    """

    currency: str
    uncached: float | None
    this_request: float | None
    next_request: float | None
    break_even_requests: int | None
    naive: float | None = None


@dataclass(frozen=True, slots=True)
class RoutedRequest:
    """A request that is ready to be sent: `body` is the Messages API body, without `stream`.

    `rest`: further requests with the same instruction, where one does not hold all of the prompt.
    """

    model: str
    body: Mapping[str, Any]
    use_cache: bool
    reason: str
    anchors: tuple[Anchor, ...]
    tokens: TokenSummary
    optimisation: Optimisation
    cost: Cost
    rest: tuple["RoutedRequest", ...] = ()

    @property
    def parts(self) -> tuple["RoutedRequest", ...]:
        """All the requests that the prompt takes, this one first."""
        return (self, *self.rest)

    @property
    def all_tokens(self) -> TokenSummary:
        """The tokens of all parts together."""
        each = [part.tokens for part in self.parts]
        return replace(
            self.tokens,
            input=sum(one.input for one in each),
            cacheable=sum(one.cacheable for one in each),
            volatile=sum(one.volatile for one in each),
            removed=sum(one.removed for one in each),
            in_cache=sum(one.in_cache for one in each),
        )

    @property
    def all_cost(self) -> Cost:
        """The cost of all parts together; when they pay is not said."""
        if not self.rest:
            return self.cost
        each = [part.cost for part in self.parts]
        return Cost(
            self.cost.currency,
            _summed([one.uncached for one in each]),
            _summed([one.this_request for one in each]),
            _summed([one.next_request for one in each]),
            None,
            _summed([one.naive for one in each]),
        )


def _summed(figures: Sequence[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) else None
