"""The chance that the right file is among the first five that the workspace index finds for a prompt."""

import math
from bisect import bisect_right
from collections.abc import Sequence

from optafly_cli.refine.data import weights
from optafly_cli.refine.mentions import symbols
from optafly_cli.refine.retrieval.clarity import Clarity
from optafly_cli.refine.rules.base import Subject
from optafly_cli.refine.rules.referents import pointer

SHORT = 30
"""Words of prose up to which a question is taken to be about no code at all."""
SCALE = 4.0
"""Logits to each side of even odds that are told apart."""
_CODE, _LINE = 0.9, 0.97
"""The chance when code is attached, and when a line of it is pointed at: somebody has found it."""


def searched(subject: Subject) -> Clarity | None:
    """How clearly the index speaks for its first files; None where nothing could be searched."""
    retriever = subject.files.retriever
    if retriever is None or is_general(subject) or retriever.view is None:
        return None
    return retriever.found(subject.view).clarity


def is_general(subject: Subject) -> bool:
    """A short question that names and points at nothing: no file is the right one. What is attached changes nothing."""
    view = subject.view
    if subject.intent.action not in ("explain", "other") or view.words > SHORT or pointer(view) is not None:
        return False
    named = subject.mentions or subject.identifiers or view.of("fence", "error", "code", "quote")
    return not named and symbols().search(view.prose) is None


def chance_found(subject: Subject) -> float:
    """The calibrated chance, 0 to 1; the one of a usual prompt where nothing could be searched."""
    clear = searched(subject)
    chance = weights().found.neutral if clear is None else chance_of(clear)
    if subject.attached.located:
        return max(chance, _LINE)
    return max(chance, _CODE) if subject.attached.code else chance


def chance_of(clear: Clarity) -> float:
    """The chance that what is found so clearly is right."""
    found = weights().found
    return between(found.table.knots, found.table.values, found.bias + weighed(clear, found.weights))


def weighed(clear: Clarity, by: Sequence[float]) -> float:
    """The weighed sum of what a clarity is made of; the weights in the order of `parts`."""
    return sum(weight * part for weight, part in zip(by, parts(clear), strict=True))


def parts(clear: Clarity) -> tuple[float, float, float]:
    """What is weighed: the likelihood as a logit, the agreement, the lead."""
    return logit(clear.share), clear.agreement, clear.lead


def on_scale(chance: float) -> float:
    """A chance as a feature: its logit from 0 to 1."""
    return (logit(chance) + SCALE) / (2 * SCALE)


def logit(chance: float) -> float:
    """The logit, cut off at `SCALE` to both sides."""
    inside = min(max(chance, 1e-9), 1.0 - 1e-9)
    return min(max(math.log(inside / (1.0 - inside)), -SCALE), SCALE)


def between(knots: Sequence[float], values: Sequence[float], at: float) -> float:
    """The value at a place of a piecewise linear table; the first and the last outside of it."""
    if at <= knots[0]:
        return values[0]
    if at >= knots[-1]:
        return values[-1]
    right = bisect_right(knots, at)
    share = (at - knots[right - 1]) / (knots[right] - knots[right - 1])
    return values[right - 1] + share * (values[right] - values[right - 1])
