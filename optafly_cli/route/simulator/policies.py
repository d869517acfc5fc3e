"""Ways to place anchors that a trace is replayed under: the fixed recipes of other tools, and the planner's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from optafly_cli.models import Model
from optafly_cli.route.planner import place
from optafly_cli.route.reuse import Reuse
from optafly_cli.route.shape import Marks, Prefix, RequestShape, last_markable


class Policy(Protocol):
    """Breakpoints for a request. `live` are the entries that the policy's own earlier requests have left."""

    def __call__(self, request: RequestShape, ends: Sequence[Prefix], live: Marks) -> Marks:
        """All of the request's breakpoints."""
        ...


def none(request: RequestShape, ends: Sequence[Prefix], live: Marks) -> Marks:  # noqa: ARG001 - a policy
    """No anchors."""
    return {}


def automatic(request: RequestShape, ends: Sequence[Prefix], live: Marks) -> Marks:  # noqa: ARG001 - a policy
    """A `cache_control` beside the messages: the last block that can be marked."""
    last = last_markable(request.blocks)
    return {} if last is None else {last: "5m"}


def system_and_tail(request: RequestShape, ends: Sequence[Prefix], live: Marks) -> Marks:  # noqa: ARG001 - a policy
    """The end of tools and system, and the last block before an instruction: what most tools do."""
    blocks = request.blocks
    instruction = next((i for i, block in enumerate(blocks) if block.kind == "instruction"), len(blocks))
    system = [block for block in blocks if block.kind in ("tools", "system")]
    ends_at = (last_markable(blocks[: len(system)]), last_markable(blocks[:instruction]))
    return {i: "5m" for i in ends_at if i is not None}


def as_sent(request: RequestShape, ends: Sequence[Prefix], live: Marks) -> Marks:  # noqa: ARG001 - a policy
    """The client's own breakpoints."""
    return request.own_marks


@dataclass(frozen=True, slots=True)
class Planned:
    """The planner with this estimate of reuse; `model_of` gives the facts of a model by its name.

    Without `knows_what_lives` it does not remember what its earlier anchors wrote.
    """

    reuse: Reuse
    model_of: Callable[[str], Model]
    knows_what_lives: bool = True

    def __call__(self, request: RequestShape, ends: Sequence[Prefix], live: Marks) -> Marks:
        """The planner's anchors and those of the client."""
        expected = self.reuse.expected(request, ends)
        known = live if self.knows_what_lives else {}
        return place(request, ends, expected, model=self.model_of(request.model), live=known)
