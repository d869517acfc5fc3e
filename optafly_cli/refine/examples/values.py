"""What the steps do with values, and for which values a step is."""

import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

Step = Callable[[Any], Any]
Table = Sequence[tuple[str, Step]]
Against = Sequence[tuple[str, Callable[[Any, Any], Any]]]

LARGEST = 1_000
"""Numbers above it are not counted up to; above its square they are not factored."""
MOST_CHOSEN = 130
"""A list is not taken apart into more pairs or stretches."""
_ROMAN = ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I")
NAMES: Sequence[str] = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Untaken(ValueError):
    """A step is for another kind of value."""


def only(kind: type | tuple[type, ...], step: Step) -> Step:
    """The step, for values of a kind."""

    def taken(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Untaken
        return step(value)

    return taken


def below(limit: float, step: Step) -> Step:
    """The step, for numbers below a limit."""

    def taken(value: Any) -> Any:
        if value >= limit:
            raise Untaken
        return step(value)

    return taken


def is_prime(number: int) -> bool:
    """Whether a whole number is prime."""
    return number > 1 and all(number % divisor for divisor in range(2, math.isqrt(small(number)) + 1))


def small(number: int) -> int:
    """The number, when it is not too large."""
    if not isinstance(number, int) or abs(number) > LARGEST * LARGEST:
        raise ValueError
    return number


def factors(number: int) -> list[int]:
    """The prime factors, ascending, each as often as it divides."""
    found, divisor, rest = [], 2, small(number)
    while divisor * divisor <= rest:
        while rest % divisor == 0:
            found.append(divisor)
            rest //= divisor
        divisor += 1
    return [*found, rest] if rest > 1 else found


def fibonacci(number: int) -> int:
    """The n-th Fibonacci number, the first two 1."""
    one, other = 0, 1
    for _ in range(number if number < 400 else 0):
        one, other = other, one + other
    return one


def is_balanced(text: str) -> bool:
    """Whether every bracket is closed in order."""
    pairs = {")": "(", "]": "[", "}": "{", ">": "<"}
    waiting: list[str] = []
    for char in text:
        if char in pairs.values():
            waiting.append(char)
        elif char in pairs and (not waiting or waiting.pop() != pairs[char]):
            return False
    return not waiting


def is_sorted(values: Sequence[Any]) -> bool:
    """Whether each value is at least the one before it."""
    return all(one <= other for one, other in itertools.pairwise(values))


def running(values: Sequence[Any], step: Callable[[Any, Any], Any]) -> list[Any]:
    """What came of all values so far, at each."""
    found: list[Any] = []
    for value in values:
        found.append(step(found[-1], value) if found else value)
    return found


def zero_sum(values: Sequence[Any], size: int) -> bool:
    """Whether some of the values add up to 0."""
    return any(sum(chosen) == 0 for chosen in itertools.combinations(values[:14], size))


def digits(number: Any) -> list[int]:
    """The digits of a number or text."""
    return [int(char) for char in str(number) if char.isdigit()]


def divisors(number: int) -> list[int]:
    """All divisors, ascending."""
    if not 0 < number <= LARGEST:
        raise ValueError
    return [one for one in range(1, number + 1) if number % one == 0]


def upto(last: int) -> list[int]:
    """0 to a number."""
    if not 0 <= last <= 500:
        raise ValueError
    return list(range(last + 1))


def words(text: str) -> list[str]:
    """The words of a text."""
    return [word for word in re.split(r"[\s,]+", text) if word]


def whole(value: float) -> bool:
    """Whether it is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def flat(value: Any) -> list[Any]:
    """The leaves of nested lists and dictionaries."""
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for one in value for leaf in flat(one)] if isinstance(value, (list, tuple)) else [value]


def pairwise(step: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A step taken on each pair of two lists."""
    return lambda values, other: [step(one, two) for one, two in zip(values, other, strict=True)]


def turned(values: Any, by: int) -> Any:
    """A list turned round by some places."""
    by = int(remainder(by, len(values)))
    return values[by:] + values[:by]


def first(values: Sequence[Any]) -> Any:
    """The first value; an IndexError where there is none."""
    return values[0]


def joined(values: Sequence[Any]) -> str:
    """The values written one behind the other."""
    return "".join(map(str, values))


def chosen(values: Any, count: int) -> list[list[Any]]:
    """All choices of so many of the values."""
    if not count <= len(values) or math.comb(len(values), count) > MOST_CHOSEN:
        raise Untaken
    return [list(one) for one in itertools.combinations(values, count)]


def slices(values: Any) -> list[Any]:
    """All stretches of a list or text."""
    if len(values) ** 2 > 2 * MOST_CHOSEN:
        raise Untaken
    return [values[start:end] for start in range(len(values)) for end in range(start + 1, len(values) + 1)]


def adjacent(values: Any) -> list[list[Any]]:
    """Each value with the next."""
    if not isinstance(values, (list, tuple, str)):
        raise Untaken
    return [list(one) for one in itertools.pairwise(values)]


def runs(values: Any) -> list[Any]:
    """Equal values that follow one another, taken together."""
    found = [list(one) for _, one in itertools.groupby(values)]
    return ["".join(one) for one in found] if isinstance(values, str) else found


def based(number: int, base: int) -> list[int]:
    """The digits of a number in a base."""
    if not 2 <= base <= 36:
        raise Untaken
    found, rest = [], small(number)
    while rest > 0:
        found.append(rest % base)
        rest //= base
    return found[::-1] or [0]


def shifted(text: str, by: int) -> str:
    """A text with each letter as many places on in the alphabet, from z on to a."""
    if not isinstance(text, str) or not isinstance(by, int):
        raise Untaken
    return "".join(
        chr((ord(one) - start + by) % 26 + start) if one.isalpha() and one.isascii() else one
        for one in text
        for start in (97 if one.islower() else 65,)
    )


def small_power(base: float, exponent: float) -> float:
    """A power, when it is not too large."""
    if isinstance(base, bool) or abs(exponent) > 64 or abs(base) > LARGEST * LARGEST:
        raise Untaken
    power: float = base**exponent
    return power


def depths(text: str) -> list[int]:
    """For each bracket 1 where it opens, -1 where it closes."""
    return [1 if one in "([{" else -1 for one in text if one in "()[]{}"]


def bracketed(text: str) -> list[str]:
    """The groups of brackets that stand beside each other, without blanks."""
    found, depth = [""], 0
    for char in "".join(text.split()):
        depth += depths(char)[0]
        found[-1] += char
        if not depth:
            found.append("")
    return found[:-1]


def roman(number: int) -> str:
    """A number in Roman numerals."""
    if not 0 < number < 4_000:
        raise Untaken
    found, rest = "", number
    for value, sign in zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), _ROMAN, strict=True):
        found += sign * (rest // value)
        rest %= value
    return found


def collatz(number: int) -> list[int]:
    """The numbers on the way to 1: half of an even one, of an odd one three times and one more."""
    if not isinstance(number, int) or number < 1:
        raise Untaken
    found = [number]
    while found[-1] != 1 and len(found) < LARGEST:
        found.append(found[-1] // 2 if found[-1] % 2 == 0 else 3 * found[-1] + 1)
    return found


def times(one: Any, other: Any) -> Any:
    """The product of two numbers."""
    if not (isinstance(one, (int, float)) and isinstance(other, (int, float))):
        raise Untaken
    return one * other


def product(values: Any) -> Any:
    """The product of numbers."""
    if not all(isinstance(one, (int, float)) for one in values):
        raise Untaken
    return math.prod(values)


def rounded(value: float, places: int) -> float:
    """The value with at most so many digits behind the point."""
    if not 0 <= places <= 15:
        raise Untaken
    return round(value, places)


def remainder(one: float, other: float) -> float:
    """The remainder of a division of numbers; "%5d" % 2 is none."""
    if not (isinstance(one, (int, float)) and isinstance(other, (int, float))):
        raise Untaken
    return one % other


def parity(values: Sequence[int], rest: int) -> int:
    """How many of the values leave this rest when they are halved."""
    return sum(remainder(one, 2) == rest for one in values)
