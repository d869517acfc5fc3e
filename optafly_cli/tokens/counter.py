"""How many tokens a text is for a Claude model, without asking anyone: an estimate, its margin, and how it was made."""

from functools import cache
from math import ceil

from optafly_cli.models import Model
from optafly_cli.tokens.corrections import Family, corrections, estimate
from optafly_cli.tokens.kinds import character_features, token_features
from optafly_cli.tokens.table import TableUnavailable, encoder

UNKNOWN_FAMILY = "claude-4.8"
"""Taken for a family that the data file does not have: the newest that was measured."""


class Counter:
    """Counts for one tokenizer family: claude-3, claude-4.7 or claude-4.8.

    `margin`: 95% of the texts that it was checked on were off by less than this fraction (a text of a few words may be
    off by a few tokens). `method`: what was counted with, for people. `frame`: tokens of a request with one user
    message, besides its content. The token table is loaded at the first count; without it, or without
    tiktoken, characters are counted instead, and margin and method say so.
    """

    __slots__ = ("_corrections", "family", "frame")

    def __init__(self, family: str) -> None:
        families = corrections().families
        self._corrections: Family = families.get(family) or families[UNKNOWN_FAMILY]
        self.family = self._corrections.name
        self.frame = self._corrections.frame

    def count(self, text: str, language: str = "") -> int:  # noqa: ARG002 - callers know it, measuring showed no use
        """Tokens of `text` as content: 0 for none, never negative, whatever the text holds.

        What a text is made of is read from its tokens and scripts, so prose, code and a mixture are told apart
        without knowing the `language`; a further factor per language made held-out errors no smaller.
        """
        if not text:
            return 0
        clean = text.encode("utf-8", "replace").decode()
        if _table_problem() is None:
            return ceil(estimate(token_features(clean, self._corrections.row), self._corrections.tokens))
        return ceil(estimate(character_features(clean), self._corrections.characters))

    @property
    def margin(self) -> float:
        """The fraction that a count may be off by, in 95% of cases."""
        return self._corrections.margin if _table_problem() is None else self._corrections.fallback_margin

    @property
    def method(self) -> str:
        """What was counted with, in a few words."""
        what = f"{self.family} corrections of {corrections().date}"
        problem = _table_problem()
        return f"cl100k × {what}" if problem is None else f"characters × {what} ({problem})"


@cache
def _table_problem() -> str | None:
    """Why there are no cl100k tokens to count, None when there are."""
    try:
        encoder()
    except TableUnavailable as error:
        return str(error)
    return None


def counter_for(model: Model) -> Counter:
    """The counter of that model's tokenizer family."""
    return Counter(model.tokenizer)
