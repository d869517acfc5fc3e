"""What the user named: files and ranges, the selection, piped text, the diff. Read once, for every stage.

In: the arguments as typed. Out: `NamedContext`. A path is relative to the working folder, as in any command; it may lie
outside the workspace, because it was named.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from optafly_cli.errors import FileProblem, UsageError
from optafly_cli.workspace.escape import exact_label, one_line
from optafly_cli.workspace.ignore import deny_reason
from optafly_cli.workspace.languages import language_of
from optafly_cli.workspace.sources import read_source, unify_line_ends
from optafly_cli.workspace.types import DiffFile, LineRange, NamedContext, NamedFile, SourceText, Workspace
from optafly_cli.workspace.units import enclosing_unit

MAX_MATCHES = 50
_RANGE = re.compile(r"(?P<path>.+?):(?P<start>\d+)(?:-(?P<end>\d*))?\Z", re.DOTALL)
_LINES = re.compile(r"(?P<start>\d+)(?:-(?P<end>\d+))?\Z")
_OPEN_END = 2**31


def gather(
    workspace: Workspace,
    cwd: Path,
    *,
    files: Sequence[str] = (),
    selection: str | None = None,
    piped: str | None = None,
    diff: bool = False,
) -> NamedContext:
    """Read everything that was named. A file named twice counts once.

    Raises:
        FileProblem: a file cannot be sent: missing, not text, too large, on the deny list, or shorter than its range.
        UsageError: a range or a selection makes no sense, or the piped text is binary.
    """
    left_out: list[str] = []
    named: dict[tuple[str, LineRange | None], NamedFile] = {}
    sources: dict[Path, SourceText] = {}
    for argument in _with_selection(files, selection):
        typed, lines = split_range(argument) if not _exists(cwd, argument) else (argument, None)
        for path in _paths(cwd, typed, left_out):
            file = _named(workspace, cwd, path, lines, sources)
            named.setdefault((str(file.path), file.lines), file)
    changes: tuple[DiffFile, ...] | None = None
    if diff:
        from optafly_cli.workspace.diffs import working_diff

        changes, withheld = working_diff(workspace)
        left_out.extend(withheld)
    return NamedContext(tuple(named.values()), _text(piped), changes, tuple(left_out))


def split_range(argument: str) -> tuple[str, LineRange | None]:
    """`F:12`, `F:12-20` or `F:12-` as path and range; anything else is a path.

    Raises:
        UsageError: the range is empty or begins at 0.
    """
    match = _RANGE.match(argument)
    if match is None:
        return argument, None
    start = int(match["start"])
    end = start if match["end"] is None else int(match["end"] or _OPEN_END)
    return match["path"], _checked_range(argument, start, end)


def _checked_range(argument: str, start: int, end: int) -> LineRange:
    if start < 1:
        raise UsageError(f"{one_line(argument)}: there is no line 0", remedy="lines are counted from 1")
    if end < start:
        raise UsageError(
            f"{one_line(argument)}: the range ends before it starts", remedy=f"did you mean {end}-{start}?"
        )
    return LineRange(start, end)


def _with_selection(files: Sequence[str], selection: str | None) -> Iterator[str]:
    """The arguments, the selection turned into the range of the one file."""
    if selection is None:
        yield from files
        return
    match = _LINES.match(selection.strip())
    if match is None:
        raise UsageError(f"--selection {one_line(selection)} is not a range of lines", remedy="give it as A-B: 12-20")
    if len(files) != 1:
        raise UsageError(
            "--selection needs exactly one --file", remedy="for several files, name the lines of each: --file F:12-20"
        )
    start, end = int(match["start"]), int(match["end"] or match["start"])
    _checked_range(f"--selection {selection}", start, end)
    yield f"{files[0]}:{start}-{end}" if end != start else f"{files[0]}:{start}"


def _exists(cwd: Path, typed: str) -> bool:
    """Whether the argument as it stands is a path: a file may have a colon in its name."""
    try:
        return os.path.lexists(cwd / typed)
    except ValueError:
        return False


def _paths(cwd: Path, typed: str, left_out: list[str]) -> list[str]:
    """The path, or the files that a pattern matches when no such path exists."""
    if _exists(cwd, typed) or not any(mark in typed for mark in "*?["):
        return [typed]
    from glob import glob

    matches = glob(typed, root_dir=cwd, recursive=True)  # noqa: PTH207  Path.glob refuses absolute patterns
    found = sorted(path for path in matches if (cwd / path).is_file())
    usable = [path for path in found if deny_reason(path) is None]
    if not usable:
        raise FileProblem(f"no file matches {one_line(typed)}", remedy="check the pattern; quote it for the shell")
    if len(usable) < len(found):
        left_out.append(
            f"{len(found) - len(usable)} files that {one_line(typed)} matches were left out: not for sending"
        )
    if len(usable) > MAX_MATCHES:
        left_out.append(f"{one_line(typed)} matches {len(usable)} files: only the first {MAX_MATCHES} were taken")
    return usable[:MAX_MATCHES]


def _named(
    workspace: Workspace, cwd: Path, typed: str, lines: LineRange | None, sources: dict[Path, SourceText]
) -> NamedFile:
    path = Path(os.path.normpath(cwd / exact(typed)))
    shown = one_line(typed)
    try:
        target = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise FileProblem(f"{shown} cannot be resolved: a loop of symbolic links", remedy="check the path") from error
    for place in (path, target):
        reason = deny_reason(str(place))
        if reason is not None and "binary" not in reason:
            raise FileProblem(f"{shown} is not sent: {reason}", remedy="pipe the part that may be seen instead")
    if target not in sources:
        sources[target] = _source(cwd / exact(typed), shown)
    source = sources[target]
    label = label_of(workspace, path)
    language = language_of(path)
    if lines is None:
        return NamedFile(path, label, source, language)
    count = len(source.lines) if source.text else 0
    end = count if lines.end == _OPEN_END else lines.end
    if lines.start > count or end > count:
        raise FileProblem(
            f"{shown} has {count:,} lines, and line {max(lines.start, end):,} was named", remedy="check the range"
        )
    at = LineRange(lines.start, end)
    return NamedFile(path, label, source, language, at, enclosing_unit(source.lines, at))


def _source(path: Path, shown: str) -> SourceText:
    """The file, with the path in messages as it was typed."""
    try:
        return read_source(path)
    except FileProblem as error:
        said = error.message.replace(one_line(str(path)), shown)
        raise FileProblem(said, remedy=error.remedy) from error


def exact(typed: str) -> str:
    """The path as the system knows it; a NUL can be in none.

    Raises:
        FileProblem: it holds one, or is empty.
    """
    if not typed or "\0" in typed:
        raise FileProblem(f"{one_line(typed) or '--file with an empty name'} is not a possible file name")
    return typed


def label_of(workspace: Workspace, path: Path) -> str:
    """The path relative to the root with forward slashes, absolute when it lies outside."""
    for place in (path, path.parent.resolve() / path.name):
        try:
            return exact_label(place.relative_to(workspace.root).as_posix())
        except ValueError:
            continue
    return exact_label(path.as_posix())


def _text(piped: str | None) -> str | None:
    if piped is None or not piped.strip():
        return None
    if "\0" in piped:
        raise UsageError(
            "the piped text is not text: it holds NUL bytes", remedy="pipe text, or pass files with --file"
        )
    return unify_line_ends(piped)
