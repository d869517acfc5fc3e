"""The index of one workspace: opened, brought up to date, built where there is none.

In: a workspace and the folder that indexes are kept in. Out: an `IndexView`, or None where there is none yet, and
sentences for the user. Everything on disk is derived, private, and written aside and renamed.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from optafly_cli.config.private import make_store_folder
from optafly_cli.workspace.git import open_git
from optafly_cli.workspace.index.building import History, IndexedFile, snapshot
from optafly_cli.workspace.index.facts import FileFacts
from optafly_cli.workspace.index.history import read_history
from optafly_cli.workspace.index.keeping import FactsStore
from optafly_cli.workspace.index.layout import Damaged
from optafly_cli.workspace.index.on_disk import IndexFiles
from optafly_cli.workspace.index.outlines import read_facts
from optafly_cli.workspace.index.reading import Snapshot
from optafly_cli.workspace.index.seen import LARGEST, Ahead, Differ, Known, Seen
from optafly_cli.workspace.index.tree import Asking, Read, Tree, ask, git_mark, read_file, tellable, tree_of, tree_told
from optafly_cli.workspace.index.view import IndexView
from optafly_cli.workspace.languages import language_of
from optafly_cli.workspace.secrets import redact, rules_digest
from optafly_cli.workspace.status import Changed, parsed
from optafly_cli.workspace.types import Workspace

FIRST_AT_ONCE = 300
"""A first index of at most so many files is built while the user waits."""
MOST_CHANGED = 48
"""With more changed files than this the snapshot is built anew, in the background."""
MOST_READ = 200
"""So many changed files are read while the user waits; what is changed beyond them is not found until then."""
_BATCH = 50

Waiting = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Says what is being waited for, and how many steps that has; what it gives is told of steps that are done."""


@contextmanager
def in_silence(text: str, total: int) -> Iterator[Callable[[int], object]]:  # noqa: ARG001  (what it is not to say)
    """Wait without saying so."""
    yield lambda _: None


