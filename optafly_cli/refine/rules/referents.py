"""Words that point at something, with nothing there."""

import re
from collections.abc import Iterator
from functools import cache

from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.rules.base import TASKS, Rule, Spot, Subject, quoted

LONGEST_CHECKED = 60
"""Words of prose above which "this issue" means what the prompt itself has described."""
BRIEF = 12
"""Words of prose under which "the bug" points too."""


def pointer(view: PromptText) -> re.Match[str] | None:
    """The first words that point ("this bug", "fix it"), or None."""
    patterns = _patterns()
    match = patterns["this"].search(view.prose) or patterns["object"].search(view.prose)
    match = match or patterns["subject"].match(view.prose)
    if match is None and view.words <= BRIEF:
        match = patterns["the"].search(view.prose)
    return match


def unbound_pointer(subject: Subject) -> Iterator[Spot]:
    """ "this bug" with no file, selection, pasted code, error or name."""
    view = subject.view
    if view.words > LONGEST_CHECKED or subject.says_what:
        return
    match = pointer(view)
    if match is None:
        return
    yield Spot(
        *match.span("words"),
        f"{quoted(match['words'])} points at nothing: name a file and line (--file F:LINE), or paste the code or "
        f"the error.",
    )


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    things = (
        r"(?:bug|error|issue|problem|crash|failure|code|function|method|class|file|module|test|line|loop|query|script|"
        r"component|snippet|block|warning|exception|program|struct|type|hook|endpoint|handler|thing|one)s?"
    )
    return {
        "this": re.compile(rf"\b(?P<words>(?:this|that|these|those)\s+(?:\w+\s+)?{things})\b", re.I),
        "object": re.compile(
            r"\b(?:fix|debug|explain|refactor|review|optimi[sz]e|improve|document|test|simplify|rewrite|solve|check|"
            r"clean\s+up|speed\s+up|make|why\s+(?:is|does|did)|what\s+(?:is|does|are))\s+"
            r"(?P<words>it|this|that|these|those|them)\b(?!\s+(?:possible|mean|take|true|that)\b)",
            re.I,
        ),
        "subject": re.compile(
            r"\s*(?:\w+\s){0,2}?(?P<words>it|this|that)\s(?:does|is|was|has|keeps?|fails?|crash(?:es)?|stopped|won't|doesn't|"
            r"isn't|never|just|always|broke)\b",
            re.I,
        ),
        "the": re.compile(
            r"\b(?P<words>the\s+(?:bug|error|issue|problem|crash|failure|code|function|method|class|file|exception|test|tests|"
            r"failing\s+tests?))\b(?!\s+(?:of|in|with|from|for|where|when|that|which|between)\b)",
            re.I,
        ),
    }


RULES = (
    Rule(
        "OPF002",
        "warning",
        "points at nothing",
        'Words such as "this bug" need something to point at. Name the file and line, select the code, or paste the '
        "code or the error; otherwise the model guesses which code is meant.",
        unbound_pointer,
        bad="fix this bug",
        better="fix this bug in src/main.rs:5",
        kinds=TASKS | {"commit"},
    ),
)
