"""The changes that git sees, per file, staged ones first.

In: a workspace. Out: `DiffFile`s and a sentence for each file that was left out. Denied and binary files are.
"""

import re
from collections.abc import Iterator

from optafly_cli.errors import UsageError
from optafly_cli.workspace.escape import exact_label, one_line
from optafly_cli.workspace.git import Git, open_git
from optafly_cli.workspace.ignore import deny_reason
from optafly_cli.workspace.sources import decode
from optafly_cli.workspace.types import DiffFile, Workspace

MAX_FILE_CHARACTERS = 200_000
_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


def working_diff(workspace: Workspace) -> tuple[tuple[DiffFile, ...], tuple[str, ...]]:
    """Staged and unstaged changes, and what was left out of them.

    A file's lines are those that its hunks span on the new side; 1 to 1 for a deleted file.

    Raises:
        UsageError: git is missing, or this is no git repository.
    """
    if not workspace.has_git:
        raise UsageError("--diff needs git, which is not found", remedy="install git, or pipe a diff in")
    git = open_git(workspace.root) if workspace.kind == "git" else None
    if git is None:
        raise UsageError(f"--diff: {workspace.root} is not a git repository that can be read", remedy="pipe a diff in")
    found: list[DiffFile] = []
    left_out: list[str] = []
    for staged in (True, False):
        for label, text in _files(git, staged=staged):
            reason = _reason(label, text)
            if reason:
                left_out.append(f"the change of {one_line(label)} was left out: {reason}")
            else:
                found.append(_diff_file(label, text, staged, left_out))
    if not found and not left_out:
        left_out.append("--diff: nothing has changed")
    return tuple(found), tuple(left_out)


def _files(git: Git, *, staged: bool) -> Iterator[tuple[str, str]]:
    """Each changed file's label and its part of the diff; one git process names them, one a file gives the text."""
    side = ["--cached"] if staged else []
    listed = git.run("diff", *side, "--name-only", "--no-renames", "-z")
    for name in (listed or b"").split(b"\0"):
        if name:
            path = name.decode("utf-8", "surrogateescape")
            label = exact_label(path)
            if deny_reason(label) is not None:
                yield label, ""
                continue
            output = git.run("diff", *side, "--unified=3", "--no-renames", "--", path, partial=True)
            yield label, decode(output or b"")[0]


def _reason(label: str, text: str) -> str | None:
    denied = deny_reason(label)
    if denied is not None:
        return denied
    if not text:
        return "git could not show it"
    if "\0" in text or not _HUNK.search(text):
        return "it is binary, or only its mode changed"
    return None


def _diff_file(label: str, text: str, staged: bool, left_out: list[str]) -> DiffFile:
    if len(text) > MAX_FILE_CHARACTERS:
        text = text[:MAX_FILE_CHARACTERS].rpartition("\n")[0]
        left_out.append(f"the change of {one_line(label)} was cut after {MAX_FILE_CHARACTERS:,} characters")
    spans = [(int(start), int(count or 1)) for start, count in _HUNK.findall(text)]
    first = max(1, min(start for start, _ in spans))
    last = max(start + max(count, 1) - 1 for start, count in spans)
    return DiffFile(label, staged, text.rstrip("\n"), first, max(first, last))
