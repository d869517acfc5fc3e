"""What was worked on lately.

In: a workspace. Out: recent edits, and the file that the user is most likely looking at. From git and the times of
modification; only names come out, and only of files that may be sent.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop
from itertools import islice
from typing import Literal

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

# Above so many tracked files, only dirty and recently committed ones are looked at.
_MOST_TRACKED = 20_000
_COMMITS = 20
_MOST_READ = 50


@dataclass(frozen=True, slots=True)
class Recent:
    """What somebody has asked git before: what differs from HEAD, and the files that commits changed last."""

    changes: tuple[Changed, ...]
    committed: tuple[str, ...]


def recent_edits(workspace: Workspace, limit: int = 10, known: Recent | None = None) -> tuple[RecentEdit, ...]:
    """Files that differ from HEAD, latest first, then those of the latest commits; at most `limit`, () without git.

    Deleted, denied and generated files are none. Git is asked for what is not `known`.
    """
    changes = known.changes if known else changed_files(workspace)
    if changes is None:
        return ()
    links: dict[str, bool] = {}
    dirty: list[tuple[int, str, Literal["modified", "staged", "untracked"]]] = []
    for change in changes:
        found = _candidate(workspace, change.label, links)
        if found is not None:
            state: Literal["modified", "staged", "untracked"] = (
                "untracked" if change.untracked else "modified" if change.worktree else "staged"
            )
            dirty.append((-found.st_mtime_ns, change.label, state))
    edits = {name: RecentEdit(name, state) for _, name, state in sorted(dirty)[:limit]}
    if len(edits) < limit:
        for name in known.committed if known else _committed(workspace):
            if len(edits) >= limit:
                break
            if name not in edits and _candidate(workspace, name, links) is not None:
                edits[name] = RecentEdit(name, "committed")
    return tuple(edits.values())


def tracked_files(workspace: Workspace) -> list[bytes] | None:
    """The names of the files that git tracks, as it gives them; None without git."""
    from optafly_cli.workspace.git import git

    listed = git(workspace.root, "ls-files", "-z") if workspace.kind == "git" else None
    return None if listed is None else listed.split(b"\0")[:-1]


def active_file(workspace: Workspace, tracked: Sequence[bytes] | None = None) -> str | None:
    """The label of the text file that was modified last: tracked, not denied, not dull. Without git, of all.

    With very many tracked files, the latest of the dirty and recently committed ones. Git is asked for what is
    `tracked` unless that is known.
    """
    tracked = tracked_files(workspace) if tracked is None else tracked
    if tracked is None:
        sizes = listed_sizes(workspace, 5000)
        return _latest_text(workspace, [(-one.st_mtime_ns, os.fsencode(name)) for name, one in sizes.items()])
    if len(tracked) >= _MOST_TRACKED:
        edits = recent_edits(workspace, 200)
        tracked = [os.fsencode(edit.label) for edit in edits if edit.state != "untracked"]
    return _latest_text(workspace, _by_time(workspace, tracked))


def _by_time(workspace: Workspace, names: Iterable[bytes]) -> list[tuple[int, bytes]]:
    """The files as far as they are there, each behind the time of its modification, the latest being the least."""
    found = []
    lstat = os.lstat
    try:
        root = os.open(workspace.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        for name in names:
            # Thousands of times, so as plainly as can be
            try:
                found.append((-lstat(name, dir_fd=root).st_mtime_ns, name))
            except (OSError, ValueError):
                continue
    finally:
        os.close(root)
    return found


def _latest_text(workspace: Workspace, times: list[tuple[int, bytes]]) -> str | None:
    """The first that will do; `times` are lost."""
    links: dict[str, bool] = {}
    # Of thousands the first few are looked at
    heapify(times)
    latest = (os.fsdecode(heappop(times)[1]) for _ in range(len(times)))
    candidates = (name for name in latest if _candidate(workspace, name, links) is not None)
    return next((name for name in islice(candidates, _MOST_READ) if _is_text(workspace, name)), None)


def _committed(workspace: Workspace) -> list[str]:
    """Names of the files that the latest commits changed, latest first."""
    from optafly_cli.workspace.git import git

    options = (f"--max-count={_COMMITS}", "--format=", "--name-only", "--no-renames", "--diff-filter=AM", "-z")
    output = git(workspace.root, "log", *options) or b""
    return [os.fsdecode(name) for part in output.split(b"\0") if (name := part.strip(b"\n"))]


def _candidate(workspace: Workspace, name: str, links: dict[str, bool]) -> os.stat_result | None:
    if not is_utf8(name) or deny_reason(name) is not None or dull_reason(name) is not None:
        return None
    found = plain_status(workspace.root, name, links)
    return found if found is not None and found.st_size <= SELECTION_LIMIT else None


def _is_text(workspace: Workspace, name: str) -> bool:
    try:
        descriptor = os.open(workspace.root / name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        start = os.read(descriptor, 8192)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return b"\0" not in start or start.startswith((b"\xff\xfe", b"\xfe\xff"))
