"""What a rule is, and what it may look at."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from optafly_cli.refine.attached import Attached
from optafly_cli.refine.errors_in_text import ErrorText, find_errors
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.mentions import Identifier, Mention, identifiers, path_mentions, symbols
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.redacted import Redacted, redacted
from optafly_cli.refine.result import Finding, Intent, Severity
from optafly_cli.workspace.types import NamedContext

TextKind = Literal["prompt", "instructions", "commit"]
"""A task; standing instructions, as in CLAUDE.md; a commit message."""
TASKS: frozenset[TextKind] = frozenset({"prompt"})
PROMPTS: frozenset[TextKind] = frozenset({"prompt", "instructions"})
ALL: frozenset[TextKind] = frozenset({"prompt", "instructions", "commit"})


@dataclass(frozen=True)
class Subject:
    """A prompt with everything that rules, score and selection ask about it."""

    view: PromptText
    intent: Intent
    named: NamedContext
    attached: Attached
    files: WorkspaceFiles

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """The paths that the prompt names."""
        return path_mentions(self.view)

    @cached_property
    def identifiers(self) -> tuple[Identifier, ...]:
        """The identifiers that the prompt names in inline code."""
        return identifiers(self.view)

    @cached_property
    def piped(self) -> Redacted | None:
        """The lines of the piped text without secrets; None when nothing was piped."""
        text = (self.named.piped or "").strip("\n")
        return redacted(text.split("\n")) if text.strip() else None

    @cached_property
    def piped_errors(self) -> tuple[ErrorText, ...]:
        """The error texts in the piped text; their lines count from its first line that is not empty."""
        return find_errors("\n".join(self.piped.lines)) if self.piped else ()

    @cached_property
    def has_referent(self) -> bool:
        """Whether "this" can mean something: code, a file, an error or a name that the prompt or its context shows."""
        view = self.view
        shown = self.attached.code or self.named.files or self.named.piped or self.named.diff
        return bool(
            shown or self.mentions or self.identifiers or view.of("fence", "error", "code", "variable") or view.errors
        )

    @cached_property
    def says_what(self) -> bool:
        """Whether there is a referent, or the prose itself names something: an identifier, a quoted text."""
        return self.has_referent or bool(self.view.of("quote")) or symbols().search(self.view.prose) is not None


@dataclass(frozen=True, slots=True)
class Spot:
    """What a rule found: offsets in `PromptText.text`, a sentence, and what may safely replace the text there."""

    start: int
    end: int
    message: str
    fix: str | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue. `explanation` says why it matters and what to do, for people.

    `bad` is an example that it finds and `better` the same without the fault. `kinds`: the texts that it is for.
    """

    id: str
    severity: Severity
    title: str
    explanation: str
    check: Callable[[Subject], Iterable[Spot]]
    bad: str
    better: str
    kinds: frozenset[TextKind] = TASKS


def findings_of(rule: Rule, subject: Subject) -> Iterator[Finding]:
    """The rule's findings, their offsets turned into lines and columns."""
    view = subject.view
    for spot in rule.check(subject):
        start, end = view.position(spot.start), view.position(max(spot.end, spot.start))
        yield Finding(
            rule.id,
            spot.severity or rule.severity,
            spot.message,
            start.line,
            start.column,
            end.line,
            end.column,
            spot.fix,
        )


def quoted(text: str, longest: int = 60) -> str:
    """A stretch of the prompt for a message: one line, cut when long."""
    flat = " ".join(text.split())
    return f'"{flat if len(flat) <= longest else flat[: longest - 1] + "…"}"'
