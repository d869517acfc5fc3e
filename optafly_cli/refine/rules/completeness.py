"""Facts without which a task of that kind cannot be done right."""

import re
from collections.abc import Iterator
from functools import cache

from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.rules.base import PROMPTS, Rule, Spot, Subject

SURE = 0.5
"""Intent confidence from which a prompt is held to what its action needs."""


def says_expected(view: PromptText) -> bool:
    """Whether the prompt says what should happen."""
    return _patterns()["expected"].search(view.prose) is not None


def says_observed(view: PromptText) -> bool:
    """Whether the prompt says what does happen."""
    return _patterns()["observed"].search(view.prose) is not None


def no_symptom(subject: Subject) -> Iterator[Spot]:
    """A bug without its error text, and without what was expected or observed."""
    view = subject.view
    if subject.intent.action != "debug" or subject.intent.confidence < SURE:
        return
    told = view.errors or view.named_error or subject.attached.error or says_expected(view) or says_observed(view)
    if told or subject.piped is not None or view.of("fence", "error") or _patterns()["plain"].search(view.prose):
        return
    yield Spot(
        *_whole(view), "What goes wrong is not said: give the error text, or what happens and what should happen."
    )


def no_acceptance(subject: Subject) -> Iterator[Spot]:
    """New behaviour without a word on how to tell that it is right."""
    view = subject.view
    if subject.intent.action != "implement" or subject.intent.confidence < SURE or not view.text.strip():
        return
    told = says_expected(view) or says_observed(view) or _patterns()["acceptance"].search(view.prose)
    if told or view.of("fence", "code") or view.words > 40:
        return
    yield Spot(
        *_whole(view),
        "How to tell that it is done is not said: what comes in, what comes out, and what should happen on errors.",
    )


def no_format(subject: Subject) -> Iterator[Spot]:
    """JSON, a table, CSV … asked for, and nothing on its fields."""
    view = subject.view
    if subject.intent.action in ("debug", "implement", "refactor", "optimise", "test"):
        return
    match = _patterns()["format"].search(view.prose)
    if match is None or view.of("fence") or _patterns()["fields"].search(view.without("error")):
        return
    yield Spot(
        *match.span("format"), f"{match['format']} is asked for, but not which fields or columns it should have."
    )


def _whole(view: PromptText) -> tuple[int, int]:
    """The first line that has words in it."""
    match = re.search(r"\S[^\n]*", view.text)
    return match.span() if match else (0, 0)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "expected": re.compile(
            r"\bexpect(?:s|ed|ing|ation)?\b|\bshould(?:n't| not)?\s+\w+|\bsupposed to\b|\binstead of\b"
            r"|\bmust(?:n't| not)?\s+\w+"
            r"|\bought to\b|\bso that\b|\bdesired\b|\bcorrect (?:result|output|behaviou?r|value)\b|\bwant (?:it"
            r"|this|that) to\b",
            re.I,
        ),
        "observed": re.compile(
            r"\bactual(?:ly)?\b|\bcurrent(?:ly)? (?:output|behaviou?r|result|it|returns?|gives?)\b|\bobserved\b"
            r"|\b(?:returns?|prints?|outputs?|shows?|displays?|gives?|gets?|got|produces?|yields?|receives?|ends? up)\b"
            r"|\b(?:crash|hang|freez|panick?|segfault|fail|throw|rais|exit|loop|leak|overflow|truncat|duplicat|ignor)"
            r"(?:e?s|ed|ing)\b"
            r"|\b(?:is|are|was|does|do|did|has|have)(?:n't|n’t| not) (?!work)\w+|\binstead\b|\bnever \w+s\b"
            r"|\bwithout any\b",
            re.I,
        ),
        "acceptance": re.compile(
            r"\b(?:accept(?:s|ance)?|returns?|returning|given|when|if|takes?|input|output|example|e\.g\.|such as"
            r"|like|so that|"
            r"defaults?|must|at (?:least|most)|named|called|with (?:the )?(?:fields?|columns?|options?"
            r"|arguments?))\b|->|=>|\d",
            re.I,
        ),
        "plain": re.compile(
            r"\b(?:typos?|spelling|misspell\w+|grammar|indentation|formatting|unused|deprecat\w+|lint\w*|clippy|"
            r"compil\w+ (?:error|warning)s?|warnings?|import order|dead link)\b",
            re.I,
        ),
        "format": re.compile(
            r"\b(?:answer|respond|reply|return|output|list|summari[sz]e|give|print|format|extract|write|report|show|provide|"
            r"present|describe|everything|result|findings)\b[^.!?\n]{0,60}?\b(?:as|in|into|to)\s+(?:an?\s+|the\s+)?(?:valid\s+|"
            r"structured\s+|markdown\s+|single\s+|pure\s+)*(?P<format>JSON|YAML|CSV|XML|TOML|table)\b(?!\s+file|\s*/)",
            re.I,
        ),
        "fields": re.compile(
            r"\b(?:keys?|fields?|columns?|schema|propert(?:y|ies)|attributes?|headers?|containing|consisting|"
            r"with (?:the )?(?:following|name|path|line|id)|of the form|like this|structure|array of|list of"
            r"|object with)\b|[{\[]",
            re.I,
        ),
    }


RULES = (
    Rule(
        "OPF003",
        "warning",
        "bug without a symptom",
        "A bug report needs the error text, or what happens and what should happen instead. Paste the error, "
        "pipe it in "
        "(cargo test 2>&1 | optafly …), or say both in a sentence.",
        no_symptom,
        bad="fix the bug in the login form",
        better='Fix the login form: it shows "500" after Enter, it should show the start page.',
    ),
    Rule(
        "OPF013",
        "info",
        "new behaviour without acceptance",
        "Say how to tell that the change is right: input and output, an example, or what must hold. Otherwise "
        "the model "
        "decides.",
        no_acceptance,
        bad="Add a login page",
        better="Add a login page: /login takes name and password and must answer 401 when they are wrong",
    ),
    Rule(
        "OPF014",
        "warning",
        "structured output without its structure",
        "When a program is to read the answer, name the fields or columns, or give an example of one record.",
        no_format,
        bad="List all the endpoints as JSON",
        better="List all the endpoints as JSON with the fields path and method",
        kinds=PROMPTS,
    ),
)
