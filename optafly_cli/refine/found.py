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
WHOLE = 8
"""Words of prose from which a general question is taken to be all there."""
FEW = 12
"""Words of prose up to which a prompt that only points has nothing to be searched with."""
SCALE = 4.0
"""Logits to each side of even odds that are told apart."""
ATTACHED, POINTED = 0.975, 0.982
"""The chance when code is attached, and when a line of it is pointed at: somebody has found it. No search says more."""


def searched(subject: Subject) -> Clarity | None:
    """How clearly the index speaks for its first files; None where nothing could be searched, or need not be."""
    retriever = subject.files.retriever
    if retriever is None or not will_be_searched(subject):
        return None
    found = retriever.files(subject.view)
    return None if retriever.view is None else found.clarity


def will_be_searched(subject: Subject) -> bool:
    """Whether a score asks the index, where there is one."""
    return not (subject.attached.code or is_general(subject) or says_nothing(subject))


def is_general(subject: Subject) -> bool:
    """A short question that names and points at nothing: no file is the right one. What is attached changes nothing."""
    short = subject.view.words <= SHORT and subject.intent.action in ("explain", "other")
    return short and pointer(subject.view) is None and not _names(subject)


def says_nothing(subject: Subject) -> bool:
    """A few words that point ("fix this bug") and name nothing: there is nothing to search for."""
    return subject.view.words <= FEW and pointer(subject.view) is not None and not _names(subject)


def _names(subject: Subject) -> bool:
    view = subject.view
    if subject.mentions or subject.identifiers or view.of("fence", "error", "code", "quote"):
        return True
    return symbols().search(view.prose) is not None


def is_known(subject: Subject) -> bool:
    """Whether the chance is about this prompt, and not the one of a usual prompt."""
    return subject.attached.code or says_nothing(subject) or searched(subject) is not None


def chance_found(subject: Subject) -> float:
    """The calibrated chance, 0 to 1; the one of a usual prompt where nothing could be searched.

    A general question needs no file: it has all of it, the more so the more it says.
    """
    if subject.attached.code:
        return POINTED if subject.attached.located else ATTACHED
    found = weights().found
    if is_general(subject):
        return found.neutral + (ATTACHED - found.neutral) * min(1.0, subject.view.words / WHOLE)
    if says_nothing(subject):
        return found.table.values[0]
    clear = searched(subject)
    return found.neutral if clear is None else chance_of(clear)


def chance_of(clear: Clarity) -> float:
    """The chance that what is found so clearly is right."""
    found = weights().found
    chance = between(found.table.knots, found.table.values, found.bias + weighed(clear, found.weights))
    return min(chance, ATTACHED)


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