class Keeper:
    """One workspace's index in `folder`.

    `notices`: what the user should know, `changed`: what git says has changed, `pending`: a first index is being built
    beside; all filled by `view`.
    """

    def __init__(self, workspace: Workspace, folder: Path, waiting: Waiting = in_silence) -> None:
        self.workspace = workspace
        self._waiting = waiting
        self.notices: list[str] = []
        self.pending = False
        self.changed: tuple[Changed, ...] | None = None
        self._folder = folder
        self._files = IndexFiles(workspace.root, folder)
        self._facts = FactsStore(folder)
        self._read: dict[str, Read | None] = {}

    def view(self, *, build: bool = True, asking: Asking | None = None) -> IndexView | None:
        """What can be searched now; None where there is no index yet. With `build` one is made, a small one at once.

        `asking`: git was asked before.
        """
        try:
            if build:
                make_store_folder(self._folder)
            base = self._snapshot
            known = self._known(base) if base is not None else None
            if base is None or known is None:
                return self._first(self._told(tree_of(self.workspace, (), asking))) if build else None
            seen = self._files.seen(base)
            marks = (known.mark, seen.mark) if seen is not None else (known.mark,)
            tree = self._told(tree_of(self.workspace, marks, asking))
            differ = _differ(base, known, seen, tree)
            view, overdue = self._updated(base, known, tree, differ)
            if overdue:
                self._files.build_beside()
            self._note(seen, Seen.of(base.meta["token"], tree, differ))
        except OSError as error:
            self.notices.append(f"the workspace index cannot be used: {error.strerror or error}")
            return None
        return view

    def ask(self) -> Asking | None:
        """Have git look what has changed, for `ahead` and `view`; None where it cannot be asked."""
        return ask(self.workspace)

    def ahead(self, asking: Asking) -> Ahead | None:
        """What there is to search if nothing has changed since git was last asked; it is `asking` again meanwhile.

        None where that cannot be known: without an index, or when git's index is another one.
        """
        try:
            base = self._snapshot
            known = self._known(base) if base is not None else None
            seen = self._files.seen(base) if base is not None else None
            if base is None or known is None or seen is None or seen.mark != git_mark(self.workspace):
                return None
            tree = self._told(tree_told(seen.status, seen.mark))
            view, overdue = self._updated(base, known, tree, seen.differ)
        except OSError:
            return None
        return Ahead(view, seen, asking, overdue)

    def holds(self, ahead: Ahead) -> bool:
        """Whether what was searched ahead is what there is. Waits for git."""
        if ahead.holds and ahead.overdue:
            self._files.build_beside()
        return ahead.holds

    def _told(self, tree: Tree) -> Tree:
        self.changed = tree.changed
        return tree

    def _note(self, before: Seen | None, now: Seen) -> None:
        """Keep what git has said for the next time, unless it was the same, or is not to be kept."""
        labels = [one.label for one in parsed(now.status)]
        if now == before or not now.status or len(now.status) > LARGEST or len(tellable(labels)) < len(labels):
            return
        self._files.see(now)

    def view_of(self, label: str) -> IndexView | None:
        """The snapshot for the sake of one file; None unless that is what was indexed. Git is not asked.

        Raises OSError when the snapshot cannot be read.
        """
        base = self._snapshot
        return IndexView(base) if base is not None and self._as_indexed(base, label) is not None else None

    def is_clean(self, label: str, text: str) -> bool:
        """Whether this is the text of the file when it was indexed, and no rule of today's found a secret in it then.

        Raises OSError when the snapshot cannot be read.
        """
        base = self._snapshot
        if base is None or base.meta.get("rules") != rules_digest():
            return False
        file = base.file(label)
        return file is not None and self._as_indexed(base, label) == text and base.is_clean(file)

    def _as_indexed(self, base: Snapshot, label: str) -> str | None:
        """The text of a file that is still what was indexed, else None."""
        file = base.file(label)
        if file is None:
            return None
        if label not in self._read:
            self._read[label] = read_file(self.workspace, label)
        read = self._read[label]
        return None if read is None or bytes.fromhex(read.key) != base.key(file) else read.text

    @cached_property
    def _snapshot(self) -> Snapshot | None:
        return self._mapped()

    def _mapped(self) -> Snapshot | None:
        try:
            return self._files.snapshot()
        except (Damaged, ValueError, KeyError, TypeError) as error:
            self.drop(str(error))
            return None

    def build(self, tree: Tree | None = None) -> bool:
        """Index every file and put the snapshot in place; False when another process is at it.

        Raises OSError when it cannot be written.
        """
        make_store_folder(self._folder)
        with self._files.alone() as alone:
            if alone:
                self._build(tree or tree_of(self.workspace))
        return alone

    def _build(self, tree: Tree) -> None:
        labels = sorted(_labels(tree))
        history = self._history(tree)
        # What was worked on lately first: whoever cannot wait finds that
        labels.sort(key=lambda label: -history.recency.get(label, 0.0))
        files: list[IndexedFile] = []
        with self._waiting("indexing the workspace", len(labels)) as advance:
            for start in range(0, len(labels), _BATCH):
                batch = labels[start : start + _BATCH]
                files += self._indexed(batch, tree.keys or {}, tree.dirty)
                advance(len(batch))
        files.sort(key=lambda one: one.label)
        self._facts.used((one.key.hex(), language_of(one.label)) for one in files)
        self._write(files, history, tree)
        self._files.forget_others()

    def _write(self, files: Sequence[IndexedFile], history: History, tree: Tree) -> None:
        token = os.urandom(8).hex()
        indexed = {one.label for one in files}
        beside = {
            "token": token,
            "mark": tree.mark,
            "head": tree.head,
            "dirty": sorted(tree.dirty),
            "untracked": sorted(one.label for one in tree.changed or () if one.untracked and one.label in tree.dirty),
            # What could not be indexed need not be read every time; without git, sizes and times tell
            "others": {label: key for label, key in (tree.keys or {}).items() if label not in indexed or not tree.head},
        }
        self._files.write(snapshot(files, history, {"token": token, "rules": rules_digest()}), beside)
        self._note(None, Seen.of(token, tree, Differ()))

    def _indexed(self, labels: Iterable[str], given: Mapping[str, str], dirty: Set[str]) -> list[IndexedFile]:
        """These files with their facts, made where they are not known. What cannot be read is not among them.

        `given` are git's hashes of files, which hold for those that are not `dirty`.
        """
        keys: dict[str, str] = {}
        texts: dict[str, str] = {}
        for label in labels:
            key = given.get(label, "")
            if len(key) == 40 and label not in dirty:
                keys[label] = key
            elif (read := read_file(self.workspace, label)) is not None:
                keys[label], texts[label] = read.key, read.text
        known = self._facts.get((key, language_of(label)) for label, key in keys.items())
        made: dict[tuple[str, str], FileFacts] = {}
        found: list[IndexedFile] = []
        for label, key in keys.items():
            pair = (key, language_of(label))
            facts = known.get(pair) or made.get(pair)
            if facts is None:
                text = texts.get(label)
                if text is None:
                    read = read_file(self.workspace, label)
                    if read is None:
                        continue
                    text = read.text
                facts = made[pair] = _facts_of(text, language_of(label), label)
            found.append(IndexedFile(label, bytes.fromhex(key), facts))
        if made:
            self._facts.put(made.items())
        return found

    def _history(self, tree: Tree) -> History:
        git = open_git(self.workspace.root) if tree.head else None
        return read_history(git) if git is not None else History()

    def _known(self, base: Snapshot) -> Known | None:
        """What was written beside the snapshot; None when there is nothing of the kind."""
        try:
            return self._files.known(base)
        except (ValueError, KeyError, TypeError) as error:
            self.drop(str(error))
            return None

    def drop(self, why: str) -> None:
        """Throw away an index that is damaged; the next command builds another."""
        self.notices.append(f"the workspace index was damaged ({why[:80]}) and is built anew")
        self._files.drop()

    def _first(self, tree: Tree) -> IndexView | None:
        count = len(_labels(tree))
        if count <= FIRST_AT_ONCE and self.build(tree=tree):
            base = self._mapped()
            return None if base is None else IndexView(base)
        if count:
            self.pending = True
            self.notices.append(
                f"the workspace index is being built for the first time ({count} files): until it is there, "
                f"only files that the prompt names are found"
            )
            self._files.build_beside()
        return None

    def _updated(self, base: Snapshot, known: Known, tree: Tree, differ: Differ) -> tuple[IndexView, bool]:
        """The snapshot with what differs from it, and whether it is to be made anew: so much does, or our own rules."""
        unsure = tree.dirty | known.dirty | differ.keys.keys()
        # With git's index as it was, what it did not know then is ignored now, or not there
        gone = (differ.gone | (known.untracked if tree.mark == known.mark else frozenset())) - tree.dirty
        indexed = self._indexed(sorted(unsure - gone)[:MOST_READ], differ.keys, tree.dirty)
        now = {one.label: one.key for one in indexed}
        at = {label: file for label in unsure | gone if (file := base.file(label)) is not None}
        stale = frozenset(number for label, number in at.items() if now.get(label) != base.key(number))
        fresh = [one for one in indexed if one.label not in at or at[one.label] in stale]
        overdue = len(fresh) + len(gone) > MOST_CHANGED or (tree.head != known.head and bool(fresh))
        overdue = overdue or base.meta.get("rules") != rules_digest()
        changed = None
        if fresh:
            changed = Snapshot(memoryview(snapshot(fresh, History(), {"token": ""}, base.meta["average"])))
        return IndexView(base, changed, stale), overdue


def _differ(base: Snapshot, known: Known, seen: Seen | None, tree: Tree) -> Differ:
    """How git's index differs from the snapshot; it need not be compared again when it is one that is known."""
    if tree.keys is not None:
        return Differ.between(known.keys(base), tree.keys)
    return seen.differ if seen is not None and seen.mark == tree.mark else Differ()


def _facts_of(text: str, language: str, label: str) -> FileFacts:
    """The facts of a text, which its secrets have no part in."""
    clean = redact(text.removesuffix("\n"))
    end = "\n" if text.endswith("\n") else ""
    return replace(read_facts(clean.text + end, language, label), clean=not clean.kinds)


def _labels(tree: Tree) -> set[str]:
    return {*(tree.keys or ()), *tree.dirty}
