"""The best of many lines, asked at any place: for dynamic programs whose value is linear in the predecessor."""

from bisect import bisect_right
from typing import Generic, TypeVar

T = TypeVar("T")


class Envelope(Generic[T]):
    """Lines `value - slope * x`, added in the order of rising slopes: a later one is the better one for small `x`."""

    __slots__ = ("_lines", "_upto")

    def __init__(self) -> None:
        self._lines: list[tuple[float, float, T]] = []
        # Line i is the best from -_upto[i] down to -_upto[i + 1]; kept ascending for bisect
        self._upto: list[float] = []

    def add(self, slope: float, value: float, what: T) -> None:
        """Add a line; none that was added has a larger slope."""
        lines, upto = self._lines, self._upto
        at = float("-inf")
        while lines:
            old_slope, old_value, _ = lines[-1]
            if slope == old_slope:
                if value < old_value:
                    return
            else:
                at = (old_value - value) / (slope - old_slope)
                if at > upto[-1]:
                    break
            lines.pop()
            upto.pop()
            at = float("-inf")
        lines.append((slope, value, what))
        upto.append(at)

    def best(self, x: float) -> tuple[float, T] | None:
        """The highest line at `x`: its value there, and what it was added for. None without lines."""
        if not self._lines:
            return None
        slope, value, what = self._lines[bisect_right(self._upto, -x) - 1]
        return value - slope * x, what
