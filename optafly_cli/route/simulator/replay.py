"""A trace billed under a policy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from optafly_cli.models import Model
from optafly_cli.route.shape import RequestShape, prefixes
from optafly_cli.route.simulator.policies import Policy
from optafly_cli.route.simulator.prompt_cache import Bill, PromptCache


@dataclass(frozen=True, slots=True)
class Billed:
    """What each request of a trace was billed, in order, and its dollars (see `Bill.cost`)."""

    bills: tuple[Bill, ...]
    costs: tuple[float, ...]

    @property
    def cost(self) -> float:
        """Dollars of the whole trace."""
        return sum(self.costs)

    @property
    def total(self) -> Bill:
        """All tokens by price."""
        return Bill(
            sum(bill.read for bill in self.bills),
            sum(bill.written_1h for bill in self.bills),
            sum(bill.written_5m for bill in self.bills),
            sum(bill.plain for bill in self.bills),
        )


def replay(trace: Iterable[RequestShape], policy: Policy, model_of: Callable[[str], Model]) -> Billed:
    """Send the requests, in the order of their times, with the policy's anchors to a prompt cache that starts empty.

    Raises:
        RuleBrokenError: the policy placed anchors that the API refuses.
    """
    cache = PromptCache()
    bills: list[Bill] = []
    costs: list[float] = []
    for request in trace:
        model = model_of(request.model)
        ends = prefixes(request)
        marks = policy(request, ends, cache.live(request, ends))
        bill = cache.send(request, marks, model)
        bills.append(bill)
        costs.append(bill.cost(model))
    return Billed(tuple(bills), tuple(costs))
