"""Amounts of all files, by their numbers: a list, with a mapping's manners.

A dictionary of thousands of files takes several times as long to make and to go through. Pure; standard library only.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

_SAMPLED = 16
"""One file in so many says about what the best of all have at least."""


class OfEach(Mapping[int, float]):
    """What every file has, by its number: many times as quick as a dictionary where most have something.

    As a mapping it holds those that have more than nothing.
    """

    __slots__ = ("each",)

    def __init__(self, each: Sequence[float]) -> None:
        self.each = each

    def __getitem__(self, file: int) -> float:
        if 0 <= file < len(self.each) and self.each[file] > 0.0:
            return self.each[file]
        raise KeyError(file)

    def __iter__(self) -> Iterator[int]:
        return (file for file, amount in enumerate(self.each) if amount > 0.0)

    def __len__(self) -> int:
        return sum(amount > 0.0 for amount in self.each)

    def best(self, most: int) -> list[int]:
        """The files with most, at most so many, the first the best; of those that have the same the lower number first.

        Those that have nothing are none of them.
        """
        sample = sorted(self.each[::_SAMPLED], reverse=True)
        at = 2 * most // _SAMPLED + 2
        guess = max(0.0, sample[at]) if at < len(sample) else 0.0
        found = self._above(guess)
        if len(found) < most and guess:
            # As many may have just as much as there are files
            found += islice((file for file, amount in enumerate(self.each) if amount == guess), most - len(found))
        return (found if len(found) >= most or not guess else self._above(0.0))[:most]

    def _above(self, least: float) -> list[int]:
        """The files with more, the best first."""
        return [
            file for _, file in sorted([(-amount, file) for file, amount in enumerate(self.each) if amount > least])
        ]
