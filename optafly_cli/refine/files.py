"""The workspace as refine sees it: does a path exist, may its text be used, what is in it. Reads each file once."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.errors import FileProblem
from optafly_cli.refine.errors_in_text import ErrorText, find_errors
from optafly_cli.refine.prompt_files import is_prompt_file
from optafly_cli.refine.redacted import Redacted, redacted
from optafly_cli.workspace.languages import language_of
from optafly_cli.workspace.types import RecentEdit, SourceText, Workspace

if TYPE_CHECKING:
    from optafly_cli.refine.retrieval.retriever import Retriever
    from optafly_cli.workspace.index.view import IndexView
    from optafly_cli.workspace.symbols import Symbols

NO_CODE = frozenset(
    ("", "markdown", "rst", "latex", "asciidoc", "json", "yaml", "toml", "ini", "xml", "html", "css", "diff")
)
"""Languages of files that hold no code."""


class WorkspaceFiles:
    """Look-ups in one workspace. Labels are paths relative to its root, with forward slashes.

    `patience_s`: how long a search for names may take. `index` opens what spares such a search where it is certain.
    """

    def __init__(
        self,
        workspace: Workspace,
        retriever: "Retriever | None" = None,
        *,
        patience_s: float = 1.0,
        index: "Callable[[], IndexView | None]" = lambda: None,
    ) -> None:
        self.workspace = workspace
        self.retriever = retriever
        self._patience_s = patience_s
        self._open_index = index
        self._root = workspace.root.resolve()
        self._sources: dict[str, SourceText | None] = {}
        self._redacted: dict[str, Redacted] = {}
        self._errors: dict[str, tuple[ErrorText, ...]] = {}
        self._git_lists: dict[str, bool] = {}
        self._tracked: frozenset[bytes] = frozenset()

    def exists(self, path: str) -> bool:
        """Whether a file or folder of that name is in the workspace, or an absolute path exists anywhere."""
        try:
            return (self._root / path).exists()
        except (OSError, ValueError):
            return False

    def outside(self, path: str) -> bool:
        """Whether the path leads out of the workspace, by itself or through a link."""
        try:
            return not (self._root / path).resolve().is_relative_to(self._root)
        except (OSError, ValueError, RuntimeError):
            return True

    def label(self, path: str) -> str | None:
        """The label of the one file that a path means; None when there is no such file or more than one.

        A path that is not there as it stands is tried as the end of the listed files' paths.
        """
        if self.outside(path):
            return None
        # Normalised, not resolved: what a link inside the tree points to has another label
        candidate = Path(os.path.normpath(self._root / path))
        if candidate.is_file():
            for root in (self._root, self.workspace.root):
                if candidate.is_relative_to(root):
                    return candidate.relative_to(root).as_posix()
            return None
        matches = self.matches(path)
        return matches[0] if len(matches) == 1 else None

    def matches(self, path: str) -> list[str]:
        """The listed files whose path ends with `path`, whole components only."""
        tail = path.replace("\\", "/").removeprefix("./").lstrip("/")
        if not tail or tail.startswith("../"):
            return []
        name = tail.rsplit("/", 1)[-1]
        return [one for one in self._by_name.get(name, ()) if one == tail or one.endswith("/" + tail)]

    def labels(self) -> Iterator[str]:
        """The listed files."""
        yield from self._labels

    @cached_property
    def symbols(self) -> "Symbols":
        """The names that the workspace defines and uses; what prompts say does not count.

        With a retriever its index says them, if it is open: a search through the text takes longer than all the rest.
        """
        from optafly_cli.workspace.symbols import NoSymbols, TextSymbols

        if self.retriever is not None:
            index = self.retriever.opened
            if index is None:
                return NoSymbols()
            from optafly_cli.workspace.index.names import IndexSymbols

            return IndexSymbols(index, is_prompt_file)
        index = self._open_index() if self.workspace.kind == "git" else None
        if index is None:
            return TextSymbols(self.workspace, is_prompt_file, self._patience_s)
        from optafly_cli.workspace.index.names import IndexSymbols, unindexed

        rest = TextSymbols(self.workspace, is_prompt_file, self._patience_s, unindexed(self.workspace, index))
        return IndexSymbols(index, is_prompt_file, rest, self._text)

    def _text(self, label: str) -> str | None:
        source = self.source(label)
        return None if source is None else source.text

    @cached_property
    def is_empty(self) -> bool:
        """Whether the workspace is a folder without anything in it, or cannot be read."""
        try:
            return next(self._root.iterdir(), None) is None
        except OSError:
            return True

    @cached_property
    def has_code(self) -> bool:
        """Whether there is a source file: without one, a name that is not there says nothing."""
        return any(language_of(label) not in NO_CODE for label in self.labels() if not is_prompt_file(label))

    def is_plain(self, label: str) -> bool:
        """Whether there is a regular file of that label in the workspace, reached without a link."""
        from optafly_cli.workspace.ignore import plain_status

        return not self.outside(label) and plain_status(self.workspace.root, label, {}) is not None

    @cached_property
    def active(self) -> str | None:
        """The label of the file that was modified last."""
        from optafly_cli.workspace.recent import active_file, tracked_files

        tracked = tracked_files(self.workspace)
        self._tracked = frozenset(tracked or ())
        return active_file(self.workspace, tracked)

    @property
    def in_git(self) -> bool:
        """Whether the workspace is a repository, and git is there to be asked about it."""
        return self.workspace.kind == "git" and self.workspace.has_git

    @cached_property
    def has_changes(self) -> bool:
        """Whether git says that a tracked file was changed, staged or not."""
        from optafly_cli.workspace.status import changed_files

        if not self.in_git:
            return False
        return any(not change.untracked for change in changed_files(self.workspace) or ())

    def edits(self, most: int) -> tuple[RecentEdit, ...]:
        """What was worked on lately, as far as an open index knows it, else as git does."""
        from optafly_cli.workspace.recent import recent_edits

        return recent_edits(self.workspace, most, self.retriever.recent if self.retriever else None)

    def refusal(self, label: str) -> str | None:
        """Why the text of a file that the user did not name may not be used; None when it may."""
        from optafly_cli.workspace.ignore import deny_reason

        if not self.is_plain(label):
            return "it is outside the workspace or reached through a link"
        reason = deny_reason(label)
        if reason is None and not self._listed(label):
            reason = "git ignores it"
        return reason

    def source(self, label: str) -> SourceText | None:
        """The file's text; None when it cannot be read as text."""
        if label not in self._sources:
            from optafly_cli.workspace.sources import read_source

            try:
                self._sources[label] = read_source(self._root / label)
            except FileProblem:
                self._sources[label] = None
        return self._sources[label]

    def redacted(self, label: str, source: SourceText) -> Redacted:
        """The file's lines with secrets taken out."""
        if label not in self._redacted:
            clean = self.retriever is not None and self.retriever.is_clean(label, source.text)
            self._redacted[label] = redacted(source.lines, clean=clean)
        return self._redacted[label]

    def errors(self, label: str) -> tuple[ErrorText, ...]:
        """The error texts in a file that was redacted before, as people leave them in comments and logs."""
        if label not in self._errors:
            known = self._redacted.get(label)
            self._errors[label] = find_errors("\n".join(known.lines)) if known else ()
        return self._errors[label]

    def _listed(self, label: str) -> bool:
        if not self.in_git:
            return label in self._by_name.get(label.rsplit("/", 1)[-1], ())
        if label not in self._git_lists:
            self.ask_git([label])
        return self._git_lists[label]

    def ask_git(self, labels: Sequence[str]) -> None:
        """Have git say of all of these at once whether it lists them, so that `refusal` need not ask for each."""
        from optafly_cli.workspace.git import git

        if not self.in_git:
            return
        # It may have said all that it tracks before
        self._git_lists |= {label: True for label in labels if os.fsencode(label) in self._tracked}
        unknown = [label for label in labels if label not in self._git_lists]
        if unknown:
            options = ("--cached", "--others", "--exclude-standard", "-z")
            listed = git(self.workspace.root, "ls-files", *options, "--", *unknown) or b""
            found = {os.fsdecode(name) for name in listed.split(b"\0")}
            self._git_lists |= {label: label in found for label in unknown}

    @property
    def _index(self) -> "IndexView | None":
        """The index, if it is open."""
        return self.retriever.opened if self.retriever is not None else None

    @cached_property
    def _labels(self) -> Sequence[str]:
        from optafly_cli.workspace.ignore import listed_files

        # An index that is open knows the files; listing them again takes longer than searching
        index = self._index
        return listed_files(self.workspace) if index is None else [index.labels[file] for file in index.files]

    @cached_property
    def _by_name(self) -> dict[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for label in self._labels:
            found.setdefault(label.rsplit("/", 1)[-1], []).append(label)
        return dict(found)
