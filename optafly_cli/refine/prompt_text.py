"""A prompt made ready for rules: where its code, quotes and error texts stand, and what is left as prose.

Rules look at `text`, the user's own words, at most `LIMIT` characters of them; in a prompt that is refined already
that is the request inside. `prose` is as long as `text`, with everything that is not prose blanked out, so offsets
are the same in both.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, NamedTuple

from optafly_cli.refine.errors_in_text import ErrorText, find_errors, named_error
from optafly_cli.refine.examples.reading import Example, examples_in
from optafly_cli.refine.markup import Structure, parse
from optafly_cli.workspace.secrets import Redaction, redact

LIMIT = 100_000
RegionKind = Literal["fence", "inline", "quote", "error", "code", "variable"]


class Region(NamedTuple):
    """A stretch of `text` that is not prose. `start` and `end` are offsets, the marks included."""

    kind: RegionKind
    start: int
    end: int


class Position(NamedTuple):
    """A place in the prompt; line and column are 1-based."""

    line: int
    column: int


@dataclass(frozen=True)
class PromptText:
    """A prompt, and what its parts are; everything costly is found when it is first asked for.

    In a `template`, `{{name}}`, `{name}` and `${name}` stand for text to come.
    """

    prompt: str
    template: bool = False

    @cached_property
    def structure(self) -> Structure | None:
        """What the prompt is made of when it is refined already."""
        return parse(self.prompt)

    @cached_property
    def base(self) -> int:
        """Where `text` begins in the prompt."""
        return self.structure.body_start if self.structure else 0

    @cached_property
    def text(self) -> str:
        """The user's own words, as far as rules look."""
        end = self.structure.body_end if self.structure else len(self.prompt)
        return self.prompt[self.base : min(end, self.base + LIMIT)]

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """Everything in `text` that is not prose, in order and without overlap."""
        fences = [Region("fence", *match.span()) for match in _patterns()["fence"].finditer(self.text)]
        errors = self._error_regions(fences)
        taken = _merge([*fences, *errors])
        code = [region for region in self._code_lines() if not _covered(region, taken)]
        taken = _merge([*taken, *code])
        rest = _blank(self.text, taken)
        if self.template:
            taken = _merge([*taken, *(Region("variable", *one.span()) for one in variable().finditer(rest))])
            rest = _blank(self.text, taken)
        inline = [Region("inline", *match.span()) for match in _patterns()["inline"].finditer(rest)]
        rest = _blank(rest, inline)
        quotes = [Region("quote", *match.span()) for match in _patterns()["quote"].finditer(rest)]
        return tuple(_merge([*taken, *inline, *quotes]))

    @cached_property
    def prose(self) -> str:
        """`text` with code, quotes and error texts replaced by blanks of the same length."""
        return _blank(self.text, self.regions)

    @cached_property
    def errors(self) -> tuple[ErrorText, ...]:
        """The error texts pasted into the prompt."""
        return find_errors(self.text)

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """The examples of input and output, in order."""
        return examples_in(self.text)

    @cached_property
    def named_error(self) -> str:
        """An error that the prose, inline code or a quote names, or ""."""
        return named_error(self.without("fence", "error", "code"))

    @cached_property
    def redaction(self) -> Redaction:
        """`text` without the secrets in it."""
        return redact(self.text)

    @cached_property
    def words(self) -> int:
        """How many words of prose there are."""
        return len(_patterns()["word"].findall(self.prose))

    def without(self, *kinds: RegionKind) -> str:
        """`text` with only the regions of these kinds blanked out."""
        return _blank(self.text, [region for region in self.regions if region.kind in kinds])

    def of(self, *kinds: RegionKind) -> list[Region]:
        """The regions of these kinds."""
        return [region for region in self.regions if region.kind in kinds]

    def position(self, offset: int) -> Position:
        """Line and column, in the whole prompt, of an offset in `text`."""
        starts = self._line_starts
        line = bisect_right(starts, offset) - 1
        first = self._first_line_offset if line == 0 else 0
        return Position(self._lines_before + line + 1, offset - starts[line] + first + 1)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    @cached_property
    def _lines_before(self) -> int:
        return self.prompt.count("\n", 0, self.base)

    @cached_property
    def _first_line_offset(self) -> int:
        return self.base - (self.prompt.rfind("\n", 0, self.base) + 1)

    def _error_regions(self, fences: Iterable[Region]) -> list[Region]:
        """Error texts as regions, those inside fences left to their fence."""
        starts = [*self._line_starts, len(self.text) + 1]
        found = []
        for error in self.errors:
            region = Region("error", starts[error.start_line - 1], min(starts[error.end_line], len(self.text)))
            if not _covered(region, fences):
                found.append(region)
        return found

    def _code_lines(self) -> list[Region]:
        """Lines that are code or output without a fence: doctests, shell prompts, quoted lines, statements."""
        return [Region("code", *match.span()) for match in _patterns()["code_line"].finditer(self.text)]


