"""Do processes grow while they work? Memory, threads and descriptors over time, and the line through them.

A `Watch` looks at processes every so often and writes down how many requests had been answered by then. What is said of
them is what they were at rest before and after, and the least-squares slope over the requests in between, with its
standard error. The samples of a process are not independent of each other, so the error is at least that.
"""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

PER = 10_000
"""Requests that a slope is given for."""


@dataclass(frozen=True)
class Sizes:
    """What one process is at a moment: kilobytes and numbers."""

    anonymous: int
    """What the process has written: its own, and never dropped by the kernel as pages of files are."""
    rss: int
    pss: int
    threads: int
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> "Sizes":
        """Those of a process.

        Raises:
            OSError: it is gone.
        """
        place = Path(f"/proc/{pid}")
        lines = (place / "smaps_rollup").read_text().splitlines()
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}
        if "Rss" not in kilobytes:
            raise ProcessLookupError(pid)
        numbers = [sum(1 for _ in (place / folder).iterdir()) for folder in ("task", "fd")]
        return cls(kilobytes["Anonymous"], kilobytes["Rss"], kilobytes["Pss"], *numbers)


@dataclass(frozen=True)
class Slope:
    """Of a straight line, per `PER` requests, and its standard error, in what the values are given in."""

    value: float
    error: float

    @classmethod
    def through(cls, points: Sequence[tuple[float, float]]) -> "Slope | None":
        """The least-squares line through (requests, value); None for fewer than three, or all at one place."""
        count = len(points)
        if count < 3:
            return None
        middle = sum(x for x, _ in points) / count
        level = sum(y for _, y in points) / count
        spread = sum((x - middle) ** 2 for x, _ in points)
        if not spread:
            return None
        slope = sum((x - middle) * (y - level) for x, y in points) / spread
        left = sum((y - level - slope * (x - middle)) ** 2 for x, y in points)
        return cls(slope * PER, math.sqrt(left / (count - 2) / spread) * PER)


class Watch:
    """Looks at named processes from entering to leaving; `done` says how many requests have been answered."""

    def __init__(self, pids: Mapping[str, int], done: Callable[[], int], every_s: float = 1.0) -> None:
        self.samples: dict[str, list[tuple[int, Sizes]]] = {name: [] for name in pids}
        self._pids = pids
        self._done = done
        self._every_s = every_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(self._every_s):
            for name, sizes in now(self._pids).items():
                self.samples[name].append((self._done(), sizes))

    def slope(self, name: str, what: str) -> Slope | None:
        """Of one of the sizes of a process."""
        return Slope.through([(at, getattr(sizes, what)) for at, sizes in self.samples[name]])


def now(pids: Mapping[str, int]) -> dict[str, Sizes]:
    """The processes as they are; those that are gone are left out."""
    found = {}
    for name, pid in pids.items():
        with suppress(OSError):
            found[name] = Sizes.of(pid)
    return found


def children_of(pid: int) -> dict[int, str]:
    """The children of a process that has one thread, and the state of each: Z is one that nobody waited for."""
    found = {}
    with suppress(OSError):
        for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(OSError):
                found[int(word)] = Path(f"/proc/{word}/stat").read_text().rpartition(")")[2].split()[0]
    return found


@dataclass(frozen=True)
class Grown:
    """One process over a run. Memory in kB."""

    name: str
    before: Sizes
    after: Sizes
    most_threads: int
    most_descriptors: int
    samples: int
    anonymous: Slope | None
    rss: Slope | None
    pss: Slope | None
    pool: int = 0
    """Descriptors that it may hold or not, at rest: idle connections that are kept for the next request."""

    @classmethod
    def between(cls, name: str, before: Sizes, after: Sizes, watch: Watch, pool: int = 0) -> "Grown":
        """What became of it from one rest to the other."""
        seen = [before, after, *(sizes for _, sizes in watch.samples[name])]
        return cls(
            name,
            before,
            after,
            max(one.threads for one in seen),
            max(one.descriptors for one in seen),
            len(seen) - 2,
            watch.slope(name, "anonymous"),
            watch.slope(name, "rss"),
            watch.slope(name, "pss"),
            pool,
        )

    @property
    def faults(self) -> list[str]:
        """What there is more of at rest than there was, one sentence each."""
        return [
            f"{self.name}: {getattr(self.after, what)} {what} at rest, {getattr(self.before, what)} before"
            for what, more in (("threads", 0), ("descriptors", self.pool))
            if getattr(self.after, what) > getattr(self.before, what) + more
        ]


def table(rows: Sequence[Grown]) -> list[str]:
    """The rows for a person, in MB: at rest before and after, per `PER` requests, and the most in between."""
    lines = [
        f"{'process':12}{'anonymous MB':>15}{f'per {PER:,}':>15}{'PSS MB':>15}{f'per {PER:,}':>15}"
        f"{'threads':>14}{'descriptors':>17}"
    ]
    for row in rows:
        cells = [f"{row.name:12}"]
        for what in ("anonymous", "pss"):
            before, after = (getattr(sizes, what) / 1024 for sizes in (row.before, row.after))
            cells.append(f"{f'{before:.1f} → {after:.1f}':>15}{_said(getattr(row, what)):>15}")
        one, other = row.before, row.after
        cells.append(f"{f'{one.threads} → {other.threads} (≤ {row.most_threads})':>14}")
        cells.append(f"{f'{one.descriptors} → {other.descriptors} (≤ {row.most_descriptors})':>17}")
        lines.append("".join(cells))
    return lines


def _said(slope: Slope | None) -> str:
    return f"{slope.value / 1024:+.2f} ± {slope.error / 1024:.2f}" if slope else "–"
