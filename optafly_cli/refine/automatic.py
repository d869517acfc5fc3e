"""What is selected without being named: files and frames that the prompt mentions, and the active file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from optafly_cli.config.settings import RefineSettings
from optafly_cli.refine.named_pieces import add_whole
from optafly_cli.refine.pack import Pack, Wanted
from optafly_cli.refine.rules.base import Subject
from optafly_cli.refine.rules.referents import pointer
from optafly_cli.workspace.languages import language_of
from optafly_cli.workspace.types import LineRange
from optafly_cli.workspace.units import enclosing_unit

MAX_PLACES = 8
_FOREIGN = ("site-packages/", "node_modules/", "/usr/", "/rustc/", "/lib/python", "/.cargo/", "/go/pkg/", "<")
"""Parts of paths that belong to libraries, wherever they lie."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A file, or a line of it, that something speaks of."""

    label: str
    lines: LineRange | None
    reason: str


def add_automatic(pack: Pack, subject: Subject, settings: RefineSettings, *, unsafe: bool) -> bool:
    """Add them; whether anything was mentioned. Files that were not named are left out, and said, without `unsafe`."""
    places = list(_mentioned(subject, pack))[:MAX_PLACES]
    if not places and settings.include_active_file and not subject.has_referent and pointer(subject.view):
        places = list(_active(subject))
    added = False
    for place in places:
        refusal = subject.files.refusal(place.label)
        named = _is_typed(place.label, subject.view.text)
        if refusal is not None:
            pack.left_out.append(f"{place.label} was left out: {refusal}.")
        elif not (named or unsafe):
            pack.left_out.append(
                f"{place.label} ({place.reason}) was left out, because you did not name it: --file {place.label} "
                f"names it."
            )
        else:
            added = _add(pack, subject, place, named=named) or added
    return added


def _mentioned(subject: Subject, pack: Pack) -> Iterator[_Place]:
    """Frames of pasted errors innermost first, then paths with a line, then paths; each place once."""
    seen: set[tuple[str, int]] = set()
    for source, errors in (("the prompt", subject.view.errors), ("piped text", subject.piped_errors)):
        for error in errors:
            for frame in error.frames[:MAX_PLACES]:
                label = _own(subject, frame.path)
                if label and (label, frame.line) not in seen:
                    seen.add((label, frame.line))
                    yield _Place(
                        label, LineRange(frame.line, frame.line), f"an error in {source} names line {frame.line}"
                    )
    for mention in sorted(subject.mentions, key=lambda one: one.lines is None):
        if subject.files.outside(mention.path) and subject.files.exists(mention.path):
            pack.left_out.append(
                f"{mention.path} was left out: it is outside the workspace; --file {mention.path} names it."
            )
            continue
        label = subject.files.label(mention.path)
        start = mention.lines.start if mention.lines else 0
        if label and (label, start) not in seen:
            seen.add((label, start))
            yield _Place(label, mention.lines, "mentioned in the prompt")


def _own(subject: Subject, path: str) -> str | None:
    """The label of a frame's file when it is the workspace's own. A path of another machine is known by its end."""
    path = path.replace("\\", "/").removeprefix("./")
    if not subject.files.outside(path):
        return subject.files.label(path)
    if any(part in path for part in _FOREIGN):
        return None
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    for start in range(max(0, len(parts) - 6), len(parts) - 1):
        matches = subject.files.matches("/".join(parts[start:]))
        if matches:
            return matches[0] if len(matches) == 1 else None
    return None


def _is_typed(label: str, text: str) -> bool:
    """Whether the user typed the path himself."""
    return re.search(rf"(?<![\w-]){re.escape(label)}(?![\w-])", text) is not None


def _active(subject: Subject) -> Iterator[_Place]:
    from optafly_cli.workspace.recent import active_file

    label = active_file(subject.files.workspace)
    if label:
        yield _Place(label, None, "the file that was changed last")


def _add(pack: Pack, subject: Subject, place: _Place, *, named: bool) -> bool:
    source = subject.files.source(place.label)
    if source is None or not source.text.strip():
        return False
    text = subject.files.redacted(place.label, source)
    total = len(text.lines)
    wanted = Wanted(
        place.label, text, LineRange(1, total), LineRange(1, 1), place.reason, language_of(place.label),
        kind="file", named=named, auto=True,
    )  # fmt: skip
    if place.lines is None or place.lines.start > total:
        return add_whole(pack, subject, wanted, pack.room)
    at = LineRange(place.lines.start, min(place.lines.end, total))
    unit = enclosing_unit(source.lines, at)
    if pack.covered(place.label, unit):
        return True
    shown = str(at) if at != unit else ""
    return pack.place(replace(wanted, kind="code", lines=unit, must=at, at=shown)) is not None
