"""Leaving single changes out of a rewrite, by number or by kind."""

from collections.abc import Collection, Iterable
from typing import get_args

from optafly_cli.errors import UsageError
from optafly_cli.refine.result import Change, ChangeKind


def undone_by(changes: Collection[Change], words: Iterable[str]) -> frozenset[str]:
    """The ids of the changes that the words (`3`, `added_context`) mean.

    Raises:
        UsageError: a word is neither a kind nor the number of a change that can be left out.
    """
    by_number = {str(change.number): change for change in changes}
    kinds = get_args(ChangeKind)
    found: set[str] = set()
    for word in words:
        if word in kinds:
            found |= {change.id for change in changes if change.kind == word and change.undoable}
        elif (change := by_number.get(word)) is None:
            remedy = f"give a number from 1 to {len(changes)}, or one of {', '.join(kinds)}"
            if not changes:
                remedy = f"nothing was changed; a kind is one of {', '.join(kinds)}"
            raise UsageError(f"--without {word}: there is no such change", remedy=remedy)
        elif not change.undoable:
            raise UsageError(
                f"--without {word}: that change cannot be left out by itself",
                remedy="it goes when everything after it is left out",
            )
        else:
            found.add(change.id)
    return frozenset(found)
