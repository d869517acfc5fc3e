"""The parts of the JSON documents that several commands share."""

from typing import Any

from optafly_cli.refine.result import Finding


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as `refine --json` and `lint --format json` show it."""
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "fix": finding.fix,
    }


def score_value(value: float) -> float:
    """A score or share with as many digits as it deserves."""
    return round(value, 4)
