"""The file beside the database that holds what `optafly learn` found out: weights and figures, no words."""

from pathlib import Path

from optafly_cli.cache.failures import reported
from optafly_cli.config.private import make_store_folder
from optafly_cli.durable import replace
from optafly_cli.route.strategy import Lesson

FILE = "reuse.json"


def lesson_in(folder: Path) -> Lesson | None:
    """What this store has taught; None where nobody learned, and for a file that cannot be read."""
    try:
        return Lesson.of_json((folder / FILE).read_bytes())
    except OSError:
        return None


def keep_lesson(folder: Path, lesson: Lesson) -> None:
    """Put it in the place of the one before, whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    with reported(folder, "written"):
        make_store_folder(folder)
        replace(folder / FILE, lesson.as_json().encode())


def forget_lesson(folder: Path) -> bool:
    """Delete it; whether there was one. Raises StoreError."""
    with reported(folder, "written"):
        try:
            (folder / FILE).unlink()
        except FileNotFoundError:
            return False
    return True
