"""JUnit XML: each target a test case, which fails when the target does."""

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from optafly_cli.cli.lint_json import all_findings
from optafly_cli.refine.linting.baseline import name
from optafly_cli.refine.linting.check import Checked, fails
from optafly_cli.refine.result import Finding

_SUITE = "optafly lint"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report(found: Sequence[Checked], least: float | None) -> str:
    """The document. What does not fail a target stands in its output."""
    failed = sum(fails(one, least) for one in found)
    counts = f'tests="{len(found)}" failures="{failed}" errors="0" skipped="0" time="0"'
    cases = "".join(_case(one, least) for one in found)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites name={_attribute(_SUITE)} {counts}>\n"
        f"  <testsuite name={_attribute(_SUITE)} {counts}>\n{cases}  </testsuite>\n</testsuites>\n"
    )


def _case(one: Checked, least: float | None) -> str:
    findings = all_findings(one, least)
    errors = [finding for finding in findings if finding.severity == "error"]
    others = [finding for finding in findings if finding.severity != "error"]
    parts = []
    if errors:
        message = errors[0].message if len(errors) == 1 else f"{len(errors)} errors"
        kind = errors[0].rule
        parts.append(
            f"      <failure message={_attribute(message)} type={_attribute(kind)}>{_lines(one, errors)}</failure>\n"
        )
    if others:
        parts.append(f"      <system-out>{_lines(one, others)}</system-out>\n")
    head = f'    <testcase classname={_attribute(_SUITE)} name={_attribute(name(one.target))} time="0"'
    return f"{head}>\n{''.join(parts)}    </testcase>\n" if parts else f"{head}/>\n"


def _lines(one: Checked, findings: Sequence[Finding]) -> str:
    lines = [
        f"{name(one.target)}:{finding.line}:{finding.column}: {finding.severity} {finding.rule} {finding.message}"
        for finding in findings
    ]
    return escape(_FORBIDDEN.sub("\ufffd", "\n".join(lines)))


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", text))
