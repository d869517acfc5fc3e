"""The names of a workspace as its index knows them: what `symbols.TextSymbols` finds in the text, without reading it.

In: an `IndexView`. Out: as the `Symbols` protocol says. Only what is certain is said: a name that is defined
occurs, one whose terms no file holds does not, of the rest the texts decide, where there is somebody to read them.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from optafly_cli.workspace.ignore import git_names
from optafly_cli.workspace.index.view import IndexView
from optafly_cli.workspace.index.words import terms_of
from optafly_cli.workspace.symbols import Definition, Known, Symbols, is_name, shared_letters
from optafly_cli.workspace.types import Workspace


class IndexSymbols:
    """Names by the index. `skip` are labels that do not count: prompts name things too.

    `text` is asked for the names that no indexed file holds, and for those alike; `read` gives the text of a file, by
    its label. Without them what a name is that the index does not define stays open.
    """

    def __init__(
        self,
        view: IndexView,
        skip: Callable[[str], bool] = lambda _: False,
        text: Symbols | None = None,
        read: Callable[[str], str | None] | None = None,
    ) -> None:
        self._view = view
        self._skip = skip
        self._text = text
        self._read = read
        self._known: dict[str, Known] = {}

    @property
    def exhaustive(self) -> bool:
        """Whether a name that does not occur occurs in no file at all, generated, vendored and large ones included."""
        return self._text is not None and self._text.exhaustive

    def look_up(self, names: Sequence[str]) -> Mapping[str, Known]:
        """What is known of each of the names."""
        new = [name for name in dict.fromkeys(names) if name not in self._known and is_name(name)]
        try:
            self._known |= {name: self._of(name) for name in new}
        except (IndexError, ValueError):
            # Bits that turned over on the disk; whoever searches next finds out, and has it built anew
            self._known |= dict.fromkeys(new, Known())
        open_ones = [name for name in new if not self._known[name].occurs]
        if self._text is not None and open_ones:
            self._known |= self._text.look_up(open_ones)
        return {name: self._known.get(name, Known()) for name in names}

    def alike(self, name: str) -> Sequence[str]:
        """Names that are defined, or that the text has, and begin with its first letters or end with its last ones."""
        if not is_name(name):
            return ()
        if self._text is not None:
            return self._text.alike(name)
        return [one for one in self._view.names_like(*shared_letters(name)) if one != name]

    def _of(self, name: str) -> Known:
        found = [one for one in self._view.named(name) if not self._skip(self._view.labels[one.file])]
        if found:
            # A field of a class is a use of its name as much as a definition
            own = [one for one in found if one.symbol.kind != "constant" or not one.symbol.parent]
            places = sorted((self._view.labels[one.file], one.symbol.header) for one in own)
            return Known(tuple(Definition(label, line) for label, line in places), True)
        terms = [of_it[-1] for word in re.findall(r"\w+", name) if (of_it := terms_of(word))]
        if not terms:
            return Known()
        # Terms are lower-case and stemmed, so that only terms that are nowhere say something
        if not all(map(self._view.holds, terms)):
            return Known((), False)
        return Known((), True if self._is_used(name, terms) else None)

    def _is_used(self, name: str, terms: Sequence[str]) -> bool:
        """Whether the name stands in one of the files that have its terms."""
        if self._read is None:
            return False
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        texts = (self._read(label) for label in self._view.holding(terms) if not self._skip(label))
        return any(text is not None and word.search(text) for text in texts)


def unindexed(workspace: Workspace, view: IndexView, most: int = 1_000) -> list[str] | None:
    """The files of the workspace that are not in its index; None when they are more than `most`, or not known."""
    names = git_names(workspace)
    if names is None:
        return None
    known = {view.labels[file] for file in view.files}
    found = [name for name in names if name not in known]
    return found if len(found) <= most else None
