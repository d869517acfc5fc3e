"""Evidence: what an answer was drawn from, and whether that is still so.

Pure but for `still_holds`, which reads files that are not among the named ones and asks the question for the
workspace state. Standard library only: it runs before every hit.
"""

import hashlib
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optafly_cli.cache.digest import digest_of, sha256
from optafly_cli.cache.scope import lines_text, unit_digest, unit_of
from optafly_cli.cache.types import AutoEvidence, Evidence, FileEvidence, Question, UnitEvidence
from optafly_cli.workspace.types import NamedContext, NamedFile

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether evidence holds. `reason` is empty, `evidence` or `another_line`; `detail` says what changed."""

    holds: bool
    reason: str = ""
    detail: str = ""
    notices: tuple[str, ...] = ()


def evidence_of(named: NamedContext) -> Evidence:
    """The evidence that the named context gives right now: whole files by their bytes, ranges by their unit.

    A range of a file that was not clean UTF-8 takes the whole file along: its text does not tell all bytes apart.
    """
    whole = [file for file in named.files if file.lines is None or file.source.lossy]
    files = {FileEvidence(file.label, file.source.digest) for file in whole}
    units = {_unit(file) for file in named.files if file.lines is not None}
    return _evidence(files, units, None)


def combined(read: Evidence, given: Evidence) -> Evidence:
    """All of both: what was read for the question can never be left out of an entry. `given` brings the selection."""
    return _evidence({*read.files, *given.files}, {*read.units, *given.units}, given.auto or read.auto)


def evidence_key(evidence: Evidence) -> bytes:
    """32 bytes that tell one evidence from another: entries of one key may coexist with different evidence."""
    auto = evidence.auto
    files = tuple((item.path, item.digest) for item in evidence.files)
    units = tuple((item.path, item.digest, item.start, *item.typed, item.pointed) for item in evidence.units)
    chosen = None if auto is None else (auto.state, auto.selection, auto.unnamed)
    return digest_of("optafly.evidence/1", (files, units, chosen))


def to_plain(evidence: Evidence) -> dict[str, Any]:
    """The evidence as JSON can hold it."""
    auto = evidence.auto
    return {
        "files": [[item.path, item.digest] for item in evidence.files],
        "units": [[item.path, item.digest, item.start, *item.typed, item.pointed] for item in evidence.units],
        "auto": None if auto is None else [auto.state, auto.selection, auto.unnamed],
    }


def from_plain(plain: dict[str, Any]) -> Evidence:
    """The inverse of `to_plain`."""
    auto = plain["auto"]
    return Evidence(
        files=tuple(FileEvidence(path, digest) for path, digest in plain["files"]),
        units=tuple(
            UnitEvidence(path, digest, start, (first, last), pointed)
            for path, digest, start, first, last, pointed in plain["units"]
        ),
        auto=None if auto is None else AutoEvidence(*auto),
    )


def still_holds(entry_evidence: Evidence, question: Question, entry_prompt: str) -> Verdict:
    """Whether everything that an entry's answer was drawn from is still as it was. The cheap checks come first."""
    verdict = _units_hold(entry_evidence.units, question.named.units)
    if not verdict.holds:
        return verdict
    now = {item.path: item.digest for item in question.named.files}
    root = question.root or question.scope.workspace
    for item in entry_evidence.files:
        digest = now[item.path] if item.path in now else _digest_on_disk(Path(root, item.path))
        if digest != item.digest:
            return Verdict(False, "evidence", f"{item.path} {_change(item.digest, digest)} since this was answered")
    auto = entry_evidence.auto
    if auto is not None and auto.unnamed == "left out" and question.may_send_unnamed:
        return Verdict(False, "unnamed", "that answer was made without the files that were not named")
    if auto is not None and question.state() != auto.state and question.reselect(entry_prompt) != auto.selection:
        return Verdict(False, "evidence", "the workspace changed since this was answered, and so did what is selected")
    return verdict


def _evidence(files: set[FileEvidence], units: set[UnitEvidence], auto: AutoEvidence | None) -> Evidence:
    return Evidence(
        files=tuple(sorted(files, key=lambda item: (item.path, item.digest or ""))),
        units=tuple(sorted(units, key=lambda item: (item.path, item.start, item.typed, item.digest, item.pointed))),
        auto=auto,
    )


def _unit(file: NamedFile) -> UnitEvidence:
    lines = file.lines
    if lines is None:
        raise ValueError(f"{file.label} was named as a whole: it has no unit")
    pointed = "\n".join(line.strip() for line in lines_text(file, lines).split("\n"))
    return UnitEvidence(file.label, unit_digest(file), unit_of(file).start, (lines.start, lines.end), sha256(pointed))


def _units_hold(then: Iterable[UnitEvidence], now: Iterable[UnitEvidence]) -> Verdict:
    """Each unit is there, unchanged, and the same place in it is pointed to.

    The place is the same when it has the same distance from the unit's start, with the same text; or when the very same
    line numbers were typed as then: the same command again, after lines were added above.
    """
    before, after = _by_unit(then), _by_unit(now)
    notices = []
    for (path, digest), units in before.items():
        present = after.get((path, digest))
        if present is None:
            return Verdict(False, "evidence", f"the code in {path} changed since this was answered")
        typed_again = {item.typed for item in units} == {item.typed for item in present}
        if not typed_again and _places(units) != _places(present):
            return Verdict(False, "another_line", f"another line of the same code in {path} was asked about")
        if moved := min(item.start for item in present) - min(item.start for item in units):
            notices.append(
                f"{path}: the code moved by {moved:+d} line{'' if abs(moved) == 1 else 's'} since this answer was made"
            )
    if extra := next((path for path, digest in after if (path, digest) not in before), None):
        return Verdict(False, "evidence", f"{extra} was not part of what this was answered from")
    return Verdict(True, notices=tuple(notices))


def _by_unit(units: Iterable[UnitEvidence]) -> dict[tuple[str, str], list[UnitEvidence]]:
    grouped: dict[tuple[str, str], list[UnitEvidence]] = {}
    for item in units:
        grouped.setdefault((item.path, item.digest), []).append(item)
    return grouped


def _places(units: Iterable[UnitEvidence]) -> set[tuple[int, int, str]]:
    return {(item.typed[0] - item.start, item.typed[1] - item.start, item.pointed) for item in units}


def _change(then: str | None, now: str | None) -> str:
    if then is None:
        return "appeared"
    return "is gone" if now is None else "changed"


def _digest_on_disk(path: Path) -> str | None:
    """SHA-256 hex of the file's bytes now; None when there is no regular file to read."""
    hashed = hashlib.sha256()
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK):
                hashed.update(chunk)
    except OSError:
        return None
    return hashed.hexdigest()
