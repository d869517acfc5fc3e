"""What the template of a report asks for, and what is said of the reporter's machine: no words of what is wrong."""

import re
from functools import cache

_ASKED = frozenset((
    "a", "actual", "additional", "alternative", "alternatives", "an", "and", "any", "applicable", "background",
    "behavior", "behaviour", "bug", "bugs", "checklist", "code", "considered", "context", "current", "describe",
    "description", "detail", "details", "environment", "error", "example", "expected", "extensions", "extra",
    "feature", "fix", "for", "happened", "happens", "how", "if", "info", "information", "is", "issue", "it", "like",
    "log", "logs", "minimal", "motivation", "of", "or", "os", "other", "output", "platform", "please", "possible",
    "problem", "procedure", "project", "proposed", "provide", "python", "question", "related", "report", "reproduce",
    "reproducible", "reproducing", "reproduction", "reproductive", "request", "result", "results", "sample",
    "screenshot", "screenshots", "solution", "step", "steps", "summary", "system", "the", "this", "to", "tools",
    "traceback", "version", "versions", "what", "with", "workaround", "you", "you'd", "you've", "your",
))  # fmt: skip
"""A heading that is made of these words alone is the template's."""
_LONG_HEADING, _LONG_LINE = 4, 200
"""Words of a heading, and characters of a line, that are more than an answer about a machine."""


def without_template(text: str) -> str:
    """The text with spaces in the place of the template's headings and stock phrases and of what is said of versions.

    Offsets stay as they are. The first line, which is the title, is kept, and so is all that stands in fences.
    """
    lines = text.split("\n")
    title = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    fenced = of_machine = False
    for at in range(title + 1, len(lines)):
        line = lines[at]
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced:
            heading = _heading(line)
            if heading:
                of_machine = len(heading) <= _LONG_HEADING and bool(_patterns()["machine"].search(" ".join(heading)))
            asked = bool(heading) and _ASKED.issuperset(heading)
            # A long line is somebody's own words, and would take these patterns long
            answer = len(line) < _LONG_LINE and (of_machine or _patterns()["field"].match(line))
            if asked or answer:
                lines[at] = " " * len(line)
            elif not heading:
                lines[at] = _patterns()["stock"].sub(lambda found: " " * len(found.group()), line)
    return "\n".join(lines)


def _heading(line: str) -> list[str]:
    """The words of a heading, lower-case; none where the line is none. A bare line is one if a template may ask it."""
    match = _patterns()["heading"].match(line) if len(line) < _LONG_LINE else None
    if match is None:
        return []
    words: list[str] = re.findall(r"[\w']+", (match["marked"] or match["bold"] or match["bare"]).lower())
    return words if match["bare"] is None or _ASKED.issuperset(words) else []


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "heading": re.compile(
            r"\s*(?:#{1,6}\s+(?P<marked>.+?)[\s#]*|\*\*(?P<bold>[^*]+)\*\*:?|(?P<bare>[A-Z][A-Za-z' ]{3,50}):?)\s*$"
        ),
        "machine": re.compile(
            r"\b(?:environment|versions?|os|operating system|platform|screenshots?|system info(?:rmation)?|extra tools"
            r"|installed packages|pip list)\b"
        ),
        "field": re.compile(
            r"(?i)\s*[-*]?\s*(?:os|python|browser|platform|operating system|[\w-]+ version|[\w-]+ extensions?"
            r"|extra tools)\s*[:=]"
        ),
        "stock": re.compile(
            r"(?i)^\s*(?:_?no response_?|n/?a|no|none|nothing)\.?\s*$|please describe\.?|a clear and concise "
            r"description of.*|^\s*steps to reproduce the behaviou?r:?\s*$|^if applicable, add .*"
            r"|^add any other context.*"
        ),
    }
