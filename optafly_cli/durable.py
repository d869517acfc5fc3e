"""Files that are written whole or not at all: aside, onto the disk, then renamed. Standard library only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600


@contextmanager
def replacing(path: Path, *, keep_mode: bool = False) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when the block ends. When it is left in any other way nothing has changed.

    A link stays: what it leads to is replaced. The new file is private; `keep_mode`: it has the mode of the old one.
    What is no file (/dev/null, a pipe) cannot be replaced, and is written to.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    aside = target.with_name(f".optafly-{os.urandom(6).hex()}.new")
    try:
        handle = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, _mode(target) if keep_mode else PRIVATE)
            yield file
            file.flush()
            os.fsync(handle)
        aside.replace(target)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    # Some file systems have no fsync for folders, and some folders may be written but not read
    with suppress(OSError):
        fsync_folder(target.parent)


def replace(path: Path, content: bytes, *, keep_mode: bool = False) -> None:
    """Put `content` in the place of the file, as `replacing` does. Raises OSError."""
    with replacing(path, keep_mode=keep_mode) as file:
        file.write(content)


def fsync_folder(folder: Path) -> None:
    """Make renames inside the folder survive a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return PRIVATE
