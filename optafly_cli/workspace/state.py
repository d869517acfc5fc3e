"""A digest that changes when anything that could be selected from the workspace changes.

In: a workspace. Out: SHA-256 hex. The cache serves an answer drawn from selected files only while this stands still.
"""

import hashlib
import os
from pathlib import Path

from optafly_cli.workspace.ignore import listed_sizes, plain_status
from optafly_cli.workspace.recent import active_file
from optafly_cli.workspace.status import parsed, status_output
from optafly_cli.workspace.types import Workspace

# Of dirty files, so many bytes are read in all; what is over it is told by size and time of modification.
READ_CAP = 64 * 1024 * 1024


def workspace_state(workspace: Workspace) -> str:
    """SHA-256 hex over HEAD, the index, the active file, and the dirty and untracked files that are not ignored.

    Of these the contents, and their order by time of modification.

    Without git: over path, size and time of modification of every listed file. Reading does not change it. Ignored
    files do not count, nor what git was told to overlook (assume-unchanged) or what a submodule holds.
    """
    output = status_output(workspace)
    if output is None:
        return _listed_state(workspace)
    digest = hashlib.sha256(b"git\0")
    for record in output.split(b"\0"):
        # the branch's name and its upstream say nothing about files
        if not record.startswith(b"# ") or record.startswith(b"# branch.oid "):
            digest.update(record + b"\0")
    # which file is active, and which edits are recent, is a matter of times
    digest.update(f"{active_file(workspace)}\0".encode("utf-8", "replace"))
    links: dict[str, bool] = {}
    budget = READ_CAP
    dirty: list[tuple[int, str]] = []
    for change in parsed(output):
        status = plain_status(workspace.root, change.label, links)
        dirty.append((-status.st_mtime_ns if status else 0, change.label))
        if not (change.worktree or change.untracked):
            continue
        if status is None:
            digest.update(b"none\0")
        elif status.st_size > budget:
            digest.update(f"{status.st_size}\0{status.st_mtime_ns}\0".encode())
        else:
            budget -= status.st_size
            digest.update(_content(workspace.root / change.label))
    digest.update("\0".join(label for _, label in sorted(dirty)).encode("utf-8", "replace"))
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        with open(descriptor, "rb") as file:  # noqa: PTH123  (a descriptor, not a path)
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b"none"


def _listed_state(workspace: Workspace) -> str:
    digest = hashlib.sha256(b"files\0")
    for label, status in listed_sizes(workspace).items():
        digest.update(f"{label}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()
