"""What happened, counted, as Prometheus reads it. Numbers only: no prompt, no key, no address of a client."""

from collections import Counter
from dataclasses import dataclass, field

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_MOST_LABELS = 64
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Histogram:
    """Seconds, in cumulative buckets."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one value."""
        place = next((number for number, bound in enumerate(_BOUNDS) if seconds <= bound), len(_BOUNDS))
        self.buckets[place] += 1
        self.total += seconds

    def lines(self, name: str, label: str) -> list[str]:
        """Its lines; `label` is `cache="hit"`, say."""
        found, count = [], 0
        for bound, number in zip((*map(str, _BOUNDS), "+Inf"), self.buckets, strict=True):
            count += number
            found.append(f'{name}_bucket{{{label},le="{bound}"}} {count}')
        return [*found, f"{name}_sum{{{label}}} {self.total:.6f}", f"{name}_count{{{label}}} {count}"]


class Metrics:
    """Counters of one proxy; used on its event loop only."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._counters: dict[str, Counter[str]] = {}
        self._seconds: dict[str, Histogram] = {}
        self._values: Counter[str] = Counter()
        self._saved = 0.0

    def count(self, name: str, label: str, value: str) -> None:
        """One more of `name` with that label. Of endless values those past the first 64 are `other`."""
        counter = self._counters.setdefault(name, Counter())
        shown = f'{label}="{_escaped(value)}"'
        counter[shown if shown in counter or len(counter) < _MOST_LABELS else f'{label}="other"'] += 1

    def saved(self, tokens: int, dollars: float) -> None:
        """What a hit saved."""
        self._values["optafly_saved_tokens_total"] += tokens
        self._saved += dollars

    def observe(self, cache: str, seconds: float) -> None:
        """How long a POST /v1/messages took, from its last byte to the reply's."""
        self._seconds.setdefault(cache, Histogram()).add(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        lines: list[str] = []
        for name, meaning in _COUNTERS.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} counter"]
            lines += [f"{name}{{{label}}} {number}" for label, number in sorted(self._counters.get(name, {}).items())]
        lines += [
            "# HELP optafly_saved_tokens_total Tokens that hits saved.",
            "# TYPE optafly_saved_tokens_total counter",
        ]
        lines.append(f"optafly_saved_tokens_total {self._values['optafly_saved_tokens_total']}")
        lines += ["# HELP optafly_saved_dollars_total What hits saved.", "# TYPE optafly_saved_dollars_total counter"]
        lines.append(f"optafly_saved_dollars_total {self._saved:.6f}")
        lines += ["# HELP optafly_in_flight Requests under way.", "# TYPE optafly_in_flight gauge"]
        lines.append(f"optafly_in_flight {self.in_flight}")
        name = "optafly_request_seconds"
        lines += [f"# HELP {name} Time of a POST /v1/messages.", f"# TYPE {name} histogram"]
        for cache, histogram in sorted(self._seconds.items()):
            lines += histogram.lines(name, f'cache="{cache}"')
        return ("\n".join(lines) + "\n").encode()


_COUNTERS = {
    "optafly_requests_total": "Requests by route.",
    "optafly_hits_total": "Answers from the store, by tier.",
    "optafly_misses_total": "Questions that the store could not answer, by reason.",
    "optafly_bypasses_total": "Questions that the store was not asked, by reason.",
    "optafly_stored_total": "Answers by whether they were kept, and why not.",
    "optafly_upstream_errors_total": "Requests that the upstream failed, by status.",
}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
