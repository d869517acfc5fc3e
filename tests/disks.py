"""A small disk of its own for a test: a tmpfs, where this process may mount one."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Disk:
    """A disk that can be filled, and emptied again."""

    path: Path

    def fill(self, left: int = 0) -> None:
        """Leave that many bytes."""
        found = os.statvfs(self.path)
        try:
            with (self.path / "ballast").open("ab") as file:
                file.write(bytes(max(0, found.f_bavail * found.f_frsize - left)))
        except OSError as error:
            # Others wrote meanwhile, or the kernel's count was behind: as much as goes is on it
            if error.errno != errno.ENOSPC or left:
                raise

    def make_room(self) -> None:
        """Take the filling away."""
        (self.path / "ballast").unlink()


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[Disk]:
    """A tmpfs of that size at `path`; skips the test where none can be mounted."""
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "-l", path], check=True)
