"""The shape of the prompt as a whole: is there one task, and enough of it."""

import re
from collections.abc import Iterator
from functools import cache

from optafly_cli.refine.data import cues
from optafly_cli.refine.result import Action
from optafly_cli.refine.rules.base import TASKS, Rule, Spot, Subject

FEWEST_WORDS = 3
LONGEST_CHECKED = 120
"""Words of prose above which several verbs are a specification, not several tasks."""


def too_short(subject: Subject) -> Iterator[Spot]:
    """An empty prompt, or a word or two with nothing to go with them."""
    text = subject.view.text
    if not text.strip():
        yield Spot(0, len(text), "The prompt is empty.", severity="error")
    elif subject.view.words < FEWEST_WORDS and not subject.has_referent and _has_words(text):
        start = len(text) - len(text.lstrip())
        yield Spot(start, len(text.rstrip()), "The prompt is too short to say what is to be done with what.")


def _has_words(text: str) -> bool:
    """Scripts without spaces between words say in six characters what takes others three words."""
    return len(re.findall(r"[^\x00-\u024f\s]", text[:200])) < 6


def several_tasks(subject: Subject) -> Iterator[Spot]:
    """Three different kinds of work, or two that "also" joins."""
    view = subject.view
    if view.words > LONGEST_CHECKED:
        return
    orders = list(_orders(view.prose))
    kinds: dict[Action, tuple[int, int]] = {}
    for action, start, end in orders:
        kinds.setdefault(action, (start, end))
    if len(kinds) < 2:
        return
    places = sorted(kinds.values())
    between = view.prose[places[0][1] : places[-1][1]]
    if len(kinds) >= 3 or _joiner().search(between):
        start, end = places[-1]
        names = ", ".join(kinds)
        yield Spot(start, end, f"Several tasks in one prompt ({names}): each is done better on its own.")


def _orders(prose: str) -> Iterator[tuple[Action, int, int]]:
    """Verbs in the imperative, with the action that each speaks for most."""
    verbs = cues().verbs
    for match in _imperative().finditer(prose):
        weights = verbs.get(match["verb"].lower())
        if weights:
            action = max(weights, key=lambda one: weights[one])
            if weights[action] >= 1.5:
                yield action, *match.span("verb")


@cache
def _imperative() -> re.Pattern[str]:
    return re.compile(
        r"(?:^[\s*\-\d.)]{0,12}|[.!?;:]\s+|,\s+(?:and\s+|then\s+)?|\b(?:and|then|also|please)\s+)(?:please\s+|also\s+|then\s+)?"
        r"(?P<verb>[A-Za-z]{3,14})\b(?=\s)",
        re.M,
    )


@cache
def _joiner() -> re.Pattern[str]:
    return re.compile(
        r"\b(?:also|additionally|besides|separately|while you(?:'|’)?re at it|another thing|on top of that)\b", re.I
    )


RULES = (
    Rule(
        "OPF001",
        "warning",
        "empty or too short",
        "A prompt of a word or two leaves everything to be guessed. Say what is to be done, with what, and what the "
        "result should be.",
        too_short,
        bad="fix",
        better="Fix the off-by-one in `discount` (app/orders.py:12): 10 % of 100 must be 10.",
        kinds=TASKS | {"commit"},
    ),
    Rule(
        "OPF004",
        "info",
        "several tasks in one",
        "Different kinds of work compete for attention and make the answer longer and worse. Ask for one at a time; "
        "the prompt cache makes the second prompt about the same files cheap.",
        several_tasks,
        bad="Fix the login bug. Also rename the module and review the tests.",
        better="Fix the login bug: a wrong password must give 401.",
    ),
)
