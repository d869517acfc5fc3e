"""Commits replayed, to learn from which lines of a file that is named are edited: issues alone are too few.

A commit's message is the prompt, the files that it changes are the named ones, its hunks are the truth. The index is
that of the issue that is nearest in time, with these files as they were before the commit laid over it.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.localisation import DULL, TRAILER, Case, edited, git
from optafly_cli.workspace.index.building import History, IndexedFile, snapshot
from optafly_cli.workspace.index.classes import class_of
from optafly_cli.workspace.index.outlines import read_facts
from optafly_cli.workspace.index.reading import Snapshot
from optafly_cli.workspace.index.view import IndexView
from optafly_cli.workspace.languages import language_of
from optafly_cli.workspace.secrets import redact

EACH = 700
_LOOKED_AT = 8000
_FARTHEST_S = 3 * 365 * 86_400
_NO_KEY = bytes(20)


@dataclass(frozen=True, slots=True)
class Replay:
    """A commit, and the commit of the issue whose index it is searched in."""

    case: Case
    issue: str


def replays(mirror: Path, issues: Sequence[Case]) -> list[Replay]:
    """Up to `EACH` commits of a repository that change one to three files of code, drawn at random."""
    if not issues:
        return []
    times = {case.commit: int(git(mirror, "log", "-1", "--format=%ct", case.commit)) for case in issues}
    listed = git(mirror, "log", "--no-merges", f"--max-count={_LOOKED_AT}", "--format=%H %P %ct%x01%B%x00").split("\0")
    random.Random(20261129).shuffle(listed)
    found: list[Replay] = []
    for entry in listed:
        head, _, message = entry.strip().partition("\x01")
        fields = head.split()
        message = TRAILER.sub("", message).strip()
        if len(fields) != 3 or len(message.split()) < 6 or DULL.match(message):
            continue
        commit, parent, time = fields
        nearest = min(times, key=lambda one: abs(times[one] - int(time)))
        if abs(times[nearest] - int(time)) > _FARTHEST_S:
            continue
        patch = git(mirror, "diff", "--no-renames", parent, commit)
        gold = {label: lines for label, lines in edited(patch).items() if class_of(label) == "code"}
        if 1 <= len(gold) <= 3 and sum(map(len, gold.values())) <= 60:
            found.append(Replay(Case(commit[:10], issues[0].group, parent, message, gold), nearest))
        if len(found) == EACH:
            break
    return found


def views(mirror: Path, known: IndexView, wanted: Sequence[Case]) -> Iterator[tuple[Case, IndexView]]:
    """Each of these with its index. `known`: that of the issue that they are searched in."""
    for one in wanted:
        texts = {label: git(mirror, "show", f"{one.commit}:{label}") for label in one.gold}
        yield one, laid_over(known, texts)


def laid_over(known: IndexView, texts: Mapping[str, str]) -> IndexView:
    """The index with these files as they are given here."""
    files = []
    for label, text in sorted(texts.items()):
        language = language_of(label)
        files.append(IndexedFile(label, _NO_KEY, read_facts(redact(text).text, language, label)))
    stale = frozenset(file for label in texts if (file := known.file(label)) is not None)
    changed = Snapshot(memoryview(snapshot(files, History(), {"token": ""}, known.base.meta["average"])))
    return IndexView(known.base, changed, stale)
