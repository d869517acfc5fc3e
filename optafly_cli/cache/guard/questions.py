"""What is asked for: how, why, whether, where, or that it be done. Part of the vetoes; pure.

Most question words stand for one another somewhere ("what makes it fail", "why does it fail"). The pairs here do not,
by the counts on training pairs (docs/verifier.md).
"""

import re

from optafly_cli.cache.guard.reading import Reading
from optafly_cli.cache.guard.veto import Veto

_WHETHER = "yes or no"
_APART = frozenset(
    frozenset(pair)
    for pair in (
        ("how", _WHETHER),
        ("how", "why"),
        ("how", "where"),
        ("how", "who"),
        ("why", _WHETHER),
        ("why", "where"),
        ("why", "who"),
        ("why", "which"),
        ("where", "who"),
        ("where", _WHETHER),
        ("who", _WHETHER),
    )
)
_WHETHER_ONE_MAY = re.compile(
    r"(?:can|could|should|may|must|shall) (?:i|we)\b"
    r"|(?:is|would|was) it (?:possible|ok|okay|safe|worth|necessary|better|wise|allowed)\b",
    re.IGNORECASE,
)


_WHAT_FOLLOWS = re.compile(r"\bwhat(?:['’]s| is| will)? (?:going to )?happens?\b", re.IGNORECASE)
_WHAT_TO_DO = re.compile(r"\bwhat (?:do|should|can|must) (?:i|we|you) do\b|\bwhy\b|\bhow come\b", re.IGNORECASE)


def question(left: Reading, right: Reading) -> Veto | None:
    """A veto where one answer cannot be both: how against whether, whether one may against doing it."""
    if frozenset((left.question, right.question)) in _APART:
        return Veto("question", f"{left.question!r} against {right.question!r}")
    for side, other in ((left, right), (right, left)):
        if _WHAT_FOLLOWS.search(side.text) and _WHAT_TO_DO.search(other.text) and not _WHAT_TO_DO.search(side.text):
            return Veto("question", "one of the prompts asks what happens, the other why or what to do")
        done = not other.question and "?" not in other.text
        if done and side.question == _WHETHER and _WHETHER_ONE_MAY.match(side.text):
            return Veto("question", "one of the prompts asks whether, the other that it be done")
    return None
