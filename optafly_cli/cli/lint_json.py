"""What `lint` found as the one document of `--format json`, and counts that all formats share."""

from collections.abc import Sequence
from typing import Any

from optafly_cli.cli.documents import finding_document, score_value
from optafly_cli.refine.linting.check import Checked, fails, is_low
from optafly_cli.refine.result import Finding

LOW = "min-score"
"""What stands in a rule's place where a score is too low."""


def document(found: Sequence[Checked], least: float | None) -> dict[str, Any]:
    """The results in order, and the summary."""
    return {
        "results": [
            {
                ("path" if one.target.is_path else "id"): one.target.key,
                "score": score_value(one.score.value) if one.score else None,
                "dimensions": (
                    {name: score_value(value) for name, value in one.score.dimensions.items()} if one.score else {}
                ),
                "coverage": [*one.score.coverage] if one.score else [],
                "findings": [finding_document(finding) for finding in one.findings],
            }
            for one in found
        ],
        "summary": summary(found, least),
    }


def summary(found: Sequence[Checked], least: float | None) -> dict[str, int]:
    """How many of everything."""
    severities = [finding.severity for one in found for finding in one.findings]
    return {
        "prompts": sum(len(one.target.excerpts) for one in found),
        "failed": sum(fails(one, least) for one in found),
        "errors": severities.count("error"),
        "warnings": severities.count("warning"),
        "infos": severities.count("info"),
        "fixed": sum(one.fixed for one in found),
        "known": sum(one.known for one in found),
    }


def all_findings(one: Checked, least: float | None) -> list[Finding]:
    """The findings, and one more where the score is too low: for formats that know only findings."""
    low = Finding(LOW, "error", low_message(one, least), 1, 1, 1, 1)
    return [*one.findings, *([low] if is_low(one, least) else [])]


def low_message(one: Checked, least: float | None) -> str:
    """That the score is too low, in words."""
    return f"score {one.score.value:.2f} is under {least:.2f}" if one.score and least is not None else ""
