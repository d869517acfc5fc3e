"""Finds the project's file. What it finds was perhaps written by a stranger, so it is looked at with care.

The nearest folder from the working folder upwards that holds `.optafly.toml`, or a pyproject.toml with
`[tool.optafly]`; the folder that holds `.git` is the last one. A file that cannot be trusted is left out, with a
sentence that says why.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optafly_cli.config.toml_source import KeyPath, SourceError, parse, read_text
from optafly_cli.errors import ConfigError

APP = "optafly"
OWN = ".optafly.toml"
SHARED = "pyproject.toml"
_SECTION = r"""tool["']?\s*\.\s*["']?optafly"""
_TABLE = rf"""(?m){_SECTION}|\[\s*["']?tool["']?\s*\]|^\s*["']?tool["']?\s*="""
"""Where a text can have our table at all: a pyproject.toml without any of these need not be parsed."""


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A project's configuration, parsed but not checked. `under` is the table that holds the sections."""

    path: Path
    text: str
    document: Mapping[str, Any]
    under: KeyPath


@dataclass(slots=True)
class Search:
    """What looking for the project's file found: at most one file, and a sentence for each that was left out."""

    file: ProjectFile | None = None
    warnings: list[str] = field(default_factory=list)


def find_project_file(cwd: Path) -> Search:
    """Looks for the project's file from `cwd` upwards.

    Raises:
        ConfigError: an `.optafly.toml` is not valid TOML. A broken pyproject.toml is for other tools to refuse.
    """
    search = Search()
    start = os.path.realpath(cwd)
    folders, top = _folders(start)
    for folder in folders:
        for name, under in ((OWN, ()), (SHARED, ("tool", "optafly"))):
            path = Path(folder, name)
            try:
                search.file = _project_file(path, under, top=top, start=start)
            except SourceError as problem:
                if problem.mistake and not under:
                    raise ConfigError(f"{problem.at(path)}: {problem.reason}", remedy="mend the line") from None
                search.warnings.append(f"{problem.at(path)}: this project file is ignored: {problem.reason}")
            if search.file:
                return search
    return search


def _folders(start: str) -> tuple[list[str], str]:
    """The folders to look in, and the last one: the tree that a link may not lead out of."""
    folders = list(_upwards(start))
    for number, folder in enumerate(folders, 1):
        if os.path.lexists(os.path.join(folder, ".git")):  # noqa: PTH118 - one string, on every run's path
            return folders[:number], folder
    return folders, ""


def _upwards(folder: str) -> Iterator[str]:
    while True:
        yield folder
        above = os.path.dirname(folder)  # noqa: PTH120 - as above
        if above == folder:
            return
        folder = above


def _project_file(path: Path, under: KeyPath, *, top: str, start: str) -> ProjectFile | None:
    if not os.path.lexists(path):
        return None
    text = read_text(path)
    if text is None or (under and not (APP in text and re.search(_TABLE, text))):
        return None
    try:
        document = parse(text)
    except SourceError:
        if under and not re.search(_SECTION, text):
            return None
        raise
    if under and (not isinstance(document.get(under[0]), Mapping) or under[1] not in document[under[0]]):
        return None
    tree = top or str(path.parent)
    real = os.path.realpath(path)
    if os.path.commonpath((real, tree)) != tree:
        raise SourceError("it is a link that leads out of the project")
    if _owner(real) not in (0, os.geteuid(), _owner(start)):
        raise SourceError("it belongs to another user")
    return ProjectFile(path, text, document, under)


def _owner(path: str) -> int:
    try:
        return Path(path).stat().st_uid
    except OSError:
        return -1
