"""One trace under every policy, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from optafly_cli.models import Model
from optafly_cli.route.shape import RequestShape
from optafly_cli.route.simulator.hindsight import Hindsight
from optafly_cli.route.simulator.oracle import least_cost
from optafly_cli.route.simulator.policies import Planned, Policy, as_sent, automatic, none, system_and_tail
from optafly_cli.route.simulator.prompt_cache import Bill
from optafly_cli.route.simulator.replay import replay


@dataclass(frozen=True, slots=True)
class PolicyCost:
    """What a trace costs under a policy: dollars, over the cost of no caching, and the tokens by their price.

    The oracle's tokens are None: it is a bound, not a placement.
    """

    policy: str
    cost: float
    ratio: float
    tokens: Bill | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A replayed trace. `seconds` is the time that it covers, `priced` whether the prices of all models are known.

    `hindsight` is the ratio of the planner that knows the future: what can be reached lies between the oracle and it.
    """

    requests: int
    input_tokens: int
    seconds: float
    models: tuple[str, ...]
    priced: bool
    policies: tuple[PolicyCost, ...]
    hindsight: float


STEPS = 7
"""How often `compare` says that it has moved on, at most."""


def compare(
    trace: Sequence[RequestShape],
    ours: Policy,
    model_of: Callable[[str], Model],
    moved: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """Bill the trace under no caching, the usual recipes, our planner, and the least that is possible.

    Where the client set breakpoints they are a policy of their own, "as sent", and no other has them. At least one
    request is needed, and they come in the order of their times.
    """
    bare = [unmarked(request) for request in trace]
    policies: list[tuple[str, Policy]] = [("none", none)]
    if any(request.own_marks for request in trace):
        policies.append(("as sent", as_sent))
    policies += [("automatic", automatic), ("system + tail", system_and_tail), ("ours", ours)]
    billed = {}
    for name, policy in policies:
        billed[name] = replay(trace if policy is as_sent else bare, policy, model_of)
        moved(1)
    uncached = billed["none"].cost or 1.0
    least = least_cost(bare, model_of)
    moved(1)
    known = replay(bare, Planned(Hindsight(bare), model_of), model_of).cost
    moved(1)
    models = tuple(dict.fromkeys(model_of(request.model).id for request in trace))
    return Comparison(
        requests=len(trace),
        input_tokens=sum(request.tokens for request in trace),
        seconds=trace[-1].at - trace[0].at,
        models=models,
        priced=all(model_of(request.model).prices for request in trace),
        policies=(
            *(PolicyCost(name, one.cost, one.cost / uncached, one.total) for name, one in billed.items()),
            PolicyCost("oracle", least, least / uncached, None),
        ),
        hindsight=known / uncached,
    )


def unmarked(request: RequestShape) -> RequestShape:
    """The request without the client's own breakpoints."""
    if not request.own_marks:
        return request
    return replace(request, automatic=None, blocks=tuple(replace(block, mark=None) for block in request.blocks))
