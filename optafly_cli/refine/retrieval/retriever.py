"""The index as refine asks it: opened when it is first needed, each prompt searched once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from optafly_cli.refine.errors_in_text import ErrorText
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval.find import Found, FoundUnit, find_files, find_inside, with_units
from optafly_cli.refine.retrieval.query import Query, query_of
from optafly_cli.workspace.index.building import History, IndexedFile, snapshot
from optafly_cli.workspace.index.keeper import Keeper
from optafly_cli.workspace.index.outlines import read_facts
from optafly_cli.workspace.index.reading import Snapshot
from optafly_cli.workspace.index.seen import Ahead
from optafly_cli.workspace.index.tree import Asking
from optafly_cli.workspace.index.view import IndexView
from optafly_cli.workspace.recent import Recent

_NO_KEY = bytes(20)
Done = TypeVar("Done")


class Retriever:
    """One command's searches in the index of one workspace."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._files: dict[tuple[str, str], Found] = {}
        self._found: dict[tuple[str, str], Found] = {}
        self._view: IndexView | None = None
        self._known = self._opened = self._may_be_ahead = False
        self._asking: Asking | None = None
        self._ahead: Ahead | None = None

    def settled(self, work: Callable[[], Done]) -> Done:
        """What `work` comes to in the workspace as it is. It must change nothing, and may be done twice.

        When it opens the index, git is asked what has changed since it was last asked, and not waited for: mostly
        nothing has, and then `work` is right when it is done; else it is done again.
        """
        if self._known or self._may_be_ahead:
            return work()
        self._may_be_ahead = True
        try:
            done = work()
            if self._ahead is None or self._keeper.holds(self._ahead):
                return done
            self._view = self._keeper.view(asking=self._ahead.asking)
            # As if nothing had been looked at: what is asked before the index is opened is answered without it
            self._opened, self._ahead = False, None
            self._files.clear()
            self._found.clear()
            return work()
        finally:
            self._may_be_ahead = False
            if self._asking is not None:
                self._asking.started.stop()
                self._asking = None

    def ask(self) -> None:
        """Have git look what has changed before the index is opened, which it will be: what is done until then costs
        no time.
        """
        if self._may_be_ahead and not self._known and self._asking is None:
            self._asking = self._keeper.ask()

    @property
    def view(self) -> IndexView | None:
        """The index; None where there is none yet. It is opened, unless it is."""
        if not self._known:
            self.ask()
            self._ahead = None if self._asking is None else self._keeper.ahead(self._asking)
            self._view = self._keeper.view(asking=self._asking) if self._ahead is None else self._ahead.view
            self._known = True
        self._opened = True
        return self._view

    @property
    def opened(self) -> IndexView | None:
        """The index if it was opened before."""
        return self._view if self._opened else None

    @property
    def recent(self) -> Recent | None:
        """What the open index knows of what was worked on lately; None where none is open."""
        if self.opened is None or self._keeper.changed is None:
            return None
        return Recent(self._keeper.changed, tuple(self.opened.latest(20)))

    @property
    def pending(self) -> bool:
        """Whether the index was asked for and is being built for the first time: later more will be found."""
        return self._keeper.pending

    @property
    def notices(self) -> Sequence[str]:
        """What the user should know of the index."""
        return self._keeper.notices

    def is_clean(self, label: str, text: str) -> bool:
        """Whether it was seen, when this very text was indexed, that no rule finds a secret in it."""
        try:
            return self._keeper.is_clean(label, text)
        except (OSError, IndexError, KeyError, ValueError):
            return False

    def inside(self, query: Query, label: str) -> tuple[FoundUnit, ...]:
        """The segments of one file, best first, as they were indexed; () where the file is another one by now."""
        try:
            view = self._keeper.view_of(label)
            return () if view is None else find_inside(view, query, [label])
        except (OSError, IndexError, KeyError, ValueError):
            return ()

    def files(self, view: PromptText) -> Found:
        """The files that belong with a prompt, without their segments; nothing where there is no index."""
        key = (view.text, "")
        return self._files[key] if key in self._files else self._ranked(key, query_of(view))

    def found(self, view: PromptText, errors: Sequence[ErrorText] = (), piped: str = "") -> Found:
        """What belongs with a prompt, and with what was piped in beside it; nothing where there is no index."""
        key = (view.text, piped)
        if key not in self._found:
            query = query_of(view, errors, piped)
            files = self._files[key] if key in self._files else self._ranked(key, query)
            self._found[key] = self._search(lambda index: with_units(index, query, files)) if files.files else files
        return self._found[key]

    def _ranked(self, key: tuple[str, str], query: Query) -> Found:
        found = self._files[key] = self._search(lambda index: find_files(index, query))
        return found

    def _search(self, find: Callable[[IndexView], Found]) -> Found:
        if self.view is None:
            return Found()
        try:
            return find(self.view)
        except (IndexError, KeyError, ValueError) as error:
            # Bits that turned over on the disk: the header is checked when it is opened, the rest is not
            self._keeper.drop(str(error))
            return Found()


def units_of_text(query: Query, label: str, lines: Sequence[str], language: str) -> tuple[FoundUnit, ...]:
    """The segments of one file that the user named, best first. Needs no index: the file alone is read."""
    facts = read_facts("\n".join(lines), language, label)
    alone = snapshot([IndexedFile(label, _NO_KEY, facts)], History(), {})
    return find_inside(IndexView(Snapshot(memoryview(alone))), query, [label])