@cache
def variable() -> re.Pattern[str]:
    """What a template fills in: `{{name}}`, `{% … %}`, `<%= … %>`, `${name}`, `{name}` with attributes or a format."""
    return re.compile(
        r"\{\{\{?[^{}\n]{1,200}\}?\}\}|\{%[^\n]{1,200}?%\}|<%[^\n]{1,200}?%>|\$\{[^{}\n]{1,200}\}"
        r"|(?<!\{)\{[A-Za-z_][\w.\[\]()'\"-]{0,80}(?:![rsa])?(?::[^{}\n]{0,20})?\}(?!\})|\$[A-Z][A-Z_]{2,40}\b"
    )


def _covered(region: Region, others: Iterable[Region]) -> bool:
    return any(other.start < region.end and region.start < other.end for other in others)


def _merge(regions: Iterable[Region]) -> list[Region]:
    """In order, without overlap: of two that overlap the earlier stays, the later keeps what juts out."""
    merged: list[Region] = []
    for region in sorted(regions, key=lambda one: (one.start, -one.end)):
        start = max(region.start, merged[-1].end) if merged else region.start
        if start < region.end:
            merged.append(Region(region.kind, start, region.end))
    return merged


def _blank(text: str, regions: Iterable[Region]) -> str:
    pieces: list[str] = []
    position = 0
    for region in regions:
        inside = text[region.start : region.end]
        pieces.append(text[position : region.start])
        pieces.append("\n".join(" " * len(line) for line in inside.split("\n")))
        position = region.end
    return "".join(pieces) + text[position:]


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        "fence": re.compile(r"^[ \t]{0,8}(`{3,}+|~{3,}+)[^\n]*+\n(?:.*?^[ \t]{0,8}\1[`~]*[ \t\r]*$|.*\Z)", re.M | re.S),
        "inline": re.compile(r"(`{1,3})(?!`)[^`\n]{1,400}(?<!`)\1(?!`)"),
        "quote": re.compile(
            r'"[^"\n]{1,400}"|“[^”\n]{1,400}”|«[^»\n]{1,400}»|(?<![\w\'])\'[^\'\n]{1,200}\'(?!\w)|‘[^’\n]{1,200}’(?!\w)'
        ),
        "code_line": re.compile(
            r"^(?:[ \t]*(?:>>> |\.\.\. |\$ |> ).*"
            r"|.*(?:[;{}]|\)[ \t]*->[^\n]{1,80}:)[ \t]*"
            r"|[ \t]*(?:import [\w.]+|from [\w.]+ import .+|(?:async )?def \w+\(.*|return \S+\(.*|#include .+"
            r"|@\w[\w.]*(?:\(.*\))?))\r?$",
            re.M,
        ),
        "word": re.compile(r"[^\W\d_][\w'’-]*"),
    }
