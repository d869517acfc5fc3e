"""The optimiser: what is done to which part of a request, in which order, until nothing more can be removed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from optafly_cli.refine.result import Section
from optafly_cli.route.optimiser.again import without_repeats
from optafly_cli.route.optimiser.blobs import without_blobs
from optafly_cli.route.optimiser.escapes import last_state, without_sequences
from optafly_cli.route.optimiser.fences import stretches
from optafly_cli.route.optimiser.looks import is_important, looks_like_output
from optafly_cli.route.optimiser.memory import SENT_BEFORE, Memory, reference
from optafly_cli.route.optimiser.noise import folded
from optafly_cli.route.optimiser.notes import Removal, Stretch

PassageKind = Literal["instruction", "reply", "code", "context", "output"]
"""What a passage is: the user's words, an answer of Claude's, code or data, prose about a project, what a tool said."""

CODE = (
    *(".py", ".pyi", ".js", ".jsx", ".mjs", ".ts", ".tsx", ".rs", ".go", ".c", ".h", ".cc", ".cpp", ".hpp", ".java"),
    *(".kt", ".cs", ".rb", ".php", ".swift", ".scala", ".sh", ".sql", ".html", ".css", ".md", ".rst", ".toml", ".yaml"),
    *(".yml", ".json", ".xml"),
)
"""Files that are never taken for a log, whatever they look like."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One text of a request, in its place. `label` names it for people."""

    kind: PassageKind
    label: str
    text: str


def lossless(sections: Sequence[Section]) -> tuple[tuple[Section, ...], tuple[Removal, ...]]:
    """The sections without what they have too much, and what was removed from them.

    A section whose text is exactly that of an earlier one is not sent again.
    """
    kept: list[Section] = []
    removals: list[Removal] = []
    seen: set[str] = set()
    for section in sections:
        if section.kind != "instruction" and section.text in seen:
            removals.append(Removal(section.label, "the same text was sent before", section.text, ""))
            continue
        seen.add(section.text)
        kept.append(section)
    passages, more = optimised([Passage(_kind(section), section.label, section.text) for section in kept])
    changed = zip(kept, passages, strict=True)
    return tuple(_with(section, passage.text) for section, passage in changed), (*removals, *more)


def _with(section: Section, text: str) -> Section:
    return section if section.text == text else replace(section, text=text)


def _kind(section: Section) -> PassageKind:
    match section.kind:
        case "instruction":
            return "instruction"
        case "project_context":
            return "context"
    path = section.label.partition(":")[0].lower()
    is_log = not path.endswith(CODE) and not path.startswith("diff of ") and looks_like_output(_lines(section.text))
    return "output" if is_log else "code"


def optimised(passages: Sequence[Passage]) -> tuple[tuple[Passage, ...], tuple[Removal, ...]]:
    """The passages, in their order and number, without what they have too much, and what was removed.

    Each pass makes the text shorter or is the last; what was optimised has nothing left to remove.
    """
    removals: list[Removal] = []
    current = tuple(passages)
    while True:
        memory = Memory()
        after = tuple(_Pass(passage, memory, removals).run() for passage in current)
        if after == current:
            return current, tuple(removals)
        current = after


class _Pass:
    """One look at one passage; `memory` holds the passages before it."""

    def __init__(self, passage: Passage, memory: Memory, removals: list[Removal]) -> None:
        self.passage = passage
        self.memory = memory
        self.removals = removals

    def run(self) -> Passage:
        """The passage as it is sent."""
        passage = self.passage
        lines = _lines(passage.text)
        match passage.kind:
            case "reply":
                self.memory.add(lines)
                kept = lines
            case "code":
                kept = [*self._whole(lines)]
            case _:
                kept = [*self._outside_fences(lines)]
        self.memory.end()
        text = "\n".join(kept)
        return passage if text == passage.text else replace(passage, text=text)

    def _whole(self, lines: Sequence[str]) -> Sequence[str]:
        """Code as it is; all of it at once a reference, its tags aside, where it stands above."""
        tagged = len(lines) > 2 and lines[0].startswith("<") and lines[-1].startswith("</")
        body = lines[1:-1] if tagged else lines
        if self.memory.known(body, 0) == len(body):
            instead = self._note(SENT_BEFORE, body, [reference(body)])
            lines = [lines[0], *instead, lines[-1]] if tagged else instead
        self.memory.add(lines)
        return lines

    def _outside_fences(self, lines: Sequence[str]) -> Iterator[str]:
        is_output = self.passage.kind == "output" and looks_like_output([*lines])
        for fenced, stretch in stretches(lines):
            if fenced:
                self.memory.add(stretch)
                yield from stretch
            elif self.passage.kind == "instruction":
                for is_log, paragraphs in _by_look(stretch):
                    told = self._told(paragraphs) if is_log else paragraphs
                    self.memory.add(told)
                    yield from told
            else:
                short = self._told(stretch) if is_output else self._trimmed(stretch)
                yield from self._noted(self.memory.refer(short))

    def _told(self, lines: Sequence[str]) -> Sequence[str]:
        """What a tool printed, as short as it can be told."""
        told = [*self._noted(folded(self._trimmed(lines, blanks=True)))]
        return [*self._noted(without_repeats(told))]

    def _trimmed(self, lines: Sequence[str], *, blanks: bool = False) -> Sequence[str]:
        """Lines without what cannot be seen, and blobs."""
        plain = [without_sequences(line) for line in lines]
        plain = [state for line in plain for state in last_state(line)]
        if plain != [*lines]:
            self._note("what a terminal would not show", lines, plain)
        bare = [line.rstrip(" \t\r") for line in plain]
        if blanks:
            bare = [line for above, line in zip(["x", *bare], bare, strict=False) if line or above]
        if bare != plain:
            self._note("white space", plain, bare)
        minified = self.passage.kind == "output"
        short = [line if is_important(line) else without_blobs(line, minified=minified) for line in bare]
        if short != bare:
            self._note("blobs", bare, short)
        return short

    def _noted(self, found: Iterable[Stretch]) -> Iterator[str]:
        """Stretches as they are then, each change taken down."""
        for reason, before, after in found:
            yield from self._note(reason, before, after) if reason else after

    def _note(self, reason: str, before: Sequence[str], after: Sequence[str]) -> Sequence[str]:
        """Take down one removal: of lines that were changed one by one only those that were."""
        was, now = [*before], [*after]
        if len(was) == len(now):
            changed = [number for number, line in enumerate(was) if line != now[number]]
            was, now = [was[number] for number in changed], [now[number] for number in changed]
        self.removals.append(Removal(self.passage.label, reason, "\n".join(was), "\n".join(now)))
        return after


def _by_look(lines: Sequence[str]) -> Iterator[tuple[bool, list[str]]]:
    """Paragraphs, and whether they look like output; those together that follow each other and do alike."""
    for is_log, paragraphs in groupby(_paragraphs(lines), looks_like_output):
        yield is_log, [line for paragraph in paragraphs for line in paragraph]


def _paragraphs(lines: Sequence[str]) -> Iterator[list[str]]:
    """Lines up to and with the blank ones that end a paragraph."""
    paragraph: list[str] = []
    for number, line in enumerate(lines):
        paragraph.append(line)
        if not line.strip() and number + 1 < len(lines) and lines[number + 1].strip():
            yield paragraph
            paragraph = []
    if paragraph:
        yield paragraph


def _lines(text: str) -> list[str]:
    return text.split("\n")
