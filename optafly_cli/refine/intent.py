"""What a prompt asks to be done, from weighted cues that `data/intent-cues.toml` lists."""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache

from optafly_cli.refine.data import cues
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.result import Action, Intent

HEAD = 4_000
"""Characters of prose in which an action is looked for: a prompt says early what it wants."""
MOST_NAMED = 2
"""How often the same word counts: a long issue is not more of a bug because it says so ten times."""


def classify(view: PromptText) -> Intent:
    """The action with the most weight; its confidence is its share of all weight, the prior included.

    A prompt without a cue, in whatever language, is `other` with confidence 0.
    """
    totals = weigh(view)
    best = max(totals, key=lambda action: totals[action], default=None)
    if best is None or totals[best] <= 0:
        return Intent("other", 0.0)
    return Intent(best, round(totals[best] / (sum(totals.values()) + cues().prior), 4))


def weigh(view: PromptText) -> Mapping[Action, float]:
    """The weight of each action that has any."""
    table = cues()
    prose = _blanks().sub(" ", view.prose[:HEAD]).lower()
    totals: dict[Action, float] = defaultdict(float)
    seen: dict[str, int] = defaultdict(int)
    for match in _word().finditer(prose):
        word = match.group()
        verb, noun = table.verbs.get(word), table.nouns.get(word)
        if verb is None and noun is None:
            continue
        seen[word] += 1
        if seen[word] > MOST_NAMED:
            continue
        leads = verb is not None and _lead().search(prose[max(0, match.start() - 24) : match.start()]) is not None
        scale = (table.lead if leads else 1.0) / seen[word]
        for action, weight in ((verb if leads or noun is None else noun) or {}).items():
            totals[action] += weight * scale
    for phrase, pattern in _phrases():
        if pattern.search(prose):
            for action, weight in table.phrases[phrase].items():
                totals[action] += weight
    if view.errors or view.named_error:
        totals["debug"] += table.error_text
    if _question().search(prose):
        totals["explain"] += table.question
    return totals


@cache
def _word() -> re.Pattern[str]:
    return re.compile(r"\b[a-z]{2,30}\b")


@cache
def _lead() -> re.Pattern[str]:
    """What stands before a verb that opens a sentence, an item or a request."""
    return re.compile(
        r"(?:\A|[.!?:\n]|\band|\bthen|\bplease|\bcan you|\bcould you|\bhelp me|\bwant to|\bneed to)[\s*\-\d.)]{0,12}\Z"
    )


@cache
def _question() -> re.Pattern[str]:
    return re.compile(r"\?(?=\s|$)|^\s*(?:what|why|how|which|where|when|who|is|are|does|do|can)\b")


@cache
def _phrases() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((phrase, re.compile(phrase)) for phrase in cues().phrases)


@cache
def _blanks() -> re.Pattern[str]:
    return re.compile(r"[ \t]+")
