"""The file that holds what `optafly learn` found out; what it says is the business of `pipeline.lessons`."""

from pathlib import Path

from optafly_cli.cache.failures import reported
from optafly_cli.config.private import make_store_folder
from optafly_cli.durable import replace

FILE = "reuse.json"


def read(folder: Path) -> bytes | None:
    """What is in it; None where there is none, or it cannot be read."""
    try:
        return (folder / FILE).read_bytes()
    except OSError:
        return None


def write(folder: Path, content: bytes) -> None:
    """Put it in the place of the one before, whole or not at all. Raises StoreError."""
    with reported(folder, "written"):
        make_store_folder(folder)
        replace(folder / FILE, content)


def remove(folder: Path) -> bool:
    """Delete it; whether there was one. Raises StoreError."""
    with reported(folder, "written"):
        try:
            (folder / FILE).unlink()
        except FileNotFoundError:
            return False
    return True
