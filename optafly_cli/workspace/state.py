"""A digest that changes when anything that could be selected from the workspace changes.

In: a workspace. Out: SHA-256 hex. The cache serves an answer drawn from selected files only while this stands still.
"""

import hashlib
import os
from pathlib import Path

from optafly_cli.workspace.ignore import listed_sizes, plain_status
from optafly_cli.workspace.status import parsed, status_output
from optafly_cli.workspace.types import Workspace

# Of dirty files, so many bytes are read in all; what is over it is told by size and time of modification.
READ_CAP = 64 * 1024 * 1024


def workspace_state(workspace: Workspace) -> str:
    """SHA-256 hex over HEAD, the index, and the contents of the dirty and untracked files that are not ignored.

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
    links: dict[str, bool] = {}
    budget = READ_CAP
    for change in parsed(output):
        if not (change.worktree or change.untracked):
            continue
        status = plain_status(workspace.root, change.label, links)
        if status is None:
            digest.update(b"none\0")
        elif status.st_size > budget:
            digest.update(f"{status.st_size}\0{status.st_mtime_ns}\0".encode())
        else:
            budget -= status.st_size
            digest.update(_content(workspace.root / change.label))
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
