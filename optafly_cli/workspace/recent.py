"""What was edited lately, and the file that is probably being worked on.

In: a workspace. Out: labels, the latest first; denied and dull files are never among them.
"""

import os
from collections.abc import Iterator
from typing import Literal

from optafly_cli.workspace.git import open_git
from optafly_cli.workspace.ignore import (
    SELECTION_LIMIT,
    deny_reason,
    dull_reason,
    is_utf8,
    listed_sizes,
    plain_status,
)
from optafly_cli.workspace.status import Changed, changed_files
from optafly_cli.workspace.types import RecentEdit, Workspace

COMMITS = 20


def recent_edits(workspace: Workspace, limit: int = 10) -> tuple[RecentEdit, ...]:
    """At most `limit` files: those with changes not committed, by time of change, then those of the last commits."""
    found: dict[str, RecentEdit] = {}
    for change in _by_time(workspace, changed_files(workspace) or ()):
        found.setdefault(change.label, RecentEdit(change.label, _state(change)))
    if len(found) < limit:
        for label in _committed(workspace):
            found.setdefault(label, RecentEdit(label, "committed"))
    return tuple(found.values())[:limit]


def active_file(workspace: Workspace) -> str | None:
    """The tracked text file that was modified last, None when there is none. Without git: any file that may be sent."""
    links: dict[str, bool] = {}
    dirty = [change for change in changed_files(workspace) or () if not change.untracked]
    for change in _by_time(workspace, dirty):
        if _is_text(workspace, change.label):
            return change.label
    tracked = _tracked(workspace)
    if tracked is None:
        latest = sorted(listed_sizes(workspace).items(), key=lambda item: (-item[1].st_mtime_ns, item[0]))
        names = [label for label, _ in latest]
    else:
        times = [
            (status.st_mtime_ns, label) for label in tracked if (status := plain_status(workspace.root, label, links))
        ]
        names = [label for _, label in sorted(times, key=lambda item: (-item[0], item[1]))]
    return next((label for label in names[:200] if _is_text(workspace, label)), None)


def _by_time(workspace: Workspace, changes: "tuple[Changed, ...] | list[Changed]") -> Iterator[Changed]:
    links: dict[str, bool] = {}
    dated = []
    for change in changes:
        status = plain_status(workspace.root, change.label, links) if _may_be_selected(change.label) else None
        if status is not None and status.st_size <= SELECTION_LIMIT:
            dated.append((-status.st_mtime_ns, change.label, change))
    yield from (change for _, _, change in sorted(dated, key=lambda item: item[:2]))


def _state(change: Changed) -> Literal["modified", "staged", "untracked"]:
    if change.untracked:
        return "untracked"
    return "modified" if change.worktree else "staged"


def _may_be_selected(label: str) -> bool:
    return deny_reason(label) is None and dull_reason(label) is None


def _committed(workspace: Workspace) -> Iterator[str]:
    git = open_git(workspace.root) if workspace.kind == "git" else None
    listed = git.run("log", f"-n{COMMITS}", "--name-only", "--format=", "-z", "--no-renames") if git else None
    links: dict[str, bool] = {}
    for name in (listed or b"").split(b"\0"):
        label = os.fsdecode(name).strip("\n")
        if label and is_utf8(label) and _may_be_selected(label) and plain_status(workspace.root, label, links):
            yield label


def _tracked(workspace: Workspace) -> list[str] | None:
    git = open_git(workspace.root) if workspace.kind == "git" else None
    listed = git.run("ls-files", "--cached", "-z") if git else None
    if listed is None:
        return None
    names = (os.fsdecode(name) for name in listed.split(b"\0") if name)
    return [name for name in names if is_utf8(name) and _may_be_selected(name)]


def _is_text(workspace: Workspace, label: str) -> bool:
    try:
        with (workspace.root / label).open("rb") as file:
            return b"\0" not in file.read(4096)
    except OSError:
        return False
