"""What is selected without being named: files and frames that the prompt mentions, what is found, the active file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from optafly_cli.config.settings import RefineSettings
from optafly_cli.refine.found import says_nothing
from optafly_cli.refine.found_pieces import add_found
from optafly_cli.refine.named_pieces import add_whole
from optafly_cli.refine.pack import Pack, Wanted, render
from optafly_cli.refine.project_section import LARGEST_SHARE
from optafly_cli.refine.retrieval.find import Found
from optafly_cli.refine.rules.base import Subject
from optafly_cli.refine.rules.referents import asks_about_the_whole, only_in_git, pointer
from optafly_cli.workspace.index.classes import class_of
from optafly_cli.workspace.languages import language_of
from optafly_cli.workspace.types import LineRange
from optafly_cli.workspace.units import enclosing_unit

MAX_PLACES = 8
READMES = ("README.md", "README.rst", "README.txt", "README", "readme.md", "Readme.md", "README.adoc")
_FOREIGN = ("site-packages/", "node_modules/", "/usr/", "/rustc/", "/lib/python", "/.cargo/", "/go/pkg/", "<")
"""Parts of paths that belong to libraries, wherever they lie."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A file, or a line of it, that something speaks of."""

    label: str
    lines: LineRange | None
    reason: str
    head: bool = False
    """Of a file that does not fit its beginning says most."""


def add_automatic(
    pack: Pack, subject: Subject, settings: RefineSettings, *, unsafe: bool, certainty: float | None = None
) -> bool:
    """Add them; whether anything was found. Files that were not named are left out, and said, without `unsafe`.

    `certainty`: how likely the best file has to be for what the index finds to be taken; None: it is not asked.
    """
    places = list(_mentioned(subject, pack))[:MAX_PLACES]
    whole = asks_about_the_whole(subject.view)
    found = Found() if certainty is None or whole else _searched(subject, pack, certainty)
    if whole and certainty is not None and not places:
        places = list(_readme(subject))
    elif not (places or found.units) and settings.include_active_file and not subject.has_referent:
        places = list(_active(subject)) if pointer(subject.view) and not only_in_git(subject.view) else []
    added = False
    # A place that is named outright may not take all the room from what was found
    half = pack.room // 2
    for place in places:
        # A "Makefile" in a report is hardly what is to be edited
        share = pack.room if not found.units else half if class_of(place.label) == "code" else half // 2
        # Beside it the outline has its place
        share = pack.room - pack.room // LARGEST_SHARE if place.head else share
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
            added = _add(pack, subject, place, share, named=named) or added
    return _add_found(pack, subject, found, unsafe=unsafe) or added


def _searched(subject: Subject, pack: Pack, certainty: float) -> Found:
    """What the index finds, if the prompt names something that is there, or the words of one file stand out."""
    retriever = subject.files.retriever
    # What git alone has is not where these words are
    if retriever is None or (only_in_git(subject.view) and says_nothing(subject)):
        return Found()
    piped = "\n".join(subject.piped.lines) if subject.piped else ""
    found = retriever.found(subject.view, subject.piped_errors, piped)
    pack.left_out.extend(retriever.notices)
    return found if found.named or found.certainty >= certainty else Found()


def _add_found(pack: Pack, subject: Subject, found: Found, *, unsafe: bool) -> bool:
    """Segments of the files that were found, within what is left."""
    labels = list(dict.fromkeys(unit.label for unit in found.units))
    if not labels:
        return False
    if not unsafe:
        shown = ", ".join(labels[:3])
        pack.left_out.append(
            f"What seems to belong to the prompt was left out, because you did not name it: {shown}; --file names a "
            f"file, --yes sends what is found."
        )
        return False

    def wanted(label: str) -> Wanted | None:
        source = subject.files.source(label) if subject.files.is_plain(label) else None
        if source is None or not source.text.strip():
            return None
        text = subject.files.redacted(label, source)
        lines = LineRange(1, len(text.lines))
        named = _is_typed(label, subject.view.text)
        return Wanted(label, text, lines, lines, "found", language_of(label), named=named, auto=True)

    return add_found(pack, wanted, found.units, pack.room)


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
    label = subject.files.active
    if label:
        yield _Place(label, None, "the file that was changed last")


def _readme(subject: Subject) -> Iterator[_Place]:
    label = next((name for name in READMES if subject.files.is_plain(name)), None)
    if label:
        yield _Place(label, None, "what the project says of itself", head=True)


def _add(pack: Pack, subject: Subject, place: _Place, share: int, *, named: bool) -> bool:
    source = subject.files.source(place.label)
    if source is None or not source.text.strip():
        return False
    text = subject.files.redacted(place.label, source)
    total = len(text.lines)
    wanted = Wanted(
        place.label, text, LineRange(1, total), LineRange(1, 1), place.reason, language_of(place.label),
        kind="file", named=named, auto=True,
    )  # fmt: skip
    if place.head:
        keep = max(0, pack.room - share)
        if pack.fits(render(wanted, wanted.lines), wanted.language, keep):
            return pack.place(wanted, keep) is not None
        return pack.place(replace(wanted, kind="code", reason=f"{wanted.reason}, its beginning"), keep) is not None
    if place.lines is None or place.lines.start > total:
        return add_whole(pack, subject, wanted, min(share, pack.room))
    at = LineRange(place.lines.start, min(place.lines.end, total))
    unit = enclosing_unit(source.lines, at)
    if pack.covered(wanted, unit):
        return True
    shown = str(at) if at != unit else ""
    return pack.place(replace(wanted, kind="code", lines=unit, must=at, at=shown)) is not None
