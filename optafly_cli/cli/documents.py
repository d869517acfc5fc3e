"""What several commands show alike: parts of their JSON documents, ages."""

import re
from typing import Any

from optafly_cli.errors import UsageError
from optafly_cli.refine.result import Finding, RefinedPrompt

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"(\d{1,9}(?:\.\d+)?) ?(s|m|min|h|d|days?|w|weeks?)")


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


def score_document(refined: RefinedPrompt) -> dict[str, Any]:
    """The scores of a rewrite; dimensions, coverage and contributions are those of the refined prompt."""
    score = refined.score_refined
    return {
        "original": score_value(refined.score_original.value),
        "refined": score_value(score.value),
        "dimensions": {name: score_value(value) for name, value in score.dimensions.items()},
        "coverage": [*score.coverage],
        "contributions": [
            {
                "feature": one.feature,
                "dimension": one.dimension,
                "value": score_value(one.value),
                "amount": score_value(one.amount),
                "points": score_value(one.points),
                "rules": [*one.rules],
            }
            for one in score.contributions
        ],
    }


def moment(text: str, now: float) -> float:
    """The Unix time that `7d`, `12h`, `30min` (ago) or a date, `2026-11-30` or `2026-11-30T12:00`, means.

    Raises:
        UsageError: it is neither.
    """
    from datetime import datetime

    if found := _AGO.fullmatch(text.strip().lower()):
        return now - float(found[1]) * _SECONDS[found[2][:1]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"--since {text}: that is no time", remedy="give 30min, 12h, 7d, 2w, or a date as 2026-11-30"
        ) from None


def size(count: int) -> str:
    """Bytes in the unit that suits them."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}" if count < 10 * unit else f"{count / unit:,.0f} {name}"
    return f"{count} B"
