"""Checking prompts: analyse each, place its findings in the file, keep what was selected."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.errors import UsageError
from optafly_cli.refine.analyse import analyse
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.linting.baseline import Baseline
from optafly_cli.refine.linting.directives import silenced
from optafly_cli.refine.linting.targets import Target
from optafly_cli.refine.result import Finding, Score, Severity
from optafly_cli.refine.rules import known_rules, rule
from optafly_cli.workspace.root import is_no_project
from optafly_cli.workspace.types import NamedContext, Workspace

if TYPE_CHECKING:
    from optafly_cli.workspace.index.view import IndexView

PATIENCE_S = 10.0
"""Seconds for one search for names: what CI finds must not hang on how busy it is."""
LEVELS: Mapping[str, Severity | None] = {"error": "error", "warning": "warning", "info": "info", "off": None}


@dataclass(frozen=True, slots=True)
class Checked:
    """A target that was checked: its score and the findings that count; `fixed` counts the fixes applied.

    The score is the lowest of its prompts; None when none of them is a task. `known` counts what the baseline took.
    """

    target: Target
    score: Score | None
    findings: tuple[Finding, ...]
    fixed: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rules count, and how much: those that start with a prefix of `select` (none: all), less those of `ignore`.

    `levels` are severities by prefix, the longest prefix first; None switches off.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    levels: tuple[tuple[str, Severity | None], ...] = ()

    def kept(self, finding: Finding) -> Finding | None:
        """The finding with the severity that it has here; None when it does not count."""
        selected = not self.select or finding.rule.startswith(self.select)
        if not selected or (self.ignore and finding.rule.startswith(self.ignore)):
            return None
        for prefix, level in self.levels:
            if finding.rule.startswith(prefix):
                return replace(finding, severity=level) if level else None
        return finding


def prefixes(parts: Iterable[str]) -> tuple[str, ...]:
    """Prefixes of rules, in capitals.

    Raises:
        UsageError: one is the prefix of no rule.
    """
    found = tuple(part.strip().upper() for part in parts if part.strip())
    for prefix in found:
        if not any(known.startswith(prefix) for known in known_rules()):
            raise UsageError(f"no rule starts with {prefix}", remedy=f"the rules are {', '.join(known_rules())}")
    return found


def levels(parts: Iterable[str]) -> tuple[tuple[str, Severity | None], ...]:
    """What `OPF005=error` and the like say, the longest prefix first.

    Raises:
        UsageError: one has another form, or names no rule.
    """
    found: list[tuple[str, Severity | None]] = []
    for part in parts:
        name, equals, level = part.partition("=")
        if not equals or level.strip().lower() not in LEVELS:
            raise UsageError(f"{part}: no severity", remedy="write OPF005=error, warning, info or off")
        found += [(prefix, LEVELS[level.strip().lower()]) for prefix in prefixes([name])]
    return tuple(sorted(found, key=lambda one: -len(one[0])))


def check(
    targets: Iterable[Target], workspace: Workspace, keep: Filter, indexes: Path | None = None
) -> Iterator[Checked]:
    """Analyse the prompts of each target in this workspace, which is listed once.

    `indexes`: the folder that may hold an index of the workspace. Names that it defines need no search through the
    text; none is built for this.
    """

    def index() -> "IndexView | None":
        if indexes is None or is_no_project(workspace):
            return None
        from optafly_cli.workspace.index.keeper import Keeper

        return Keeper(workspace, indexes).view(build=False)

    files = WorkspaceFiles(workspace, patience_s=PATIENCE_S, index=index)
    for target in targets:
        yield check_one(target, files, keep)


def check_one(target: Target, files: WorkspaceFiles, keep: Filter) -> Checked:
    """The findings of one target, in order of place, and its score."""
    scores = []
    found = []
    for excerpt in target.excerpts:
        analysis = analyse(excerpt.text, NamedContext(), files.workspace, files=files, template=excerpt.template)
        if excerpt.kind == "prompt":
            scores.append(analysis.score)
        for finding in analysis.findings:
            known = rule(finding.rule)
            if known is None or excerpt.kind not in known.kinds:
                continue
            line, column = excerpt.place(finding.line, finding.column)
            end_line, end_column = excerpt.place(finding.end_line, finding.end_column)
            kept = keep.kept(finding)
            if kept is not None and not silenced(finding.rule, line, target.directives):
                found.append(replace(kept, line=line, column=column, end_line=end_line, end_column=end_column))
    findings = tuple(sorted(found, key=lambda one: (one.line, one.column, one.rule)))
    return Checked(target, min(scores, key=lambda one: one.value, default=None), findings)


def fails(checked: Checked, min_score: float | None) -> bool:
    """Whether the target does not pass: an error-level finding, or a score under the minimum."""
    return is_low(checked, min_score) or any(finding.severity == "error" for finding in checked.findings)


def is_low(checked: Checked, min_score: float | None) -> bool:
    """Whether its score is under the minimum."""
    return min_score is not None and checked.score is not None and checked.score.value < min_score


def unknown_rules(target: Target) -> tuple[str, ...]:
    """What disable comments name that is no rule: probably a slip."""
    named = {name for directive in target.directives for name in directive.rules}
    return tuple(sorted(name for name in named if not any(one.startswith(name) for one in known_rules())))


def less_known(checked: Checked, baseline: Baseline) -> Checked:
    """The same without the findings that the baseline has."""
    new = baseline.new(checked.target, checked.findings)
    return replace(checked, findings=new, known=len(checked.findings) - len(new))
