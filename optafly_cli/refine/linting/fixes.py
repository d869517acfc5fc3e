"""Safe fixes, written into files or shown as a diff. What is not fixed stays byte for byte as it was."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from optafly_cli.durable import replace
from optafly_cli.errors import FileProblem
from optafly_cli.refine.linting.targets import Target
from optafly_cli.refine.result import Finding
from optafly_cli.workspace.secrets import redact
from optafly_cli.workspace.sources import decode, open_problem

_MARK = b"\xef\xbb\xbf"
_LINE_END = re.compile(r"\r\n|\r|\n")


def fixable(findings: Sequence[Finding]) -> list[Finding]:
    """Those that have a fix."""
    return [finding for finding in findings if finding.fix is not None]


def apply_fixes(text: str, findings: Sequence[Finding]) -> tuple[str, int]:
    """The text with every fix in place, and how many were; of overlapping ones the later in the text stays.

    Line ends stay as they are, and count as one character.
    """
    ends = [match.end() for match in _LINE_END.finditer(text)]
    starts = [0, *ends]
    spans = sorted(
        (
            (
                starts[finding.line - 1] + finding.column - 1,
                starts[finding.end_line - 1] + finding.end_column - 1,
                finding.fix or "",
            )
            for finding in fixable(findings)
        ),
        reverse=True,
    )
    limit = len(text) + 1
    count = 0
    for start, end, replacement in spans:
        if end <= limit:
            text = text[:start] + replacement + text[end:]
            limit = start
            count += 1
    return text, count


def write_fixes(target: Target, findings: Sequence[Finding]) -> int:
    """Put the fixes into the file of the target; how many. Nothing is written when there are none.

    Raises:
        FileProblem: the file cannot be read or written, is not UTF-8, or has changed since it was checked.
    """
    if target.path is None or target.source is None or not fixable(findings):
        return 0
    data = _bytes(target.path, target.key)
    text, lossy = decode(data)
    mark = _MARK if data.startswith(_MARK) else b""
    body = data[len(mark) :]
    if text != target.text:
        raise FileProblem(f"{target.key} was changed while it was checked", remedy="run it again")
    try:
        exact = body.decode()
    except UnicodeDecodeError:
        lossy, exact = True, ""
    if lossy:
        raise FileProblem(f"{target.key} is not UTF-8, so nothing in it was fixed", remedy="save it as UTF-8")
    fixed, count = apply_fixes(exact, findings)
    try:
        replace(target.path, mark + fixed.encode(), keep_mode=True)
    except OSError as error:
        raise FileProblem(
            f"{target.path} cannot be written: {error.strerror}", remedy="check the permissions of its folder"
        ) from error
    return count


def diff_of(target: Target, findings: Sequence[Finding]) -> str:
    """What the fixes would change, as a unified diff for people: secrets are not shown in it."""
    fixed, count = apply_fixes(target.text, findings)
    if not count:
        return ""
    lines = difflib.unified_diff(
        target.text.splitlines(keepends=True),
        fixed.splitlines(keepends=True),
        target.key,
        target.key + " (fixed)",
    )
    shown = "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)
    return redact(shown).text


def _bytes(path: Path, shown: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise open_problem(error, path, shown) from error
