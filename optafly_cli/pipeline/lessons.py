"""What `optafly learn` finds out, and the file beside the database that holds it: weights and figures, no words."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache.failures import reported
from optafly_cli.config.private import make_store_folder
from optafly_cli.durable import replace
from optafly_cli.errors import UnknownModelError, UsageError
from optafly_cli.models import Model, catalogue
from optafly_cli.route.strategy import ENOUGH, Lesson
from optafly_cli.wording import counted

if TYPE_CHECKING:
    from optafly_cli.route.simulator.lesson import Taught

STEPS = 4
"""How often `taught_by` says that it has moved on."""

FILE = "reuse.json"


def taught_by(folder: Path, now: float, moved: Callable[[int], None]) -> "Taught":
    """What the log of the store in that folder teaches at the Unix time `now`.

    Raises:
        UsageError: there are too few requests in it.
        StoreError: it cannot be read.
    """
    from optafly_cli.cache.requests import RequestLog
    from optafly_cli.route.simulator.lesson import learn

    with RequestLog(folder) as log:
        trace = log.trace()
    if len(trace) < ENOUGH:
        raise UsageError(
            f"{counted(len(trace), 'request')} in the log, and {ENOUGH} are needed to learn from",
            remedy="ask more, or through the proxy; until then the heuristic plans",
        )
    return learn(trace, known_model, now=now, source="this store's log", moved=moved)


def known_model(name: str) -> Model:
    """The model of the data file; one that it does not have is taken for one without prices."""
    models = catalogue()
    try:
        return models.get(name)
    except UnknownModelError:
        return models.unlisted(name)


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
