"""Folders that are this user's alone."""

import errno
import os
from contextlib import suppress
from pathlib import Path


def make_private_folder(folder: Path) -> None:
    """Create the folder and what is missing above it, all of it 0700. A folder that exists is left as it is.

    `Path.mkdir(parents=True)` gives its mode to the last folder only. Raises OSError.
    """
    for missing in [*(parent for parent in reversed(folder.parents) if not parent.exists()), folder]:
        try:
            missing.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError as error:
            if missing.is_symlink():
                # "File exists" would be said of a link to a disk that is not there
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(missing)) from error
            raise


def make_store_folder(folder: Path) -> None:
    """`make_private_folder`, for a folder of files that are optafly's alone, wherever it lies: git and we list none.

    As other tools' caches do it, by a .gitignore inside. Raises OSError.
    """
    make_private_folder(folder)
    with suppress(FileExistsError):
        handle = os.open(folder / ".gitignore", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, b"*\n")
        finally:
            os.close(handle)
