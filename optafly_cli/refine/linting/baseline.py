"""Findings that are known already, so that a linter can be taken up in a project that has some.

A file of JSON: per path and rule, a digest of the line that the finding is on, and how many there are. Lines may move;
a finding is new when its line was changed. No text of a prompt is in the file.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optafly_cli.durable import replace
from optafly_cli.errors import FileProblem, UsageError
from optafly_cli.refine.linting.targets import Target
from optafly_cli.refine.result import Finding
from optafly_cli.workspace.secrets import redact
from optafly_cli.workspace.sources import read_source

SCHEMA = "optafly.lint-baseline/1"
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Baseline:
    """How many findings are known, by path or id and fingerprint."""

    counts: Mapping[tuple[str, str], int]

    def new(self, target: Target, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """The findings that are not known; of equal ones the first are."""
        left = Counter(self.counts)
        new = []
        for finding, mark in zip(findings, fingerprints(target, findings), strict=True):
            if left[name(target), mark] > 0:
                left[name(target), mark] -= 1
            else:
                new.append(finding)
        return tuple(new)


NONE = Baseline({})
"""Nothing is known."""


def name(target: Target) -> str:
    """What a target is called in the file: its path in the workspace, so that it does not matter where lint is run."""
    return target.label or target.key


def fingerprints(target: Target, findings: Sequence[Finding]) -> list[str]:
    """For each finding a mark that stays when its line moves: rule and line, without secrets and without its indent."""
    lines = target.text.split("\n")
    marks = []
    for finding in findings:
        line = lines[finding.line - 1] if finding.line <= len(lines) else ""
        text = " ".join(redact(line).text.split())
        marks.append(hashlib.sha256(f"{finding.rule}\0{text}".encode(errors="replace")).hexdigest()[:_DIGITS])
    return marks


def read_baseline(path: Path, shown: str) -> Baseline:
    """The baseline in a file.

    Raises:
        FileProblem: it cannot be read.
        UsageError: it is no baseline.
    """
    remedy = "write it anew: optafly lint … --baseline FILE --write-baseline"
    try:
        raw = json.loads(read_source(path, shown=shown).text)
        if raw["schema"] != SCHEMA:
            raise UsageError(f"{shown} is of another version ({str(raw['schema'])[:60]})", remedy=remedy)
        counts = {(str(row["path"]), str(row["digest"])): int(row["count"]) for row in raw["findings"]}
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{shown} is no baseline", remedy=remedy) from error
    return Baseline(counts)


def write_baseline(path: Path, found: Iterable[tuple[Target, Sequence[Finding]]]) -> int:
    """Write what was found as known; how many findings that are.

    Raises:
        FileProblem: it cannot be written.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for target, findings in found:
        for finding, mark in zip(findings, fingerprints(target, findings), strict=True):
            counts[name(target), finding.rule, mark] += 1
    rows = [
        {"path": where, "rule": which, "digest": mark, "count": count}
        for (where, which, mark), count in sorted(counts.items())
    ]
    text = json.dumps({"schema": SCHEMA, "findings": rows}, indent=1, ensure_ascii=False) + "\n"
    try:
        # It belongs into the repository, as any other file of it
        is_new = not path.exists()
        replace(path, text.encode(), keep_mode=True)
        if is_new:
            path.chmod(0o644)
    except OSError as error:
        raise FileProblem(
            f"{path} cannot be written: {error.strerror}", remedy="check the permissions of its folder"
        ) from error
    return sum(counts.values())
