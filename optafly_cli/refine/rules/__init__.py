"""The catalogue of rules: ids are stable and are never used again for another rule.

In: a `Subject` (a prompt, its intent, what is named, the workspace). Out: findings, in order of place. Each module
holds a group of rules; none of them changes anything.
"""

from collections.abc import Collection

from optafly_cli.refine.result import Finding
from optafly_cli.refine.rules import (
    cache_killers,
    completeness,
    examples,
    grounding,
    injection,
    limits,
    referents,
    secret,
    shape,
    symbols,
    wording,
)
from optafly_cli.refine.rules.base import Rule, Subject, findings_of

MAX_FINDINGS_PER_RULE = 20

CATALOGUE: tuple[Rule, ...] = tuple(
    sorted(
        (
            *shape.RULES,
            *referents.RULES,
            *completeness.RULES,
            *wording.RULES,
            *limits.RULES,
            *grounding.RULES,
            *secret.RULES,
            *cache_killers.RULES,
            *symbols.RULES,
            *examples.RULES,
            *injection.RULES,
        ),
        key=lambda rule: rule.id,
    )
)


def known_rules() -> tuple[str, ...]:
    """The ids of all rules, in order."""
    return tuple(rule.id for rule in CATALOGUE)


def rule(rule_id: str) -> Rule | None:
    """The rule of that id."""
    return next((one for one in CATALOGUE if one.id == rule_id), None)


def findings(subject: Subject, only: Collection[str] | None = None) -> tuple[Finding, ...]:
    """Every rule's findings, in order of place, at most `MAX_FINDINGS_PER_RULE` of each; of `only` those rules.

    What the user has answered is no longer missing.
    """
    found: list[Finding] = []
    for one in CATALOGUE:
        if (only is not None and one.id not in only) or one.id in subject.attached.answered:
            continue
        for number, finding in enumerate(findings_of(one, subject)):
            if number >= MAX_FINDINGS_PER_RULE:
                break
            found.append(finding)
    return tuple(sorted(found, key=lambda finding: (finding.line, finding.column, finding.rule)))
