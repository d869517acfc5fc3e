"""Keeping what the launcher needs to answer the very same command again (`optafly_cli.direct`).

Everything that was read on the way to the answer is listed here: settings, what makes the workspace, what was named,
and the evidence of the entry. What cannot be told by looking at single files is not kept.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from optafly_cli import direct
from optafly_cli.cache.types import Entry, Hit
from optafly_cli.config.paths import config_file
from optafly_cli.durable import PRIVATE
from optafly_cli.errors import OptaflyError
from optafly_cli.pipeline.ask import Outcome
from optafly_cli.pipeline.session import Session
from optafly_cli.workspace.named import split_range

_PROJECT_FILES = (".optafly.toml", "pyproject.toml")


def keep(session: Session, outcome: Outcome, folder: Path, request: bytes, started: float) -> None:
    """Keep the request with the entry that answers it. `started`: Unix seconds before anything was read.

    Only for an answer that came, or was stored, without anything that the user was told besides. Fails silently: the
    application answers next time too.
    """
    lookup = outcome.lookup
    exact = isinstance(lookup, Hit) and lookup.tier == "exact" and not lookup.notices
    if not exact and not (outcome.status == "miss" and outcome.entry is not None and outcome.store_problem is None):
        return
    settings = session.settings
    if settings.cache.backend != "faiss" or str(folder) != direct.store_folder(os.environ):
        return
    from optafly_cli.cache.store import Store

    with suppress(OptaflyError, OSError), Store.open(folder, settings.cache) as store:
        entry = lookup.entry if isinstance(lookup, Hit) else store.entry(outcome.entry or 0)
        if entry is None or entry.evidence.auto is not None:
            return
        marks = _marks(session, entry)
        if marks is not None and all(_settled(one, started) for one in marks.values()):
            store.keep_request(request, entry, direct.packed(marks))
            _note(folder / direct.MAP, request)


def _note(path: Path, request: bytes) -> None:
    """Have the launcher look for the request in the database: without a word here it would not."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
    try:
        os.pwrite(handle, b"\1", direct.place_in_map(request))
    finally:
        os.close(handle)


def _marks(session: Session, entry: Entry) -> dict[str, str] | None:
    """Every file with its mark; None where looking at single files is not enough."""
    named = [*_named(session)]
    if None in named:
        return None
    paths = [str(path) for path in (*_settings_files(), *named) if path is not None]
    paths += [os.path.join(session.workspace.root, item.path) for item in entry.evidence.files]  # noqa: PTH118 (as typed)
    marks = {path: direct.mark(path) for path in paths}
    marks |= {str(path): direct.mark(str(path), exists=True) for path in _repositories(session)}
    marks |= {str(path): direct.mark(str(path)) for path in _listed(session)}
    return marks


def _settings_files() -> Iterator[Path]:
    yield config_file(os.environ)
    folder = Path(os.path.realpath(Path.cwd()))
    for one in (folder, *folder.parents):
        yield from (one / name for name in _PROJECT_FILES)
        if os.path.lexists(one / ".git"):
            return


def _repositories(session: Session) -> Iterator[Path]:
    """What makes a folder a repository, from the working folder up to the root of the workspace, or all the way."""
    folder = Path(os.path.realpath(session.job.cwd))
    for one in (folder, *folder.parents):
        yield from (one / ".git", one / ".git" / "HEAD")
        if one == session.workspace.root and session.workspace.kind == "git":
            return


def _listed(session: Session) -> Iterator[Path]:
    """Folders whose names were read: the root's for its headline, and those in which no marker of a project was."""
    yield session.workspace.root
    if session.workspace.kind == "git":
        # A worktree has a file there, which says where the repository is
        if (session.workspace.root / ".git").is_file():
            yield session.workspace.root / ".git"
        return
    folder = Path(os.path.realpath(session.job.cwd))
    for one in (folder, *folder.parents):
        yield one
        if one == session.workspace.root and session.workspace.kind == "project":
            return


def _named(session: Session) -> Iterator[Path | None]:
    """The files that were named, and those that an argument with a colon could have been; None for a pattern."""
    cwd = session.job.cwd
    for argument in session.job.files:
        path, _ = split_range(argument, cwd)
        if not os.path.lexists(cwd / path):
            yield None
        yield cwd / path
        rest = argument
        while ":" in rest and rest != path:
            yield cwd / rest
            rest = rest.rpartition(":")[0]


def _settled(one: str, started: float) -> bool:
    """Whether a file has been as it is for long enough before it was read."""
    if one in ("-", "+"):
        return True
    times = [int(part) / 1e9 for part in one.split(":")[2:]]
    return max(times) < started - direct.SETTLED_S
