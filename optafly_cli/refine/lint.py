"""Linting many prompts: read them, analyse each, keep what was selected, fix what can be fixed safely."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from optafly_cli.durable import replace
from optafly_cli.errors import FileProblem, UsageError
from optafly_cli.refine.analyse import analyse
from optafly_cli.refine.result import Finding, Score
from optafly_cli.workspace.sources import read_source
from optafly_cli.workspace.types import NamedContext, Workspace


@dataclass(frozen=True, slots=True)
class Target:
    """One prompt to check. `key` is path or id, as `is_path` says; `path` is where a fix would be written."""

    key: str
    is_path: bool
    text: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A prompt that was checked: its score and the findings that were selected; `fixed` counts the fixes applied."""

    target: Target
    score: Score
    findings: tuple[Finding, ...]
    fixed: int = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rules count: those that start with a prefix of `select` (none: all), less those of `ignore`."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def keeps(self, finding: Finding) -> bool:
        """Whether the finding's rule was asked for."""
        selected = not self.select or finding.rule.startswith(self.select)
        return selected and not (self.ignore and finding.rule.startswith(self.ignore))


def read_targets(paths: Sequence[str], cwd: Path) -> Iterator[Target]:
    """The prompts in files, one each.

    Raises:
        FileProblem: a path cannot be read as text.
    """
    for path in paths:
        source = read_source(cwd / path, shown=path)
        yield Target(key=path, is_path=True, text=source.text, path=cwd / path)


def read_jsonl(lines: TextIO, name: str) -> Iterator[Target]:
    """The prompts of a JSONL of `{"id", "prompt"}`.

    Raises:
        UsageError: naming the line that is not of that form.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{name}, line {number}: not JSON: {error}", remedy=_JSONL) from error
        if not isinstance(row, dict) or not isinstance(row.get("prompt"), str) or "id" not in row:
            raise UsageError(f'{name}, line {number}: not of the form {{"id", "prompt"}}', remedy=_JSONL)
        yield Target(key=str(row["id"]), is_path=False, text=row["prompt"])


_JSONL = 'each line is an object: {"id": "1", "prompt": "fix this bug"}'


def check(targets: Iterable[Target], workspace: Workspace, keep: Filter, *, fix: bool = False) -> Iterator[Checked]:
    """Analyse each prompt in this workspace; with `fix`, apply safe fixes to files first."""
    for target in targets:
        analysis = analyse(target.text, NamedContext(), workspace)
        findings = tuple(finding for finding in analysis.findings if keep.keeps(finding))
        fixable = [finding for finding in findings if finding.fix is not None]
        if fix and fixable and target.path is not None:
            text = apply_fixes(target.text, fixable)
            write_atomically(target.path, text)
            analysis = analyse(text, NamedContext(), workspace)
            findings = tuple(finding for finding in analysis.findings if keep.keeps(finding))
            yield Checked(target, analysis.score, findings, fixed=len(fixable))
        else:
            yield Checked(target, analysis.score, findings)


def fails(checked: Checked, min_score: float | None) -> bool:
    """Whether the prompt does not pass: an error-level finding, or a score under the minimum."""
    too_low = min_score is not None and checked.score.value < min_score
    return too_low or any(finding.severity == "error" for finding in checked.findings)


def apply_fixes(text: str, findings: Sequence[Finding]) -> str:
    """The text with every fix in place, from the end so that spans stay valid; of overlapping ones the later stays."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    spans = sorted(
        (
            (
                starts[finding.line - 1] + finding.column - 1,
                starts[finding.end_line - 1] + finding.end_column - 1,
                finding.fix or "",
            )
            for finding in findings
        ),
        reverse=True,
    )
    limit = len(text) + 1
    for start, end, replacement in spans:
        if end <= limit:
            text = text[:start] + replacement + text[end:]
            limit = start
    return text


def write_atomically(path: Path, text: str) -> None:
    """Replace the file's text, keeping its mode; a crash leaves the old file or the new one.

    Raises:
        FileProblem: it cannot be written.
    """
    try:
        replace(path, text.encode(), keep_mode=True)
    except OSError as error:
        raise FileProblem(f"{path} cannot be written: {error.strerror}") from error
