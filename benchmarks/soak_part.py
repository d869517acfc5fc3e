"""One half of the soak: what was asked, what was wrong with it, what has grown; and how that is said."""

import json
import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from benchmarks.growth import PER, Grown, table

CLIENTS = 16
WARM_UP = 0.1
"""The part of the requests that is not looked at."""
QUIET_S = 3.0
LONG_ENOUGH = 20_000
"""In fewer requests memory cannot be told from warming up."""
STEADY_KB = 1_024
"""Per 10,000 requests: what is more than this, and more than two standard errors, is growth."""
EXAMPLES = 5


@dataclass
class Part:
    """One half of the soak."""

    title: str
    requests: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    """Kinds of requests whose answer was wrong or missing."""
    examples: list[str] = field(default_factory=list)
    grown: list[Grown] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fail(self, kind: str, why: BaseException) -> None:
        """Count what went wrong, and keep the first of it."""
        self.failed[kind] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"{kind}: {type(why).__name__}: {why}")

    def judge(self, grown: Sequence[Grown]) -> None:
        """Take what became of the processes, and say what is wrong with it."""
        self.grown += grown
        for one in grown:
            self.faults += one.faults
            line = one.anonymous
            if self.requests >= LONG_ENOUGH and line and line.value > max(STEADY_KB, 2 * line.error):
                self.faults.append(f"{one.name}: grows by {line.value / 1024:.1f} MB each {PER:,} requests")

    @property
    def is_good(self) -> bool:
        """Whether nothing was wrong."""
        return not self.failed and not self.faults


def report(parts: Sequence[Part], *, as_json: bool) -> None:
    """Print it."""
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    if as_json:
        print(json.dumps({"machine": machine, "clients": CLIENTS, "parts": [asdict(part) for part in parts]}, indent=2))
        return
    print(f"soak: {CLIENTS} clients\n{machine}")
    for part in parts:
        rate = part.requests / max(part.seconds, 1e-9)
        wrong = f"{sum(part.failed.values())} wrong or missing"
        print(f"\n{part.title}: {part.requests:,} requests in {part.seconds:.0f} s ({rate:.0f}/s), {wrong}\n")
        print("\n".join(table(part.grown)))
        print("\n" + ", ".join(f"{name} {number:,}" for name, number in part.kinds.most_common()))
        for line in (*part.notes, *(f"WRONG {name} × {number}" for name, number in part.failed.items())):
            print(line)
        for line in (*part.examples, *part.faults):
            print(f"! {line}")
