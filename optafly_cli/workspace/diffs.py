"""The working tree's changes, file by file.

In: a workspace. Out: `DiffFile`s, staged changes first, then unstaged ones, and a sentence for each thing that was
left out: denied paths, binary files, what is too long. Git decides what changed; nothing that the repository
configures is run.
"""

import re
from collections.abc import Iterator

from optafly_cli.errors import UsageError
from optafly_cli.workspace.escape import exact_label, one_line
from optafly_cli.workspace.git import Git, open_git
from optafly_cli.workspace.ignore import deny_reason
from optafly_cli.workspace.types import DiffFile, Workspace

# Characters of one file's diff that are kept, and bytes of all of them together that are read.
FILE_CAP = 100_000
TOTAL_CAP = 16 * 1024 * 1024

_HUNK = re.compile(rb"^@@+ [^+\n]{0,200}\+(\d{1,9})(?:,(\d{1,9}))? @@", re.MULTILINE)
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}


def working_diff(workspace: Workspace) -> tuple[tuple[DiffFile, ...], tuple[str, ...]]:
    """Staged, then unstaged changes, and what was left out, a sentence each.

    `text` is the file's part of a unified diff with three lines of context. `start_line` and `end_line` span its
    hunks in
    the new version; they are 1 and 1 where there are none (a deleted file, a rename, a new mode). Untracked files are
    not changes to git and are not in it; of a submodule only a new commit is.

    Raises UsageError when this is no git repository, or git cannot be run in it.
    """
    git = open_git(workspace.root) if workspace.kind == "git" else None
    if git is None:
        raise _no_git(workspace)
    files: list[DiffFile] = []
    left_out: list[str] = []
    for staged in (True, False):
        output = _diff(git, staged=staged)
        if output is None:
            left_out.append(f"the {_side(staged)} changes could not be read: git failed or took too long")
            continue
        if len(output) >= TOTAL_CAP:
            output = output[: output.rfind(b"\ndiff --") + 1] or output
            left_out.append(f"the {_side(staged)} changes are too long; what is over {TOTAL_CAP >> 20} MB is left out")
        for section in _sections(output):
            _add(section, staged, files, left_out)
    if not files and not left_out:
        left_out.append("--diff: nothing has changed")
    return tuple(files), tuple(left_out)


def _no_git(workspace: Workspace) -> UsageError:
    if not workspace.has_git:
        return UsageError("--diff needs git, which is not found", remedy="install git, or pipe a diff in")
    shown = one_line(str(workspace.root))
    return UsageError(f"--diff: {shown} is not a git repository that can be read", remedy="pipe a diff in")


def _diff(git: Git, *, staged: bool) -> bytes | None:
    options = (
        "--patch", "--unified=3", "--inter-hunk-context=0", "--find-renames", "--no-color", "--src-prefix=a/",
        "--dst-prefix=b/", "--ignore-submodules=dirty", "--diff-algorithm=histogram",
    )  # fmt: skip
    return git.run("diff", *options, *(("--cached",) if staged else ()), "--", cap=TOTAL_CAP, partial=True)


def _sections(output: bytes) -> Iterator[bytes]:
    """One file's part each. A line of a file's text never begins with "diff": it has a space, + or - before it."""
    starts = [match.start() for match in re.finditer(rb"^diff --(?:git|cc|combined) ", output, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(output)], strict=False):
        yield output[start:end]


def _add(section: bytes, staged: bool, files: list[DiffFile], left_out: list[str]) -> None:
    if section.count(b"\n") <= 1:
        # only its times changed, which git would otherwise note in the index
        return
    names = _names(section)
    label = names[-1]
    shown = f"{one_line(label)} ({_side(staged)})"
    reason = next((reason for name in names if (reason := deny_reason(name)) is not None), None)
    if reason is not None:
        left_out.append(f"{shown} is left out of the diff: {reason}")
        return
    header = section[: section.find(b"\n@@") + 1] or section
    if b"\0" in section or b"\nBinary files " in header or b"\nGIT binary patch" in header:
        left_out.append(f"{shown} is left out of the diff: it is a binary file")
        return
    text = section.decode("utf-8", "replace").replace("\r\n", "\n")
    if len(text) > FILE_CAP:
        text = text[: text.rfind("\n", 0, FILE_CAP) + 1] or text[:FILE_CAP]
        left_out.append(f"{shown}: only the first {text.count(chr(10))} lines of its diff are used")
    start, end = _span(section[: len(text.encode("utf-8", "replace"))])
    files.append(DiffFile(label, staged, text.rstrip("\n"), start, end))


def _span(section: bytes) -> tuple[int, int]:
    spans = [(int(match[1]), int(match[2] or 1)) for match in _HUNK.finditer(section)]
    starts = [max(start, 1) for start, _ in spans]
    ends = [max(start + count - 1, start, 1) for start, count in spans]
    return (min(starts), max(ends)) if spans else (1, 1)


def _names(section: bytes) -> list[str]:
    """The labels that a section is about, the old one first when they differ."""
    old = new = ""
    lines = section.split(b"\n")
    for line in lines[1:]:
        if line.startswith(b"@@"):
            break
        for prefix in (b"rename from ", b"copy from ", b"--- a/", b'--- "a/'):
            if line.startswith(prefix):
                old = _name(line, prefix, old)
        for prefix in (b"rename to ", b"copy to ", b"+++ b/", b'+++ "b/'):
            if line.startswith(prefix):
                new = _name(line, prefix, new)
    if not old and not new:
        new = _name_in_first_line(lines[0])
    return [name for name in dict.fromkeys((old, new)) if name] or ["?"]


def _name(line: bytes, prefix: bytes, found: str) -> str:
    if found:
        return found
    rest = line[len(prefix) :]
    if prefix.endswith((b'"a/', b'"b/')):
        return _unquote(rest.rstrip(b"\t").removesuffix(b'"'))
    if rest.startswith(b'"') and rest.endswith(b'"'):
        return _unquote(rest[1:-1])
    # git ends a name that has spaces in it with a tab
    return _text(rest.removesuffix(b"\t"))


def _name_in_first_line(line: bytes) -> str:
    """From `diff --git a/X b/X` (a new mode, an empty file, binary) or `diff --cc X`: both names are the same."""
    if not line.startswith(b"diff --git "):
        rest = line.split(b" ", 2)[2]
        return _unquote(rest[1:-1]) if rest.startswith(b'"') else _text(rest)
    rest = line[len(b"diff --git ") :]
    half = rest[: (len(rest) - 1) // 2]
    if half.startswith(b'"a/'):
        return _unquote(half[3:].removesuffix(b'"'))
    return _text(half[2:])


def _unquote(name: bytes) -> str:
    """A name as git quotes it: C escapes, octal for bytes."""
    out = bytearray()
    at = 0
    while at < len(name):
        if name[at] != 0x5C or at + 1 >= len(name):
            out.append(name[at])
            at += 1
        elif name[at + 1 : at + 4].isdigit():
            out.append(int(name[at + 1 : at + 4], 8) & 0xFF)
            at += 4
        else:
            out.append(_ESCAPES.get(chr(name[at + 1]), name[at + 1]))
            at += 2
    return _text(bytes(out))


def _text(name: bytes) -> str:
    return exact_label(name.decode("utf-8", "surrogateescape"))


def _side(staged: bool) -> str:
    return "staged" if staged else "unstaged"
