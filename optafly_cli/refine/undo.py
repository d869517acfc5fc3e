"""Leaving changes out of a rewrite, by number or by kind."""

import re
from collections.abc import Collection, Iterable
from typing import get_args

from optafly_cli.errors import UsageError
from optafly_cli.refine.result import Change, ChangeKind


def undone_by(changes: Collection[Change], words: Iterable[str]) -> frozenset[str]:
    """The ids of the changes that the words (`3`, `2-8`, `added_context`) mean.

    Raises:
        UsageError: a word is neither a kind nor the number, or the numbers, of changes that can be left out.
    """
    kinds = get_args(ChangeKind)
    found: set[str] = set()
    for word in words:
        if word in kinds:
            found |= {change.id for change in changes if change.kind == word and change.undoable}
            continue
        meant = _numbered(changes, word)
        if not meant:
            remedy = f"give a number from 1 to {len(changes)}, or one of {', '.join(kinds)}"
            if not changes:
                remedy = f"nothing was changed; a kind is one of {', '.join(kinds)}"
            raise UsageError(f"--without {word}: there is no such change", remedy=remedy)
        undoable = {change.id for change in meant if change.undoable}
        if not undoable:
            raise UsageError(
                f"--without {word}: that change cannot be left out by itself",
                remedy="it goes when everything after it is left out",
            )
        found |= undoable
    return frozenset(found)


def numbers(word: str) -> tuple[int, int] | None:
    """The first and the last number that `3` or `2-8` means; None when it is neither."""
    match = re.fullmatch(r"([0-9]{1,6})(?:\s*-\s*([0-9]{1,6}))?", word)
    return (int(match[1]), int(match[2] or match[1])) if match else None


def span(first: int, last: int) -> str:
    """`3` or `2-8`: what `numbers` reads."""
    return f"{first}" if first == last else f"{first}-{last}"


def _numbered(changes: Collection[Change], word: str) -> list[Change]:
    """The changes of these numbers; none unless the first and the last are numbers of changes."""
    meant = numbers(word)
    if meant is None or not {*meant} <= {change.number for change in changes}:
        return []
    return [change for change in changes if meant[0] <= change.number <= meant[1]]
