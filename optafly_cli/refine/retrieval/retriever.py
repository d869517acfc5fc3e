"""The index as refine asks it: opened when it is first needed, each prompt searched once."""

from collections.abc import Sequence
from functools import cached_property

from optafly_cli.refine.errors_in_text import ErrorText
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval.find import Found, FoundUnit, find, find_inside
from optafly_cli.refine.retrieval.query import Query, query_of
from optafly_cli.workspace.index.building import History, IndexedFile, snapshot
from optafly_cli.workspace.index.keeper import Keeper
from optafly_cli.workspace.index.outlines import read_facts
from optafly_cli.workspace.index.reading import Snapshot
from optafly_cli.workspace.index.view import IndexView
from optafly_cli.workspace.recent import Recent

_NO_KEY = bytes(20)


class Retriever:
    """One command's searches in the index of one workspace."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._found: dict[tuple[str, str], Found] = {}

    @cached_property
    def view(self) -> IndexView | None:
        """The index; None where there is none yet."""
        return self._keeper.view()

    @property
    def opened(self) -> IndexView | None:
        """The index if it was opened before."""
        found: IndexView | None = self.__dict__.get("view")
        return found

    @property
    def recent(self) -> Recent | None:
        """What the open index knows of what was worked on lately; None where none is open."""
        if self.opened is None or self._keeper.changed is None:
            return None
        return Recent(self._keeper.changed, tuple(self.opened.latest(20)))

    @property
    def notices(self) -> Sequence[str]:
        """What the user should know of the index."""
        return self._keeper.notices

    def inside(self, query: Query, label: str) -> tuple[FoundUnit, ...]:
        """The segments of one file, best first, as they were indexed; () where the file is another one by now."""
        try:
            view = self._keeper.view_of(label)
            return () if view is None else find_inside(view, query, [label])
        except (OSError, IndexError, KeyError, ValueError):
            return ()

    def found(self, view: PromptText, errors: Sequence[ErrorText] = (), piped: str = "") -> Found:
        """What belongs with a prompt, and with what was piped in beside it; nothing where there is no index."""
        key = (view.text, piped)
        if key not in self._found:
            self._found[key] = self._search(query_of(view, errors, piped))
        return self._found[key]

    def _search(self, query: Query) -> Found:
        if self.view is None:
            return Found()
        try:
            return find(self.view, query)
        except (IndexError, KeyError, ValueError) as error:
            # Bits that turned over on the disk: the header is checked when it is opened, the rest is not
            self._keeper.drop(str(error))
            return Found()


def units_of_text(query: Query, label: str, lines: Sequence[str], language: str) -> tuple[FoundUnit, ...]:
    """The segments of one file that the user named, best first. Needs no index: the file alone is read."""
    facts = read_facts("\n".join(lines), language, label)
    alone = snapshot([IndexedFile(label, _NO_KEY, facts)], History(), {})
    return find_inside(IndexView(Snapshot(memoryview(alone))), query, [label])
