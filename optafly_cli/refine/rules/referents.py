"""Words that point at something, with nothing there."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Literal

from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.rules.base import TASKS, Rule, Spot, Subject, quoted

LONGEST_CHECKED = 60
"""Words of prose above which "this issue" means what the prompt itself has described."""
SHORT = 30
"""Words of prose above which "this commit" is one thing among others that are told."""
BRIEF = 12
"""Words of prose under which "the bug" points too."""


def pointer(view: PromptText) -> re.Match[str] | None:
    """The first words that point ("this bug", "fix it", "these changes"), or None.

    Those do not whose referent is the workspace as a whole ("this project") or stands in the sentence.
    """
    patterns, prose = _patterns(), view.prose

    def first(name: str) -> re.Match[str] | None:
        return next((one for one in patterns[name].finditer(prose) if not _is_bound(prose, one)), None)

    match = first("this") or first("object") or patterns["subject"].match(prose)
    return first("the") if match is None and view.words <= BRIEF else match


def is_about_the_whole(view: PromptText) -> bool:
    """Whether words point at the workspace as a whole: "this app", "the code base"."""
    return _patterns()["whole"].search(view.prose) is not None


def asks_about_the_whole(view: PromptText) -> bool:
    """Whether that is all that the prompt asks about: "what does this project do?", "explain the code base"."""
    return (
        view.words <= SHORT and is_about_the_whole(view) and _patterns()["overview"].fullmatch(view.prose) is not None
    )


def only_in_git(view: PromptText) -> Literal["changes", "revision", ""]:
    """What a short prompt points at that no file holds: "these changes", "this commit"; "" for neither."""
    match = _patterns()["in_git"].search(view.prose) if view.words <= SHORT else None
    if match is None:
        return ""
    return "changes" if match["changes"] is not None else "revision"


def unbound_pointer(subject: Subject) -> Iterator[Spot]:
    """ "this bug" with no file, selection, pasted code, error or name; "this diff" where nothing was changed."""
    view = subject.view
    if view.words > LONGEST_CHECKED or subject.says_what:
        return
    match = pointer(view)
    if match is None:
        return
    remedy = "name a file and line (--file F:LINE), or paste the code or the error"
    start, end = match.span("words")
    in_git = _patterns()["in_git"].match(view.prose, start)
    if in_git is not None:
        changes = in_git["changes"] is not None
        if subject.files.has_changes if changes else subject.files.in_git:
            return
        nothing = "nothing was changed here: name the commits, or paste the diff"
        remedy = nothing if changes else "name it, or pipe it in (git show, git diff)"
        end = in_git.end()
    yield Spot(start, end, f"{quoted(view.prose[start:end])} points at nothing: {remedy}.")


def _is_bound(prose: str, match: re.Match[str]) -> bool:
    """Whether what stands behind the words says what they point at."""
    patterns, end = _patterns(), match.end("words")
    bound = [patterns["compound"], patterns["told"]]
    if len(match["words"].split()) == 1:
        bound.append(patterns["noun"])
        if patterns["says_that"].match(prose, match.start()) or patterns["expletive"].match(prose, match.start()):
            return True
    if patterns["place"].search(prose, match.start("words"), end):
        bound.remove(patterns["told"])
    return any(pattern.match(prose, end) for pattern in bound)


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    things = (
        r"(?:bug|error|issue|problem|crash|failure|code|function|method|class|file|module|test|line|loop|query|script|"
        r"component|snippet|block|warning|exception|program|struct|type|hook|endpoint|handler|thing|one)s?"
    )
    places = r"\b(?:code|function|method|class|file|module|test|line|loop|component|block|struct|type|hook|handler)s?\b"
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
            r"(?<!\brun )\b(?P<words>the\s+(?:bug|error|issue|problem|crash|failure|code|function|method|class|file|"
            r"exception|test|tests|failing\s+tests?))\b(?!\s+(?:of|in|with|from|for|where|when|that|which|between)\b)",
            re.I,
        ),
        "place": re.compile(places, re.I),
        # "this code base": of two words the first is not the thing
        "compound": re.compile(
            r"(?:(?<=\bcode)\s+bases?|(?<=\btest)\s+suites?|(?<=\bfile)\s+(?:structure|layout|tree))\b", re.I
        ),
        # What is said behind a colon is what is pointed at; behind a place it is what is wrong there
        "told": re.compile(rf"(?:\s+(?!{places})\w+){{0,2}}\s*:\s*\S+\s+\S", re.I),
        "noun": re.compile(
            rf"\s+(?:{_whole()}(?!\s+{things}\b)|(?:week|month|quarter|year|decade|century|time|morning|evening)\b)",
            re.I,
        ),
        "whole": re.compile(
            rf"\b(?:(?:this|these|our|my)\s+{_whole()}|the\s+(?:code[\s-]?base|project|repo(?:sitory)?|app)\b)", re.I
        ),
        "overview": re.compile(
            rf"(?:\W|\b(?:this|these|our|my|the|a|an|{_WHOLE}|explain|describe|summari[sz]e|introduce|overview|introduction|"
            r"tour|give|show|tell|me|us|please|briefly|short|brief|quick|high|level|what|how|which|why|is|are|does|do|done|it|"
            r"can|i|we|you|to|of|in|for|on|and|at|about|with|work|works|working|well|good|badly|best|better|purpose|goals?|"
            r"main|parts?|all|whole|structured?|organi[sz]ed|architecture|laid|out|used?|useful|built|made|new|someone|"
            r"python|rust|go|java|(?:java|type)script|node|ruby|php|web|open[\s-]source|command[\s-]line)\b)*",
            re.I,
        ),
        "in_git": re.compile(
            r"\b(?:this|that|these|those)\s+(?:(?P<changes>changes|diffs?|patch(?:es)?|edits|modifications)|branch|commits?|"
            r"(?:pull|merge)\s+request|pr|mr)\b",
            re.I,
        ),
        "says_that": re.compile(
            r"(?:check|test|document|explain|review)\s+that\s+(?:(?:the|an?|all|every|each|no|none|nothing|everything|it|they|"
            r"we|you|there|our|my|your|its|their|only|both|any|some|if|when)\s+\w|(?:[\w'-]+\s+){1,3}?(?:is|are|was|were|"
            r"has|have|does|do|doesn't|don't|can|can't|cannot|will|won't|must|should|never|always)\b)",
            re.I,
        ),
        "expletive": re.compile(
            r"make\s+it\s+(?:so|easy|possible|impossible|clear|obvious|hard)\s+(?:to|that|for)\b", re.I
        ),
    }


_WHOLE = (
    r"(?:projects?|repos?|repositor(?:y|ies)|code[\s-]?bases?|work[\s-]?spaces?|packages?|librar(?:y|ies)|apps?|"
    r"applications?|monorepo|crates?|tools?|cli|frameworks?|web\s?site|software|system|folder|directory|test\s+suites?|"
    r"(?:file|folder|directory)\s+(?:structure|layout|tree))\b"
)
"""What a workspace is called."""


def _whole() -> str:
    """The same with a word before it that says of what kind: "Python code base"."""
    other = (
        r"in|on|at|of|for|from|with|to|by|as|into|across|within|inside|per|and|or|if|when|so|because|using|via|the|an?|all|"
        r"every|each|our|my|your|its|their|please|now"
    )
    return rf"(?:(?!(?:{other})\b)[\w.+#-]+\s+)?{_WHOLE}"


RULES = (
    Rule(
        "OPF002",
        "warning",
        "points at nothing",
        'Words such as "this bug" need something to point at. Name the file and line, select the code, or paste the '
        "code or the error; otherwise the model guesses which code is meant. What the workspace is, or git has of it "
        '("this project", "this commit", "these changes"), is there to be looked at.',
        unbound_pointer,
        bad="fix this bug",
        better="fix this bug in src/main.rs:5",
        kinds=TASKS | {"commit"},
    ),
)
