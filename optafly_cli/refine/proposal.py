"""A rewrite that the user is asked about, and what he may still change of it: answers, and single changes left out.

Nothing here asks or reads: how a rewrite is made, and how a place becomes a file, is handed in.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from optafly_cli.refine.result import Answer, Change, Question, RefinedPrompt
from optafly_cli.workspace.types import NamedFile

Make = Callable[[Sequence[NamedFile], Sequence[Answer], Collection[str]], RefinedPrompt]
"""The rewrite with these files named besides, with these answers, and without the changes of these ids."""
Read = Callable[[str], Sequence[NamedFile]]
"""The files that a place ("src/main.rs:12") names; none when it names nothing that may be sent."""


@dataclass(frozen=True)
class Proposal:
    """A rewrite as it stands. Every method gives another one; `without` holds ids of changes."""

    refined: RefinedPrompt
    make: Make
    read: Read
    files: tuple[NamedFile, ...] = ()
    answers: tuple[Answer, ...] = ()
    without: frozenset[str] = frozenset()

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes in order of their numbers, those that are left out as well."""
        return tuple(sorted((*self.refined.changes, *self.refined.undone), key=lambda change: change.number))

    def is_undone(self, change: Change) -> bool:
        """Whether the change is left out."""
        return change in self.refined.undone

    def toggled(self, first: int, last: int | None = None) -> "Proposal | None":
        """With the change of that number, or those from `first` to `last`, left out; back again when all of them were.

        None when there is none, or when they hang on others.
        """
        wanted = [one for one in self.changes if first <= one.number <= (last or first) and one.undoable]
        present = {one.id for one in wanted if not self.is_undone(one)}
        back = {one.id for one in wanted} & self.without
        if not (present or back):
            return None
        return self._made(replace(self, without=self.without | present if present else self.without - back))

    def answered(self, question: Question, text: str) -> "Proposal":
        """With what the user said: a place, where one was asked for, is named; everything else is kept as said."""
        files = self.read(text) if question.choices else ()
        if files:
            return self._made(replace(self, files=(*self.files, *files)))
        return self._made(replace(self, answers=(*self.answers, Answer(question, text))))

    def _made(self, wanted: "Proposal") -> "Proposal":
        return replace(wanted, refined=self.make(wanted.files, wanted.answers, wanted.without))
