"""What `doctor` looks at around a store: who may read its files, whose they are, the room on its disk. Reads only."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NONE_LEFT = 1_000_000
"""Bytes of room with which hardly an answer can be kept."""
LITTLE_LEFT = 100_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, in one sentence, and what to do. `grave`: a promise is not kept."""

    text: str
    remedy: str
    grave: bool = True


def files(folder: Path) -> Iterator[Finding]:
    """What others may read or write of all that is in the folder, and what belongs to someone else."""
    found = [(path, made) for path in _everything(folder) if (made := _seen(path)) is not None]
    open_to_others = [path for path, made in found if made.st_mode & 0o077]
    if open_to_others:
        yield Finding(
            f"{_named(open_to_others)} can be read or entered by others", f"chmod -R go-rwx {_quoted(folder)}"
        )
    foreign = [path for path, made in found if made.st_uid != os.geteuid()]
    if foreign:
        yield Finding(f"{_named(foreign)} belong{'s' if len(foreign) == 1 else ''} to someone else", _chown(folder))


def writable(folder: Path, database: str) -> Iterator[Finding]:
    """Whether this user may write there; silent on a store that does not exist."""
    wanted = [folder, *(path for path in (folder / database,) if path.exists())] if folder.is_dir() else []
    for path in wanted:
        if not os.access(path, os.W_OK):
            yield Finding(f"{path} cannot be written: answers are not stored", f"chmod u+w {_quoted(path)}")


def room(folder: Path) -> Iterator[Finding]:
    """Whether the disk is full, or nearly so."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    found = os.statvfs(there)
    free = found.f_bavail * found.f_frsize
    no_names = bool(found.f_files) and not found.f_favail
    if free < NONE_LEFT or no_names:
        what = "new file" if no_names else "answer"
        yield Finding(f"the disk of {folder} is full: there is no room for another {what}", "free some space there")
    elif free < LITTLE_LEFT:
        yield Finding(f"the disk of {folder} has {free / 1e6:.0f} MB left", "free some space there", grave=False)


def _everything(folder: Path) -> list[Path]:
    # Others come in by the folder's own mode, whatever is in it
    return [folder, *sorted(folder.rglob("*"))] if folder.exists() else []


def _seen(path: Path) -> os.stat_result | None:
    try:
        made = path.lstat()
    except OSError:
        return None
    return None if stat.S_ISLNK(made.st_mode) else made


def _named(paths: list[Path]) -> str:
    more = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more}"


def _chown(folder: Path) -> str:
    return f"sudo chown -R {os.geteuid()} {_quoted(folder)}"


def _quoted(path: Path) -> str:
    from shlex import quote

    return quote(str(path))
