"""What a trace teaches: weights, and whether they would have planned more cheaply than the heuristic."""

from collections.abc import Callable
from dataclasses import dataclass

from optafly_cli.models import Model
from optafly_cli.route.history import History, Memory
from optafly_cli.route.learned import Weights, shipped_weights
from optafly_cli.route.learning import Trace, examples, fit
from optafly_cli.route.pricing import rates
from optafly_cli.route.purse import Thrifty
from optafly_cli.route.reuse import Reuse, shipped_prior
from optafly_cli.route.shape import RequestShape, prefixes
from optafly_cli.route.simulator.comparison import unmarked
from optafly_cli.route.simulator.policies import none
from optafly_cli.route.simulator.remembering import Remembering
from optafly_cli.route.simulator.replay import replay
from optafly_cli.route.strategy import ENOUGH, Lesson, heuristic, learned

FITTED = 2 / 3
"""Of the requests, the oldest: to them the weights are fitted that are compared on the others."""


@dataclass(frozen=True, slots=True)
class Taught:
    """A lesson and what it was compared by: dollars of the same requests under each plan. `none`: no caching."""

    lesson: Lesson
    none: float
    heuristic: float
    learned: float


def learn(
    trace: Trace,
    model_of: Callable[[str], Model],
    *,
    now: float,
    source: str,
    moved: Callable[[int], None] = lambda _: None,
) -> Taught:
    """Fit weights to the older part, bill the newer under both estimates, then fit to all.

    Both see the same requests with the same history, and what one of them wrote is read by it alone. At least
    `strategy.ENOUGH` requests are needed, in the order of their times.
    """
    if len(trace) < ENOUGH:
        raise ValueError(f"{len(trace)} requests are too few")
    # What was marked then is neither plan's
    trace = [(unmarked(request), output) for request, output in trace]
    cut = int(len(trace) * FITTED)
    ends = [prefixes(request) for request, _ in trace]
    start, prior = shipped_weights(), shipped_prior()
    older = fit(examples(trace[:cut], ends[:cut], prior), start, source)
    moved(1)
    uncached = sum(replay([request for request, _ in trace], none, model_of).costs[cut:])
    by_heuristic = sum(billed(trace, heuristic, model_of)[cut:])
    moved(1)
    by_learned = sum(billed(trace, lambda history: learned(older, history), model_of)[cut:])
    moved(1)
    weights: Weights = fit(examples(trace, ends, prior), start, source)
    moved(1)
    floor = uncached or 1.0
    lesson = Lesson(weights, now, len(trace) - cut, by_heuristic / floor, by_learned / floor)
    return Taught(lesson, uncached, by_heuristic, by_learned)


def billed(trace: Trace, estimate: Callable[[History], Reuse], model_of: Callable[[str], Model]) -> tuple[float, ...]:
    """Dollars of each request, planned by an estimate that remembers those before it; nothing before the trace."""
    if not trace:
        return ()
    answers = {id(request): output for request, output in trace}

    def answered(request: RequestShape) -> int:
        return answers[id(request)]

    history = Memory()
    price = rates(model_of(trace[0][0].model), 0)
    ours = Remembering(Thrifty(estimate(history), history, price), history, model_of, answered)
    return replay([request for request, _ in trace], ours, model_of).costs
