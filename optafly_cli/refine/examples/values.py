"""What the steps of `steps.py` do with values."""

import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

LARGEST = 1_000
"""Numbers above it are not counted up to; above its square they are not factored."""
NAMES: Sequence[str] = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


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
    by %= len(values)
    return values[by:] + values[:by]


def first(values: Sequence[Any]) -> Any:
    """The first value; an IndexError where there is none."""
    return values[0]


def joined(values: Sequence[Any]) -> str:
    """The values written one behind the other."""
    return "".join(map(str, values))
