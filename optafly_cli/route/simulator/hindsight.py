"""The planner's estimate if it knew the future: how often each prefix of a trace is really read."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import Reads
from optafly_cli.route.shape import LIFETIME, Prefix, RequestShape, prefixes


class Hindsight:
    """A `Reuse` for one trace, whose requests are in the order of their times."""

    def __init__(self, trace: Iterable[RequestShape]) -> None:
        self._uses: dict[str, list[float]] = defaultdict(list)
        for request in trace:
            for end in prefixes(request):
                self._uses[end.key].append(request.at)
        self._chains = {
            key: {ttl: _reads(times, life) for ttl, life in LIFETIME.items()} for key, times in self._uses.items()
        }

    def expected(self, request: RequestShape, ends: Sequence[Prefix]) -> Sequence[Reads]:
        """The reads that follow: those before the first gap that is longer than the TTL."""
        return [Reads(self._after(end, request.at, "5m"), self._after(end, request.at, "1h")) for end in ends]

    def _after(self, end: Prefix, now: float, ttl: Ttl) -> float:
        # Of several at one time the last counts, as if all of them were it
        return float(self._chains[end.key][ttl][bisect_right(self._uses[end.key], now) - 1])


def _reads(times: Sequence[float], life: float) -> list[int]:
    """For each use the number of those behind it that come before a gap of `life` seconds."""
    found = [0] * len(times)
    for i in range(len(times) - 2, -1, -1):
        found[i] = found[i + 1] + 1 if times[i + 1] - times[i] < life else 0
    return found
