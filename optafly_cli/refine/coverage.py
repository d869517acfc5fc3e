"""What the score could not see, in words: its number stands for what was looked at only."""

import re
from collections.abc import Iterator
from functools import cache

from optafly_cli.refine.files import NO_CODE
from optafly_cli.refine.found import is_general, says_nothing
from optafly_cli.refine.prompt_text import LIMIT
from optafly_cli.refine.rules.base import Subject
from optafly_cli.workspace.index.grammars import is_parsed
from optafly_cli.workspace.languages import language_of

SAMPLE = 2_000
FOREIGN = 0.2
"""The share of letters beyond Latin, in a sample, from which the rules, which read English, see little."""


def coverage(subject: Subject) -> tuple[str, ...]:
    """One phrase for each thing that could not be seen; none when everything was."""
    return tuple(_unseen(subject))


def _unseen(subject: Subject) -> Iterator[str]:
    files, view = subject.files, subject.view
    if files.is_empty:
        yield "no workspace"
    elif files.retriever is None:
        yield "workspace not searched"
    elif is_general(subject):
        yield "names nothing of the workspace"
    elif not (subject.attached.code or says_nothing(subject)) and files.retriever.view is None:
        yield "no index yet"
    languages = {language_of(label) for label in _files(subject)} - NO_CODE
    unparsed = sorted(one for one in languages if not is_parsed(one))
    if unparsed:
        yield f"no parser for {', '.join(unparsed[:3])}"
    if len(_foreign().findall(view.prose[:SAMPLE])) > FOREIGN * min(len(view.prose), SAMPLE):
        yield "not in English"
    if len(view.prompt) - view.base > LIMIT and view.structure is None:
        yield f"only the first {LIMIT:,} characters"


@cache
def _foreign() -> re.Pattern[str]:
    return re.compile(r"[^\W\d_\u0000-\u024f]")


def _files(subject: Subject) -> Iterator[str]:
    """The files that are named, or that the prompt names and the workspace has."""
    yield from (file.label for file in subject.named.files)
    yield from (label for one in subject.mentions if (label := subject.files.label(one.path)) is not None)
