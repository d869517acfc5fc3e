"""The rules, listed and explained: `lint --rules` and `lint --explain`."""

import textwrap
from typing import Any

from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError
from optafly_cli.refine.rules import CATALOGUE, known_rules, rule
from optafly_cli.refine.rules.base import Rule

WIDTH = 80
STYLES = {"error": "error", "warning": "warning", "info": "dim"}


def listing(ui: Ui) -> None:
    """Every rule on a line."""
    if ui.json:
        ui.document("rules", {"rules": [_document(one) for one in CATALOGUE]})
        return
    for one in CATALOGUE:
        ui.styled_line((one.id, "bold"), ("  ", None), (f"{one.severity:8}", STYLES[one.severity]), (one.title, None))


def explain(ui: Ui, rule_id: str) -> None:
    """One rule in full.

    Raises:
        UsageError: there is no rule of that id.
    """
    found = rule(rule_id.strip().upper())
    if found is None:
        raise UsageError(f"there is no rule {rule_id}", remedy=f"the rules are {', '.join(known_rules())}")
    if ui.json:
        ui.document("rule", _document(found))
        return
    ui.styled_line(
        (found.id, "bold"), (f" {found.title} (", None), (found.severity, STYLES[found.severity]), (")", None)
    )
    ui.line()
    ui.line(textwrap.fill(found.explanation, WIDTH))
    for label, text in (("Bad", found.bad), ("Better", found.better)):
        ui.line(f"\n{label}:\n{textwrap.indent(text, '    ')}")
    ui.line(f"\nLooked for in: {kinds(found)}.")
    ui.line(f"Switched off for a line by: <!-- optafly: disable={found.id} -->")


def kinds(one: Rule) -> str:
    """The texts that a rule is for, in words."""
    words = {"prompt": "prompts", "instructions": "instructions (CLAUDE.md)", "commit": "commit messages"}
    return ", ".join(text for kind, text in words.items() if kind in one.kinds)


def _document(one: Rule) -> dict[str, Any]:
    return {
        "rule": one.id,
        "severity": one.severity,
        "title": one.title,
        "explanation": one.explanation,
        "bad": one.bad,
        "better": one.better,
        "kinds": sorted(one.kinds),
    }
