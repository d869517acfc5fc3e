"""What only the user can tell: findings that miss a fact, as questions, with the places to choose from.

In: a `Subject` and its findings. Out: at most three questions. Nothing is assumed instead of an answer.
"""

from collections.abc import Iterator, Sequence

from optafly_cli.refine.attached import QUESTIONS
from optafly_cli.refine.result import Finding, Question
from optafly_cli.refine.rules.base import Subject
from optafly_cli.refine.rules.symbols import ambiguous

MOST_QUESTIONS = 3
MOST_CHOICES = 5


def questions(subject: Subject, findings: Sequence[Finding]) -> tuple[Question, ...]:
    """The questions that the findings raise: which code first, then what is wrong with it or wanted of it."""
    if subject.view.structure is not None:
        return ()
    return tuple(_questions(subject, findings))[:MOST_QUESTIONS]


def _questions(subject: Subject, findings: Sequence[Finding]) -> Iterator[Question]:
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.rule, finding)
    if "OPF002" in first:
        yield Question("OPF002", QUESTIONS["OPF002"], _evidence(first["OPF002"]), _recent(subject))
    if "OPF018" in first:
        for named, places in ambiguous(subject):
            choices = tuple(f"{one.label}:{one.line}" for one in places[:MOST_CHOICES])
            yield Question("OPF018", f"Which {named.name} is meant?", _evidence(first["OPF018"]), choices)
            break
    for rule in ("OPF003", "OPF013"):
        if rule in first:
            yield Question(rule, QUESTIONS[rule], _evidence(first[rule]))


def _evidence(finding: Finding) -> str:
    return f"the prompt, line {finding.line}"


def _recent(subject: Subject) -> tuple[str, ...]:
    """The files that were worked on last."""
    files = subject.files
    labels = [label for label in (files.active, *(edit.label for edit in files.edits(MOST_CHOICES))) if label]
    files.ask_git(labels)
    allowed = (label for label in labels if files.refusal(label) is None)
    return tuple(dict.fromkeys(allowed))[:MOST_CHOICES]
