"""What was worked on lately.

In: a workspace. Out: recent edits, and the file that the user is most likely looking at. From git and the times of
modification; only names come out, and only of files that may be sent.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


def active_file(workspace: Workspace) -> str | None:
    """The label of the text file that was modified last: tracked, not denied, not dull. Without git, of all.

    With very many tracked files, the latest of the dirty and recently committed ones.
    """
    if workspace.kind == "git" and (tracked := _tracked(workspace)) is not None:
        return _latest_text(workspace, _by_time(workspace, tracked))
    return _latest_text(workspace, {name: one.st_mtime_ns for name, one in listed_sizes(workspace, 5000).items()})


def _by_time(workspace: Workspace, names: Iterable[str]) -> dict[str, int]:
    """When each of the files was modified, as far as they are there; nothing else is asked of so many."""
    found = {}
    begin = f"{workspace.root}/"
    lstat = os.lstat
    for name in names:
        # Thousands of times, so as plainly as can be
        try:
            found[name] = lstat(begin + name).st_mtime_ns
        except (OSError, ValueError):
            continue
    return found


def _latest_text(workspace: Workspace, times: Mapping[str, int]) -> str | None:
    links: dict[str, bool] = {}
    latest = sorted(times, key=lambda name: (-times[name], name))
    candidates = (name for name in latest if _candidate(workspace, name, links) is not None)
    return next((name for name in islice(candidates, _MOST_READ) if _is_text(workspace, name)), None)


def _tracked(workspace: Workspace) -> Iterable[str] | None:
    from optafly_cli.workspace.git import git

    listed = git(workspace.root, "ls-files", "-z")
    if listed is None:
        return None
    names = listed.split(b"\0")
    if len(names) > _MOST_TRACKED:
        return [edit.label for edit in recent_edits(workspace, 200) if edit.state != "untracked"]
    return [os.fsdecode(name) for name in names if name]


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
