"""What a prompt asks the index: its terms, weighed by where they stand, and the names and places that it names."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from optafly_cli.refine.errors_in_text import ErrorText, Frame
from optafly_cli.refine.mentions import path_mentions, symbols
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.retrieval.template import without_template
from optafly_cli.workspace.index.history import references
from optafly_cli.workspace.index.words import terms_of
from optafly_cli.workspace.types import LineRange

MOST_TERMS = 80
MOST_NAMES = 60
_MOST_REFERENCES = 20
_TITLE = 300
_READ = 20_000
"""Characters of the prompt that are searched with; more says nothing new."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for. Weights are relative to each other within one field, 1 for a plain word of the prose.

    `names` are identifiers as typed, exact case; `dotted` are names with their path ("pkg.mod.Class.method"), 1 where
    the prose names one alone, less in pasted code and in a list;
    `paths` as typed, with lines where they were given; `frames` innermost first; `references` to issues and requests
    as the history of a workspace has them ("#123").
    """

    title: Mapping[str, float]
    text: Mapping[str, float]
    code: Mapping[str, float]
    names: Mapping[str, float]
    dotted: Mapping[str, float] = field(default_factory=dict)
    paths: tuple[tuple[str, LineRange | None], ...] = ()
    frames: tuple[Frame, ...] = ()
    references: tuple[str, ...] = ()
    about_tests: bool = False
    about_docs: bool = False


def query_of(view: PromptText, errors: Iterable[ErrorText] = (), piped: str = "") -> Query:
    """The query of a prompt; `errors` and `piped` are what was piped in beside it."""
    text = without_template(view.text[:_READ])
    title = _title(text)
    weights: dict[str, float] = defaultdict(float)
    code: dict[str, float] = defaultdict(float)
    names: dict[str, float] = defaultdict(float)
    noise = [match.span() for match in _patterns()["noise"].finditer(text)]
    for match in _patterns()["word"].finditer(text):
        if any(start <= match.start() < end for start, end in noise):
            continue
        kind = _kind_at(view, match.start())
        for term in terms_of(match.group()):
            weights[term] += _TEXT[kind]
            if kind != "prose":
                code[term] += 1.0
    for joined in _compounds(title):
        weights[joined] += _COMPOUND
    for name, weight in _names(view, text, title):
        names[name] = max(names[name], weight)
    frames = list(_frames((*view.errors, *errors)))
    for frame in frames[:8]:
        if frame.function:
            last = re.split(r"\W+", frame.function.strip("<>()"))[-1]
            names[last] = max(names[last], 1.0)
    for match in _patterns()["word"].finditer(piped[:_READ]):
        for term in terms_of(match.group()):
            weights[term] += 0.3
    lowered = title.lower()
    return Query(
        title={
            **dict.fromkeys(_compounds(title), _COMPOUND),
            **{term: 1.0 for match in _patterns()["word"].finditer(title) for term in terms_of(match.group())},
        },
        text=_most({term: 1.0 + math.log(1.0 + weight) for term, weight in weights.items()}),
        code=_most({term: 1.0 + math.log(1.0 + weight) for term, weight in code.items()}),
        names=_most(names, MOST_NAMES),
        dotted=_dotted(view, text),
        paths=(*((mention.path, mention.lines) for mention in path_mentions(view) if not mention.made), *_linked(text)),
        frames=tuple(dict.fromkeys(frames))[:30],
        references=tuple(dict.fromkeys(references(text)))[:_MOST_REFERENCES],
        about_tests=bool(_patterns()["tests"].search(lowered)),
        about_docs=bool(_patterns()["docs"].search(lowered)),
    )


_TEXT = {"prose": 1.0, "inline": 1.0, "quote": 1.0, "fence": 0.3, "code": 0.3, "error": 0.5}


_PASTED = 0.4
"""What a module that pasted code names counts: there it is what is used, seldom what is wrong."""
_COMPOUND = 0.7
"""What two words of the title that stand together count when code writes them as one."""


def _compounds(title: str) -> Iterator[str]:
    """Neighbouring words as code joins them: "inherited members" is inherited_members and inheritedMembers."""
    words = [match.group().lower() for match in _patterns()["word"].finditer(title)]
    for one, other in pairwise(words):
        if len(one) > 2 and len(other) > 2 and "_" not in one + other:
            yield f"{one}_{other}"
            yield one + other


def _title(text: str) -> str:
    first = next((line for line in text.split("\n") if line.strip()), "")
    return first.strip("# *")[:_TITLE]


def _kind_at(view: PromptText, offset: int) -> str:
    from bisect import bisect_right

    regions = view.regions
    at = bisect_right(regions, offset, key=lambda region: region.start) - 1
    return regions[at].kind if at >= 0 and offset < regions[at].end else "prose"


def _names(view: PromptText, text: str, title: str) -> Iterator[tuple[str, float]]:
    """Identifiers and how much they count: in inline code and like code in prose most, in pasted code least."""
    for match in symbols().finditer(text):
        kind = _kind_at(view, match.start())
        weight = {"prose": 0.8, "inline": 1.0, "quote": 0.7, "error": 0.6}.get(kind, 0.4)
        for part in re.split(r"\W+", match.group()):
            if len(part) > 2:
                yield part, weight
    for match in _patterns()["dotted"].finditer(text):
        weight = 0.35 if _kind_at(view, match.start()) in ("fence", "code") else 0.8
        for part in match.group().split("."):
            if len(part) > 2:
                yield part, weight
    for region in view.of("inline", "quote"):
        for part in _patterns()["word"].findall(text[region.start : region.end]):
            if len(part) > 2:
                yield part, 0.9 if region.kind == "inline" else 0.5
    for match in _patterns()["called"].finditer(text):
        yield match[1], 0.5 if _kind_at(view, match.start()) in ("fence", "code") else 0.9
    for part in _patterns()["word"].findall(title):
        if len(part) > 3:
            yield part, 0.4


def _frames(errors: Sequence[ErrorText]) -> Iterator[Frame]:
    """The frames of errors, innermost first. pytest writes a trace with its code between: parts without a message."""
    before: list[Frame] = []
    for error in errors:
        if error.frames and error.message.startswith("error at "):
            before[:0] = error.frames
        else:
            yield from (*error.frames, *before)
            before = []
    yield from before


def _linked(text: str) -> Iterator[tuple[str, LineRange | None]]:
    """The files, and lines, that links to the pages of a code host lead to."""
    for match in _patterns()["linked"].finditer(text):
        first = int(match["first"] or 0)
        yield match["path"], LineRange(first, max(first, int(match["last"] or 0))) if first else None


def _dotted(view: PromptText, text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in _patterns()["line"].finditer(text):
        names = list(_patterns()["dotted"].finditer(text, *line.span()))
        for match in names:
            pasted = _kind_at(view, match.start()) in ("fence", "code")
            weight = (_PASTED if pasted else 1.0) / len(names)
            found[match.group()] = max(found.get(match.group(), 0.0), weight)
    return found


def _most(weights: Mapping[str, float], most: int = MOST_TERMS) -> dict[str, float]:
    return dict(sorted(weights.items(), key=lambda item: -item[1])[:most])


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "word": re.compile(r"[^\W\d]\w{1,79}"),
        "line": re.compile(r"[^\n]+"),
        "dotted": re.compile(r"\b[A-Za-z_]\w+(?:\.[A-Za-z_]\w+)+\b"),
        "called": re.compile(r"\b([A-Za-z_]\w{2,60})\("),
        # lists of versions, links, and comments of issue templates
        "noise": re.compile(
            r"^[ \t*-]*[\w.-]+ *(?:==|@) *v?\d+(?:\.\w+)+.*?$|^[ \t]*[\w.-]+[ \t]+v?\d+(?:\.\w+)+(?:[ \t]+\S+)?[ \t]*$"
            r"|^[ \t]*[-*] \[[ xX]\].*?$|https?://\S+|<!--.*?-->",
            re.M | re.S,
        ),
        "linked": re.compile(
            r"https?://[\w.-]+/[^\s/()]+/[^\s/()]+/(?:-/)?(?:blob|src/commit|raw)/[^\s/()]+/(?P<path>[^\s()#?\]>\"'`]+)"
            r"(?:#L(?P<first>\d{1,6})(?:-L?(?P<last>\d{1,6}))?)?"
        ),
        "tests": re.compile(r"\b(?:unit[ -]tests?|add (?:a )?tests?|test coverage|flaky|test suite)\b"),
        "docs": re.compile(r"\b(?:readme|changelog|typo|documentation|docs)\b"),
    }
