"""What the user named: `--file F[:LINE[-LINE]]`, `--selection A-B`, piped text, `--diff`.

In: the command line's words. Out: `NamedContext`, read. A path that was named may lie outside of the root; a path on
the deny list may not be sent even so. Every problem is one FileProblem or UsageError; nothing is sent in part.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from optafly_cli.errors import FileProblem, UsageError
from optafly_cli.wording import counted
from optafly_cli.workspace.escape import exact_label, one_line
from optafly_cli.workspace.ignore import deny_reason, listed_files
from optafly_cli.workspace.languages import language_of
from optafly_cli.workspace.sources import LIMIT, read_source, unify_line_ends
from optafly_cli.workspace.types import DiffFile, LineRange, NamedContext, NamedFile, SourceText, Workspace
from optafly_cli.workspace.units import enclosing_unit

OPEN_END = 2**31
MOST_MATCHES = 50
LARGEST_LISTING = 200_000
_MOST_CANDIDATES = 10_000
_MAGIC = frozenset("*?[")
_RANGE_REMEDY = "give a line (F:12), a range (F:12-20), or a range to the end (F:12-)"


def gather(
    workspace: Workspace,
    cwd: Path,
    *,
    files: Sequence[str] = (),
    selection: str | None = None,
    piped: str | None = None,
    diff: bool = False,
) -> NamedContext:
    """Read everything that was named. `files` are as typed, relative to `cwd`; labels are relative to the root.

    `selection` is the range of the one file that has none. A pattern (`src/*.py`) names the files that it matches.
    Raises FileProblem for a path that cannot be used, UsageError for a range, a selection or piped text that cannot.
    """
    named: dict[tuple[str, LineRange | None], NamedFile] = {}
    left_out: list[str] = []
    for path, lines in _with_selection([split_range(argument, cwd) for argument in files], selection):
        if _is_pattern(cwd, path):
            found, notes = _matching(workspace, cwd, path, lines)
            left_out += notes
        else:
            found = [_named_file(workspace, cwd, path, lines)]
        for file in found:
            named.setdefault((os.path.realpath(file.path), file.lines), file)
    changes: tuple[DiffFile, ...] | None = None
    if diff:
        from optafly_cli.workspace.diffs import working_diff

        changes, withheld = working_diff(workspace)
        left_out += withheld
    return NamedContext(tuple(named.values()), _piped(piped), changes, tuple(left_out))


def split_range(argument: str, cwd: Path | None = None) -> tuple[str, LineRange | None]:
    """`src/main.rs:12-20` as path and range. `F:12-` ends at OPEN_END; the column of `F:12:5` is dropped.

    An existing file whose name has the colon in it wins (`cwd` is where relative paths begin, as a rule the working
    folder). Raises FileProblem for a range that is none, UsageError for an empty argument.
    """
    if not argument:
        raise UsageError("--file has an empty name", remedy="give a path: --file src/main.rs:12")
    base = cwd if cwd is not None else Path()
    path, colon, suffix = argument.rpartition(":")
    if not colon or _exists(base / argument):
        return argument, None
    before, second, line = path.rpartition(":")
    if second and _is_number(suffix) and _is_number(line) and not _exists(base / path):
        path, suffix = before, line
    if not (path and suffix[:1].isdigit()) and not (path and _exists(base / path)):
        return argument, None
    return path, _parse_range(suffix, one_line(argument), FileProblem)


def _parse_range(text: str, where: str, problem: type[UsageError]) -> LineRange:
    first, dash, last = text.partition("-")
    if not _is_number(first) or not (_is_number(last) or (dash and not last) or not dash):
        raise problem(f"{where}: {one_line(text)} is not a line or a range of lines", remedy=_RANGE_REMEDY)
    start = int(first)
    end = int(last) if last else OPEN_END if dash else start
    if start < 1:
        raise problem(f"{where}: there is no line {start}", remedy="lines are counted from 1")
    if end < start:
        raise problem(f"{where}: the range ends before it starts", remedy=f"did you mean {end}-{start}?")
    return LineRange(start, end)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _exists(path: Path) -> bool:
    try:
        os.lstat(path)
    except (OSError, ValueError):
        return False
    return True


def _with_selection(
    named: list[tuple[str, LineRange | None]], selection: str | None
) -> list[tuple[str, LineRange | None]]:
    if selection is None:
        return named
    chosen = _parse_range(selection.strip(), "--selection", UsageError)
    whole = [at for at, (_, lines) in enumerate(named) if lines is None]
    if len(whole) != 1:
        raise UsageError(
            f"--selection {one_line(selection)} needs one --file without a range, and there are {len(whole)}",
            remedy="give the range with the file: --file F:12-20",
        )
    return [(path, chosen if at == whole[0] else lines) for at, (path, lines) in enumerate(named)]


def _named_file(workspace: Workspace, cwd: Path, argument: str, lines: LineRange | None) -> NamedFile:
    path = cwd / argument
    label, source = read_named(workspace, cwd, argument)
    language = language_of(label)
    if lines is None:
        return NamedFile(path, label, source, language)
    text = source.lines
    count = 0 if not source.text else len(text)
    beyond = lines.start if lines.start > count else lines.end
    if beyond > count and beyond != OPEN_END:
        raise FileProblem(
            f"{one_line(label)} has {counted(count, 'line')}: there is no line {beyond}",
            remedy="check the line number: the file may have changed",
        )
    lines = LineRange(lines.start, min(lines.end, count))
    return NamedFile(path, label, source, language, lines, enclosing_unit(text, lines))


def read_named(workspace: Workspace, cwd: Path, argument: str) -> tuple[str, SourceText]:
    """The label and the text of one file that the user named.

    Raises FileProblem for a file that must not be sent: on the deny list, or behind a link that leaves the workspace
    (what was named lies inside; whoever made the repository chose the target).
    """
    path = cwd / argument
    label = _label(workspace, cwd, argument)
    _refuse_denied(workspace, path, label)
    target = Path(os.path.realpath(path)) if _exists(path) else path
    if not label.startswith("/") and not target.is_relative_to(workspace.root):
        raise FileProblem(
            f"{one_line(label)} is a link that leads out of the workspace, to {one_line(str(target))}",
            remedy="name that file itself if it is meant",
        )
    return label, read_source(path, shown=label)


def _label(workspace: Workspace, cwd: Path, argument: str) -> str:
    """The path relative to the root as it was typed, absolute when it lies outside. The last link is not resolved."""
    typed = Path(os.path.normpath(cwd / argument))
    resolved = Path(os.path.realpath(typed.parent), typed.name)
    # "x/.." is not always where it started: x may be a link. Then only the resolved path tells.
    candidates = (resolved,) if ".." in Path(argument).parts else (typed, resolved)
    for candidate in candidates:
        if candidate.is_relative_to(workspace.root):
            return exact_label(candidate.relative_to(workspace.root).as_posix())
    return exact_label(candidates[0].as_posix())


def _refuse_denied(workspace: Workspace, path: Path, label: str) -> None:
    reason = deny_reason(label)
    if reason is None and _exists(path):
        target = Path(os.path.realpath(path))
        inside = target.is_relative_to(workspace.root)
        reason = deny_reason(str(target.relative_to(workspace.root) if inside else target))
    if reason is None:
        return
    if not _exists(path) or path.is_dir():
        # what it is, or that it is not there, says more than what its name looks like
        read_source(path, shown=label)
    raise FileProblem(
        f"{one_line(label)} is on the deny list and is never sent: {reason}",
        remedy="pipe the part that may be seen: sed -n '1,20p' FILE | optafly …",
    )


def _is_pattern(cwd: Path, argument: str) -> bool:
    return not _MAGIC.isdisjoint(argument) and not _exists(cwd / argument)


def _matching(
    workspace: Workspace, cwd: Path, pattern: str, lines: LineRange | None
) -> tuple[list[NamedFile], list[str]]:
    """The text files that a pattern matches, at most MOST_MATCHES, and a sentence for what was left out."""
    shown = one_line(pattern)
    if lines is not None:
        raise UsageError(f"the pattern {shown} has a range, which needs one file", remedy="name the one file")
    found: list[NamedFile] = []
    skipped: list[str] = []
    more = unlisted = 0
    matches = sorted(_glob(cwd, pattern))
    listed = frozenset(listed_files(workspace, LARGEST_LISTING)) if matches else frozenset()
    for match in matches:
        if len(found) >= MOST_MATCHES:
            more += 1
            continue
        if not Path(os.path.realpath(cwd / match)).is_relative_to(workspace.root):
            skipped.append(f"{shown}: left out: {one_line(match)} leads out of the workspace")
            continue
        if deny_reason(match) is None and _label(workspace, cwd, match) not in listed:
            unlisted += 1
            continue
        try:
            found.append(_named_file(workspace, cwd, match, None))
        except FileProblem as problem:
            skipped.append(f"{shown}: left out: {problem.message}")
    if unlisted:
        count = counted(unlisted, "file was", "files were")
        skipped.append(f"{shown}: {count} left out: ignored by git, generated, or too large; name them one by one")
    if not found:
        raise FileProblem(
            f"no file matches {shown}" if not skipped else f"no file that {shown} matches can be sent",
            remedy="check the pattern, and quote it for the shell; ** stands for any folders",
        )
    if more:
        skipped.append(f"{shown}: only the first {MOST_MATCHES} of {MOST_MATCHES + more} files are used")
    return found, skipped


def _glob(cwd: Path, pattern: str) -> Iterator[str]:
    """Files that match, hidden ones only when the pattern names them. `**` does not follow symbolic links."""
    from itertools import islice

    parts = Path(pattern).parts
    fixed = next(at for at, part in enumerate(parts) if not _MAGIC.isdisjoint(part))
    base = cwd.joinpath(*parts[:fixed])
    hidden = any(part.startswith(".") for part in parts[fixed:])
    try:
        for match in islice(base.glob(str(Path(*parts[fixed:]))), _MOST_CANDIDATES):
            inner = match.relative_to(base).parts
            if match.is_file() and (hidden or not any(part.startswith(".") for part in inner)):
                yield str(Path(*parts[:fixed], *inner))
    except (OSError, ValueError):
        return


def _piped(text: str | None) -> str | None:
    """Piped text with LF line ends; None when there is nothing but white space."""
    if text is None or not text.strip():
        return None
    if len(text) > LIMIT:
        raise UsageError(
            f"the piped text is {len(text) >> 20} MB, and may have {LIMIT >> 20} MB",
            remedy="pipe the part that matters: head -c 200000 | optafly …",
        )
    if "\0" in text:
        raise UsageError("the piped text is not text: it holds NUL bytes", remedy="pipe text, or use --file")
    text = unify_line_ends(text.removeprefix("\ufeff"))
    return text.encode("utf-8", "replace").decode("utf-8")
