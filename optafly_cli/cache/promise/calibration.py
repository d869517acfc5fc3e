"""The labels that ship with optafly: calibration.json, written by `training/`, checked when it is first read."""

import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from optafly_cli.cache.promise.certificate import Label

FILE = Path(__file__).parent / "calibration.json"


class CalibrationUnreadableError(Exception):
    """The file of shipped labels is missing or damaged; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Labels made with one verifier, and the thresholds that were fixed before they were made, strictest first."""

    verifier: str
    grid: tuple[float, ...]
    labels: tuple[Label, ...] = ()


@cache
def shipped(path: Path = FILE) -> Calibration:
    """The calibration in that file, read once in a process.

    Raises:
        CalibrationUnreadableError: it is missing, or does not hold what `training/` writes.
    """
    try:
        return _checked(json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise CalibrationUnreadableError(f"the labels of the verifier are not installed: {path} is missing") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CalibrationUnreadableError(f"the labels of the verifier cannot be used: {path}: {error}") from error


def _checked(plain: dict[str, Any]) -> Calibration:
    verifier, grid = plain["verifier"], tuple(_probability(value) for value in plain["grid"])
    if not isinstance(verifier, str) or not verifier:
        raise ValueError("the verifier has no name")
    if any(later >= one for one, later in pairwise(grid)):
        raise ValueError("the thresholds do not descend")
    return Calibration(verifier, grid, tuple(_label(*item) for item in plain["labels"]))


def _label(probability: object, right: object) -> Label:
    if right not in (0, 1):
        raise ValueError(f"a label is {right!r}, neither 0 nor 1")
    return Label(_probability(probability), bool(right))


def _probability(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is no probability")
    return float(value)
