"""What git says has changed, parsed once for everybody.

In: a workspace. Out: `Changed` files, from `git status --porcelain=v2`; None where git cannot tell.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from optafly_cli.workspace.git import Git, Started, open_git
from optafly_cli.workspace.ignore import is_utf8
from optafly_cli.workspace.types import Workspace


@dataclass(frozen=True, slots=True)
class Changed:
    """One file that differs: HEAD from index (`staged`), index from disk (`worktree`), or one that is not tracked."""

    label: str
    staged: bool
    worktree: bool
    untracked: bool = False


def status_output(workspace: Workspace) -> bytes | None:
    """`git status` of the workspace as machines read it, with the commit that HEAD is at."""
    git = open_git(workspace.root) if workspace.kind == "git" else None
    return None if git is None else status_begun(git).output()


def status_begun(git: Git) -> Started:
    """The same, not waited for."""
    return git.start(
        "status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=all", "--no-renames", "-z"
    )


def changed_files(workspace: Workspace) -> tuple[Changed, ...] | None:
    """The files that differ, in git's order; None without git."""
    output = status_output(workspace)
    return None if output is None else tuple(parsed(output))


def parsed(output: bytes) -> Iterator[Changed]:
    """The files in what `status_output` gave; names that are not UTF-8 are passed over."""
    for record in output.split(b"\0"):
        if record.startswith(b"? "):
            yield from _changed(record[2:], Changed("", staged=False, worktree=False, untracked=True))
        elif record.startswith((b"1 ", b"u ")):
            fields = record.split(b" ", 8 if record.startswith(b"1") else 10)
            state = fields[1]
            yield from _changed(fields[-1], Changed("", staged=state[:1] != b".", worktree=state[1:2] != b"."))


def _changed(name: bytes, change: Changed) -> Iterator[Changed]:
    label = os.fsdecode(name)
    if is_utf8(label):
        yield Changed(label, change.staged, change.worktree, change.untracked)
