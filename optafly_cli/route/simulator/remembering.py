"""The planner on a trace, with an estimate that goes by what was sent before: as `ask` and the proxy use it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optafly_cli.models import Model
from optafly_cli.route.history import Memory, Sent, bill
from optafly_cli.route.planner import place
from optafly_cli.route.reuse import Reuse
from optafly_cli.route.shape import Marks, Prefix, RequestShape


@dataclass(frozen=True, slots=True)
class Remembering:
    """A policy: plans by `reuse`, and tells the history that the estimate asks what was sent.

    `answered` gives the tokens of a request's answer, which is known once it has been sent.
    """

    reuse: Reuse
    history: Memory
    model_of: Callable[[str], Model]
    answered: Callable[[RequestShape], int] = lambda _: 0

    def __call__(self, request: RequestShape, ends: Sequence[Prefix], live: Marks) -> Marks:
        """The planner's breakpoints."""
        expected = self.reuse.expected(request, ends)
        marks = place(request, ends, expected, model=self.model_of(request.model), live=live)
        billed = bill(self.history.past(ends), request, ends, marks)
        self.history.add(Sent(request, ends, marks, self.answered(request), billed))
        return marks
