"""The interpretable features of the score: each 0 to 1, each says one thing about the prompt.

What is attached can only raise a feature that helps and lower one that hurts, so a refined prompt never scores
lower than its original.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache

from optafly_cli.refine.examples.agreement import agreement
from optafly_cli.refine.found import chance_found, on_scale
from optafly_cli.refine.mentions import symbols
from optafly_cli.refine.open_cases import open_cases
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.result import Finding
from optafly_cli.refine.rules.base import Subject
from optafly_cli.refine.rules.completeness import says_expected, says_observed
from optafly_cli.refine.rules.referents import pointer
from optafly_cli.refine.rules.wording import (
    alternatives,
    defining_words,
    hedge_words,
    indefinite_words,
    open_words,
    placeholder_words,
    vague_words,
)

HEAD = 4_000
"""Characters in which examples, literals and versions are counted."""
CONTRADICTIONS = ("OPF008", "OPF019")
RULES_OF: Mapping[str, tuple[str, ...]] = {
    "several_tasks": ("OPF004",),
    "contradictions": CONTRADICTIONS,
    "hedges": ("OPF006",),
    "vague": ("OPF005",),
    "open_points": ("OPF007", "OPF009"),
    "pointing": ("OPF002",),
}
"""The rules that a feature counts. `unresolved` counts every finding of severity error."""


def features(subject: Subject, findings: Sequence[Finding]) -> Mapping[str, float]:
    """The features by name, as `data/score-weights.toml` weighs them."""
    rules = [finding.rule for finding in findings]
    return {
        **_intent(subject, rules),
        **_evidence(subject),
        **_precision(subject, rules),
        **_grounding(subject, findings),
    }


def _intent(subject: Subject, rules: Sequence[str]) -> dict[str, float]:
    return {"clear_action": subject.intent.confidence, "several_tasks": float("OPF004" in rules)}


def _evidence(subject: Subject) -> dict[str, float]:
    view, attached = subject.view, subject.attached
    said = 0.5 * says_expected(view) + 0.5 * says_observed(view)
    error = 1.0 if view.errors or attached.error else 0.6 if view.named_error else 0.0
    return {
        "error_text": error,
        "expectation": max(said, 0.4 if attached.expectations else 0.0),
        "examples": _saturating(_examples(view), 1.5),
        "environment": float(_patterns()["version"].search(view.text[:HEAD]) is not None),
        **_agreement(view),
    }


def _agreement(view: PromptText) -> dict[str, float]:
    """What examples with a result show, and whether the words explain it."""
    found = agreement(view.text, view.examples)
    return {
        "examples_explained": found.explained * (0.5 + 0.5 * found.simple),
        "examples_shown": found.shown,
        "examples_odd": min(1.0, 0.5 * found.echoes + found.overfull),
    }


def _precision(subject: Subject, rules: Sequence[str]) -> dict[str, float]:
    view = subject.view
    words = max(view.words, 1)
    # In a long text a hedge weighs less
    scale = 1.0 if words <= 60 else 60 / words
    return {
        "detail": words / (words + 40) if view.words else 0.0,
        "specifics": _saturating(_specifics(subject), 5.0),
        "defined": _saturating(scale * defining_words(view), 4.0),
        "alternatives": _saturating(scale * alternatives(view), 3.0),
        "indefinite": _saturating(scale * indefinite_words(view), 3.0),
        "hedges": _saturating(scale * sum(1 for _ in hedge_words(view)), 2.0),
        "vague": _saturating(scale * sum(1 for _ in vague_words(view)), 2.0),
        "open_points": _saturating(
            sum(1 for _ in open_words(view)) * scale + sum(1 for _ in placeholder_words(view)), 1.5
        ),
        "open_cases": _saturating(open_cases(view), 1.0),
        "contradictions": _saturating(sum(rule in CONTRADICTIONS for rule in rules), 1.0),
    }


def _grounding(subject: Subject, findings: Sequence[Finding]) -> dict[str, float]:
    view, attached = subject.view, subject.attached
    code = 1.0 if attached.code else 0.8 if view.of("fence", "code") else 0.0
    errors = sum(1 for finding in findings if finding.severity == "error")
    points = "OPF002" in {finding.rule for finding in findings}
    return {
        "located": _located(subject),
        "found": on_scale(chance_found(subject)),
        "code": code,
        "self_contained": 0.0 if points else _self_contained(subject, code),
        "pointing": float(points),
        "unresolved": 1.0 - 0.5**errors,
    }


def _located(subject: Subject) -> float:
    """1: a line that exists, or a frame; 0.6: a file that exists; 0.3: a name in inline code."""
    if subject.attached.located or any(error.frames for error in subject.view.errors):
        return 1.0
    known = [one for one in subject.mentions if subject.files.label(one.path) is not None]
    if any(one.lines is not None for one in known):
        return 1.0
    weaker = 0.3 if subject.identifiers or symbols().search(subject.view.prose) else 0.0
    return max(0.6 if known or subject.attached.code else 0.0, weaker)


def _self_contained(subject: Subject, code: float) -> float:
    """How far the prompt can be answered without a workspace: a full question, or a task that brings its code."""
    if code or subject.attached.code:
        return 1.0
    question = subject.intent.action in ("explain", "other", "document")
    if pointer(subject.view) is not None or subject.mentions or subject.identifiers:
        return 0.0
    return min(1.0, subject.view.words / 12) if question else min(1.0, subject.view.words / 120)


def _examples(view: PromptText) -> float:
    """Examples of input and output, steps, and blocks of code or output."""
    patterns = _patterns()
    text = view.text[:HEAD]
    return (
        0.7 * len(view.of("fence"))
        + 0.5 * len(patterns["doctest"].findall(text))
        + 0.5 * len(patterns["example"].findall(view.prose[:HEAD]))
        + 0.25 * len(patterns["step"].findall(text))
    )


def _specifics(subject: Subject) -> float:
    """Numbers, literals, identifiers and paths in the user's words."""
    view = subject.view
    prose = view.prose[:HEAD]
    return (
        len(_patterns()["number"].findall(prose))
        + len(symbols().findall(prose))
        + 0.5 * len(_patterns()["condition"].findall(prose))
        + len(view.of("inline", "quote"))
        + len(subject.mentions)
    )


def _saturating(amount: float, half: float) -> float:
    """0 for nothing, 0.5 at `half`, towards 1."""
    return amount / (amount + half)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "version": re.compile(
            r"\bv?\d+\.\d+(?:\.\d+)+\b|\b(?:version|python|node|rust|go|java|pytest|sphinx|django|numpy|ubuntu|macos|windows|"
            r"linux|requests|\.net|gcc|clang)\s*[:=]?\s*v?\d+(?:\.\d+)*\b|\b(?:macos|ubuntu|windows \d+|debian"
            r"|alpine)\b",
            re.I,
        ),
        "doctest": re.compile(r"^[ \t]*>>> ", re.M),
        "example": re.compile(
            r"\b(?:for example|e\.g\.|for instance|such as|examples?:|reproduc\w+|input:|output:"
            r"|given\b.{1,60}\breturns?)|=>|➞|==>|->",
            re.I,
        ),
        "step": re.compile(r"^[ \t]*(?:\d{1,2}[.)]|[-*])[ \t]+\S", re.M),
        "number": re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])"),
        "condition": re.compile(
            r"\b(?:if|when|unless|otherwise|only|every|each|all|both|except|must|should|return(?:s|ed)?|empty|exactly|not)\b",
            re.I,
        ),
    }
