"""GitHub's workflow commands: findings as annotations on the changed files."""

from collections.abc import Sequence

from optafly_cli.cli.lint_json import all_findings
from optafly_cli.refine.linting.baseline import name
from optafly_cli.refine.linting.check import Checked
from optafly_cli.refine.result import Finding

_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def report(found: Sequence[Checked], least: float | None) -> str:
    """One command a line. https://docs.github.com/actions/reference/workflow-commands-for-github-actions"""
    return "".join(_command(one, finding) + "\n" for one in found for finding in all_findings(one, least))


def _command(one: Checked, finding: Finding) -> str:
    place: dict[str, str | int] = {}
    if one.target.is_path and one.target.key != "-":
        place = {"file": name(one.target), "line": finding.line, "endLine": finding.end_line}
        # GitHub shows columns only where the end is on the same line
        if finding.line == finding.end_line:
            place |= {"col": finding.column, "endColumn": max(finding.end_column, finding.column)}
    place["title"] = f"optafly {finding.rule}"
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in place.items())
    return f"::{_LEVELS[finding.severity]} {properties}::{_data(finding.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
