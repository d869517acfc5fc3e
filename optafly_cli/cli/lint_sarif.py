"""SARIF 2.1.0, as code scanning services read it."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from optafly_cli._version import __version__
from optafly_cli.cli.lint_json import LOW, all_findings
from optafly_cli.refine.linting.baseline import fingerprints
from optafly_cli.refine.linting.check import Checked
from optafly_cli.refine.linting.targets import Target
from optafly_cli.refine.result import Finding
from optafly_cli.refine.rules import CATALOGUE
from optafly_cli.refine.rules.base import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_INDEX = {one.id: number for number, one in enumerate(CATALOGUE)} | {LOW: len(CATALOGUE)}


def report(found: Sequence[Checked], least: float | None) -> str:
    """One run with all rules and results."""
    low = {"id": LOW, "name": "score-too-low", "shortDescription": {"text": "score under the minimum"}}
    driver = {"name": "optafly", "semanticVersion": __version__, "rules": [*map(_rule, CATALOGUE), low]}
    results = [result for one in found for result in _results(one, least)]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(one: Rule) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.title.title().replace(" ", "").replace("'", ""),
        "shortDescription": {"text": one.title},
        "fullDescription": {"text": one.explanation},
        "help": {"text": f"{one.explanation}\n\nBad: {one.bad}\nBetter: {one.better}"},
        "defaultConfiguration": {"level": _LEVELS[one.severity]},
    }


def _results(one: Checked, least: float | None) -> list[dict[str, Any]]:
    findings = all_findings(one, least)
    marks = fingerprints(one.target, findings)
    return [_result(one.target, finding, mark) for finding, mark in zip(findings, marks, strict=True)]


def _result(target: Target, finding: Finding, mark: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": _INDEX[finding.rule],
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [_location(target, finding)],
        "partialFingerprints": {"optafly/v1": mark},
    }
    if finding.fix is not None and _is_file(target):
        change = {
            "artifactLocation": _artifact(target),
            "replacements": [{"deletedRegion": _region(finding), "insertedContent": {"text": finding.fix}}],
        }
        result["fixes"] = [{"description": {"text": f"fix {finding.rule}"}, "artifactChanges": [change]}]
    return result


def _location(target: Target, finding: Finding) -> dict[str, Any]:
    if not _is_file(target):
        return {"logicalLocations": [{"name": target.key, "kind": "resource"}]}
    return {"physicalLocation": {"artifactLocation": _artifact(target), "region": _region(finding)}}


def _artifact(target: Target) -> dict[str, str]:
    if target.label is not None:
        return {"uri": quote(target.label), "uriBaseId": "%SRCROOT%"}
    return {"uri": target.path.absolute().as_uri() if target.path else quote(target.key)}


def _region(finding: Finding) -> dict[str, int]:
    return {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }


def _is_file(target: Target) -> bool:
    return target.path is not None
