"""How often a prefix is expected to be sent again: the question, and its answer by kind of block from a dated file."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Protocol

from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.result import Ttl
from optafly_cli.route.shape import Prefix, RequestShape

DATA = "reuse-prior-2026-11-29.toml"
_TOGETHER: frozenset[BlockKind] = frozenset({"tools", "opening", "conversation", "tool_results"})


@dataclass(frozen=True, slots=True)
class Reads:
    """Expected reads of a prefix before it expires, for each time to live. `held`: none, because writing is to wait."""

    five_minutes: float
    one_hour: float
    held: bool = False

    def within(self, ttl: Ttl) -> float:
        """The figure for `ttl`."""
        return self.one_hour if ttl == "1h" else self.five_minutes


NEVER = Reads(0.0, 0.0)


class Reuse(Protocol):
    """An estimate of what will be sent again. One that goes by what was sent before hears of that from its history."""

    def expected(self, request: RequestShape, ends: Sequence[Prefix]) -> Sequence[Reads]:
        """For each block the reads of the prefix that ends with it (`ends`), counted from this request on.

        Every read extends a prefix's life: a prefix that is sent again after 4 and after 8 minutes has 2 reads in
        five minutes. A prefix cannot be read more often than its own beginning; the planner holds an estimate to it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Prior:
    """Expected reads per kind, for its first block; each further one multiplies them by `per_further_block`.

    Tools come and go together, and so do the turns of a conversation: each further one changes nothing there.
    """

    date: str
    reads: Mapping[BlockKind, Reads]
    per_further_block: float

    def expected(self, kinds: Sequence[BlockKind]) -> tuple[Reads, ...]:
        """For each block, the reads of the prefix that ends with it.

        A prefix is sent again only if all its blocks are, so the figures never rise. The instruction's are 0.
        """
        figures: list[Reads] = []
        five_minutes = one_hour = float("inf")
        count: dict[BlockKind, int] = {}
        for kind in kinds:
            own = self.reads.get(kind, NEVER)
            factor = 1.0 if kind in _TOGETHER else self.per_further_block ** count.get(kind, 0)
            count[kind] = count.get(kind, 0) + 1
            five_minutes = min(five_minutes, own.five_minutes * factor)
            one_hour = min(one_hour, own.one_hour * factor)
            figures.append(Reads(five_minutes, one_hour))
        return tuple(figures)

    def at_least_once(self) -> "Prior":
        """For a prefix that is known to be sent again: at least one read for every kind but the instruction."""
        reads = {kind: Reads(max(1.0, own.five_minutes), max(1.0, own.one_hour)) for kind, own in self.reads.items()}
        return Prior(self.date, reads, 1.0)


@dataclass(frozen=True, slots=True)
class ByKind:
    """The estimate that knows nothing of what was sent before: the prior's, by the kind of each block."""

    prior: Prior

    def expected(self, request: RequestShape, ends: Sequence[Prefix]) -> Sequence[Reads]:  # noqa: ARG002 - no history
        """The prior's figures."""
        return self.prior.expected([block.kind for block in request.blocks])


@cache
def shipped_prior() -> Prior:
    """The packaged prior, read once."""
    raw = tomllib.loads((files("optafly_cli.route") / "data" / DATA).read_text("utf-8"))
    return Prior(raw["date"], {kind: Reads(**row) for kind, row in raw["reads"].items()}, raw["per_further_block"])
