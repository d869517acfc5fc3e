"""What refine hands on: the rewritten prompt in sections, with the record of how it came about."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from optafly_cli.workspace.types import ContextPiece

Action = Literal["debug", "implement", "refactor", "explain", "test", "review", "document", "optimise", "other"]
Severity = Literal["error", "warning", "info"]
ChangeKind = Literal[
    "added_context",
    "added_structure",
    "added_code_snippet",
    "added_file_location",
    "added_expected_behavior",
    "improved_clarity",
]
SectionKind = Literal["project_context", "file_reference", "code_block", "instruction"]


@dataclass(frozen=True, slots=True)
class Intent:
    """What the prompt asks to be done; confidence is 0 to 1."""

    action: Action
    confidence: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule violation. Lines and columns are 1-based; the end is exclusive by column. `fix` replaces the span."""

    rule: str
    severity: Severity
    message: str
    line: int
    column: int
    end_line: int
    end_column: int
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One edit that the rewrite made, or would have made.

    `rule` asked for it: a finding's id, or a word such as "named" or "context". `evidence` is what it rests on:
    "src/main.rs:3-7", "the prompt, line 1", "piped text, line 12". `score_gain` is what the score has more with it than
    without it, 0 or more; None when nobody wanted to know. `undoable`: it can be left out by itself. `number` counts
    from 1 in the rewrite with nothing left out; `id` stays the same when that is made anew. `path`: the file that it
    shows a part of, "" where it shows none. `file_gain`: as `score_gain`, for all parts of that file together.
    """

    kind: ChangeKind
    description: str
    tokens_added: int
    rule: str = ""
    evidence: str = ""
    score_gain: float | None = None
    undoable: bool = True
    number: int = 0
    id: str = ""
    path: str = ""
    file_gain: float | None = None


def by_file(changes: Iterable[Change]) -> Iterator[tuple[Change, ...]]:
    """The changes in their order, those together that show parts of one file for the same reason."""

    def key(change: Change) -> tuple[str, str]:
        return (change.path, change.rule) if change.path else ("", change.id)

    for _, group in groupby(changes, key):
        yield tuple(group)


@dataclass(frozen=True, slots=True)
class Question:
    """A fact that only the user knows, and that a finding of `rule` misses.

    `choices` are places in the workspace ("src/main.rs", "app/people.py:5"); `evidence` is as for a change.
    """

    rule: str
    text: str
    evidence: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user said to a question; it goes into the refined prompt verbatim."""

    question: Question
    text: str


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature does to the score.

    `value`: of the feature, 0 to 1. `amount`: what it adds to the weighed sum. `points`: what the score would lose
    without it, negative where it lowers the score. `rules`: those whose findings it counts here.
    """

    feature: str
    dimension: str
    value: float
    amount: float
    points: float
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """How good the prompt is: 0 to 1, and its dimensions, each 0 to 1 (docs/score.md).

    `coverage`: what could not be seen, a phrase each. `contributions`: what made the number, largest effect first.
    """

    value: float
    dimensions: Mapping[str, float]
    coverage: tuple[str, ...] = ()
    contributions: tuple[Contribution, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the refined prompt with one stability: the earlier the kind in `SectionKind`, the more stable.

    `label` names it for people ("src/main.rs", "piped text").
    """

    kind: SectionKind
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class RefinedPrompt:
    """The rewrite. `sections` are in order of stability, the instruction last, and joined by blank lines make `text`.

    The original prompt stands verbatim inside the instruction section. When nothing was added, the only section is
    the original itself. `context_tokens` never exceeds `budget`. `unsafe` pieces are those that the user did not name.
    `selection`: digest of what was selected without being named (an outline, recent edits, a mentioned or proposed
    file, or none of them), empty when nothing but what was named decided about the context. `unnamed`: whether there
    was text of files that the user did not name, and whether it is in the prompt. `left_out`: one sentence for each
    thing that would have been added but was withheld (approval, budget, deny list). `undone`: the changes that the user
    left out. `questions`: what only the user can tell. `edited`: the user changed the rewrite (by hand, by leaving
    something out, by an answer), so its answer is not the answer to the original.
    """

    original: str
    sections: tuple[Section, ...]
    intent: Intent
    score_original: Score
    score_refined: Score
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    pieces: tuple[ContextPiece, ...]
    context_tokens: int
    budget: int
    left_out: tuple[str, ...] = ()
    selection: str = ""
    unnamed: Literal["none", "sent", "left out"] = "none"
    undone: tuple[Change, ...] = ()
    questions: tuple[Question, ...] = ()
    edited: bool = False

    @property
    def text(self) -> str:
        """The refined prompt as one text."""
        return "\n\n".join(section.text for section in self.sections)

    @property
    def unsafe(self) -> tuple[ContextPiece, ...]:
        """The pieces whose text the user did not name."""
        return tuple(piece for piece in self.pieces if not piece.named)

    @property
    def redacted(self) -> bool:
        """Whether a secret was taken out of the context."""
        return any(sentence.startswith("redacted ") for sentence in self.left_out)
