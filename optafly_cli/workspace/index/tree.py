"""Which files there are to be indexed, and which of them a snapshot no longer knows.

In: a workspace, and what was written beside its snapshot. Out: a `Tree`. With git from `git status` and the time stamp
of git's own index; `git ls-files -s` only when that has changed. Without git from a walk and times of modification.
"""

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from optafly_cli.workspace.git import Git, Started, open_git
from optafly_cli.workspace.ignore import (
    SELECTION_LIMIT,
    deny_reason,
    dull_reason,
    is_utf8,
    listed_sizes,
    plain_status,
)
from optafly_cli.workspace.index.classes import class_of
from optafly_cli.workspace.secrets import redact
from optafly_cli.workspace.sources import decode
from optafly_cli.workspace.status import Changed, parsed, status_begun
from optafly_cli.workspace.types import Workspace

MOST_FILES = 20_000
_DATA_LIMIT = 64 * 1024
_LISTING_CAP = 256 * 1024 * 1024
_USELESS = (".po", ".pot", ".svg", ".csv", ".tsv", ".jsonl", ".ndjson", ".geojson", ".srt", ".pgn", ".dic", ".aff")


@dataclass(frozen=True, slots=True)
class Tree:
    """The files as they are. `head` is the commit; `dirty` the labels of which only their content tells.

    `changed` is all that git says of what differs from HEAD, None without git; `status` how it says it.
    `keys` has for each label git's hash of it, without git its size and time; None: as when `mark` was last the same.
    """

    keys: Mapping[str, str] | None
    dirty: frozenset[str]
    head: str
    mark: str
    changed: tuple[Changed, ...] | None = None
    status: bytes = b""


@dataclass(frozen=True)
class Asking:
    """Git, asked what has changed, and not waited for yet."""

    workspace: Workspace
    git: Git
    started: Started

    @cached_property
    def output(self) -> bytes | None:
        """What it says, None when it fails. Waits for it."""
        return self.started.output()

    @cached_property
    def mark(self) -> str:
        """What git's index is told by, once it has answered."""
        return git_mark(self.workspace)


@dataclass(frozen=True, slots=True)
class Read:
    """A file's text, LF line ends, and git's hash of its bytes (40 hex digits)."""

    text: str
    key: str


def ask(workspace: Workspace) -> Asking | None:
    """Have git look what has changed; None where it cannot be asked."""
    git = open_git(workspace.root) if workspace.kind == "git" else None
    return None if git is None else Asking(workspace, git, status_begun(git))


def tree_of(workspace: Workspace, known_marks: Collection[str] = (), asking: Asking | None = None) -> Tree:
    """The workspace's files now. Where one of the `known_marks` still holds, they are not listed.

    `asking`: git was asked before.
    """
    asking = asking or ask(workspace)
    if asking is None or asking.output is None:
        return _walked(workspace, known_marks)
    told = tree_told(asking.output, asking.mark)
    return told if told.mark and told.mark in known_marks else replace(told, keys=_tracked(asking.git))


def tree_told(status: bytes, mark: str) -> Tree:
    """What git's status says of the files, which are those of the index with that mark."""
    head = next((one[13:].decode() for one in status.split(b"\0") if one.startswith(b"# branch.oid ")), "")
    changed = tuple(parsed(status))
    unsure = [one.label for one in changed if (one.worktree or one.untracked) and _wanted(one.label)]
    return Tree(None, frozenset(tellable(unsure)), head, mark, changed, status)


def read_file(workspace: Workspace, label: str) -> Read | None:
    """The file as it is on disk; None where it is none that may be indexed: gone, a link, binary, too large."""
    status = plain_status(workspace.root, label, {})
    limit = _DATA_LIMIT if class_of(label) == "data" else SELECTION_LIMIT
    if status is None or status.st_size > limit:
        return None
    try:
        descriptor = os.open(workspace.root / label, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        with open(descriptor, "rb") as file:  # noqa: PTH123  (a descriptor, not a path)
            data = file.read(limit + 1)
    except OSError:
        return None
    text, _ = decode(data)
    if len(data) > limit or "\0" in text:
        return None
    return Read(text, hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest())


def _tracked(git: Git) -> dict[str, str]:
    listed = git.run("ls-files", "-s", "-z", cap=_LISTING_CAP) or b""
    found: dict[str, str] = {}
    for record in listed.split(b"\0"):
        details, _, name = record.partition(b"\t")
        if not details.startswith(b"100"):
            continue
        label = os.fsdecode(name)
        if _wanted(label):
            found[label] = details[7:47].decode()
    return _limited({label: found[label] for label in tellable([*found])})


def _walked(workspace: Workspace, known_marks: Collection[str]) -> Tree:
    found = {
        label: f"{status.st_size}:{status.st_mtime_ns}"
        for label, status in listed_sizes(workspace, MOST_FILES * 2).items()
        if _wanted(label)
    }
    found = _limited({label: found[label] for label in tellable([*found])})
    stamps = "\0".join(f"{label}\0{stamp}" for label, stamp in found.items())
    mark = hashlib.sha256(stamps.encode("utf-8", "replace")).hexdigest()
    return Tree(None if mark in known_marks else found, frozenset(), "", mark)


def _limited(found: dict[str, str]) -> dict[str, str]:
    """At most `MOST_FILES`, code before the rest."""
    if len(found) <= MOST_FILES:
        return found
    order = ("code", "test", "doc", "data")
    kept = sorted(found, key=lambda label: (order.index(class_of(label)), label))[:MOST_FILES]
    return {label: found[label] for label in sorted(kept)}


def _wanted(label: str) -> bool:
    return (
        is_utf8(label)
        and not label.lower().endswith(_USELESS)
        and deny_reason(label) is None
        and dull_reason(label) is None
    )


def tellable(labels: list[str]) -> list[str]:
    """Those without a secret in the name itself: what is indexed is kept, and shown."""
    if not labels or not redact("\n".join(labels)).kinds:
        return labels
    return [label for label in labels if not redact(label).kinds]


def git_mark(workspace: Workspace) -> str:
    """What changes when git's index is written; "" when it cannot be found."""
    folder = workspace.root / ".git"
    try:
        if folder.is_file():
            folder = workspace.root / os.fsdecode(folder.read_bytes()[8:4096].strip())
        status = (folder / "index").stat()
    except (OSError, ValueError):
        return ""
    return f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
