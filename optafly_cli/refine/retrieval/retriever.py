"""The index as refine asks it: opened when it is first needed, each prompt searched once."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
_TURN_S = 0.000_2


class Retriever:
    """One command's searches in the index of one workspace."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._found: dict[tuple[str, str], Found] = {}

    @cached_property
    def view(self) -> IndexView | None:
        """The index; None where there is none yet."""
        return self._keeper.view()

    def prepare(self, prompt: PromptText) -> None:
        """Open the index, and search what was indexed while git says what has changed since; mostly nothing has."""
        known = self._keeper.unchecked() if "view" not in self.__dict__ else None
        if known is None:
            _ = self.view
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as executor, _quick_switches():
            opening = executor.submit(lambda: self.view)
            found = self._search(query_of(prompt), known)
            view = opening.result()
        if view is not None and view.is_as_indexed:
            self._found[(prompt.text, "")] = found

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
        if "view" not in self.__dict__ and not errors and not piped:
            self.prepare(view)
        if key not in self._found:
            self._found[key] = self._search(query_of(view, errors, piped), self.view)
        return self._found[key]

    def _search(self, query: Query, view: IndexView | None) -> Found:
        if view is None:
            return Found()
        try:
            return find(view, query)
        except (IndexError, KeyError, ValueError) as error:
            # Bits that turned over on the disk: the header is checked when it is opened, the rest is not
            self._keeper.drop(str(error))
            return Found()


@contextmanager
def _quick_switches() -> Iterator[None]:
    """Let a thread that only waits for git have its turn at once, not after five milliseconds."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def units_of_text(query: Query, label: str, lines: Sequence[str], language: str) -> tuple[FoundUnit, ...]:
    """The segments of one file that the user named, best first. Needs no index: the file alone is read."""
    facts = read_facts("\n".join(lines), language, label)
    alone = snapshot([IndexedFile(label, _NO_KEY, facts)], History(), {})
    return find_inside(IndexView(Snapshot(memoryview(alone))), query, [label])
