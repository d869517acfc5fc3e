"""The state of the workspace as one digest: what auto-selected context depends on.

In: a workspace. Out: SHA-256 hex. Two equal digests mean that nothing changed which optafly could have selected from.
"""

import hashlib
import os

from optafly_cli.workspace.ignore import SELECTION_LIMIT, listed_sizes, plain_status
from optafly_cli.workspace.status import parsed, status_output
from optafly_cli.workspace.types import Workspace


def workspace_state(workspace: Workspace) -> str:
    """HEAD, index and dirty files; without git the paths, sizes and times of the files that may be selected."""
    digest = hashlib.sha256()
    output = status_output(workspace)
    if output is None:
        for label, status in listed_sizes(workspace).items():
            digest.update(f"{label}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        return digest.hexdigest()
    digest.update(output)
    links: dict[str, bool] = {}
    for change in parsed(output):
        digest.update(f"\0{change.label}\0".encode())
        found = plain_status(workspace.root, change.label, links)
        if found is None:
            digest.update(b"absent")
        elif found.st_size > SELECTION_LIMIT:
            digest.update(f"{found.st_size} {found.st_mtime_ns}".encode())
        else:
            digest.update(_content(f"{workspace.root}/{change.label}"))
    return digest.hexdigest()


def _content(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123  (a descriptor, not a path)
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        return f"unreadable {error.errno}".encode()
