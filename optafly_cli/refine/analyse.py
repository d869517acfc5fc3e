"""Looking at a prompt without changing it: intent, findings, score."""

from dataclasses import dataclass

from optafly_cli.refine.attached import Attached, attached_in, attached_of, both
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.intent import classify
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.result import Finding, Intent, Score
from optafly_cli.refine.rules import findings as findings_in
from optafly_cli.refine.rules.base import Subject
from optafly_cli.refine.score import score
from optafly_cli.workspace.types import NamedContext, Workspace


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a prompt asks for, what is wrong with it, and how good it is with what is named beside it."""

    intent: Intent
    findings: tuple[Finding, ...]
    score: Score


def analyse(
    prompt: str,
    named: NamedContext,
    workspace: Workspace,
    *,
    files: WorkspaceFiles | None = None,
    template: bool = False,
) -> Analysis:
    """Intent, findings and score of `prompt`, seen together with what the user named.

    Pass the same `files` for a batch of prompts: the workspace is then listed once. `template`: it has variables.
    """
    subject = subject_of(PromptText(prompt, template), named, files or WorkspaceFiles(workspace), attached_of(named))
    found = findings_in(subject)
    return Analysis(subject.intent, found, score(subject, found))


def subject_of(
    view: PromptText, named: NamedContext, files: WorkspaceFiles, attached: Attached | None = None
) -> Subject:
    """The prompt ready for rules and score. What a refined prompt holds counts as attached."""
    held = attached_in(view.structure)
    return Subject(view, classify(view), named, both(held, attached) if attached else held, files)


class Scores:
    """Scores of prompts as they would be sent: nothing named, what is in their own text counts.

    Rewrites of one prompt differ in little that a score sees, which are the user's words and what is attached: those
    that are the same to it are looked at once. `before` is the score of `original`.
    """

    def __init__(self, files: WorkspaceFiles, original: str, before: Score) -> None:
        self._files = files
        self._alone = {original: before}
        self._known: dict[tuple[str, Attached], Score] = {}
        self._views: dict[str, PromptText] = {}

    def of(self, prompt: str) -> Score:
        """The score of one."""
        if prompt in self._alone:
            return self._alone[prompt]
        view = PromptText(prompt)
        if view.structure is None:
            return look(alone(view, self._files)).score
        held = attached_in(view.structure)
        seen = (view.text, held)
        if seen not in self._known:
            view = self._views.setdefault(view.text, view)
            subject = Subject(view, classify(view), NamedContext(), held, self._files)
            self._known[seen] = look(subject).score
        return self._known[seen]

    def known(self, text: str, held: Attached) -> Score | None:
        """The score of a refined prompt with these words of the user's, and this around them; None when not known."""
        return self._known.get((text, held))


def alone(view: PromptText, files: WorkspaceFiles) -> Subject:
    """The prompt as it would be sent, ready for rules and score."""
    return Subject(view, classify(view), NamedContext(), attached_in(view.structure), files)


def look(subject: Subject) -> Analysis:
    """Its intent, findings and score."""
    found = findings_in(subject)
    return Analysis(subject.intent, found, score(subject, found))
