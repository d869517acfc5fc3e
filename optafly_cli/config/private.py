"""Folders that are this user's alone."""

import errno
import os
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
