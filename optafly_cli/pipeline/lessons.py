"""What the log of requests teaches about what will be sent again, and where that is kept."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache import lesson
from optafly_cli.errors import UnknownModelError, UsageError
from optafly_cli.models import Model, catalogue
from optafly_cli.route.strategy import ENOUGH, Lesson
from optafly_cli.wording import counted

if TYPE_CHECKING:
    from optafly_cli.route.simulator.lesson import Taught

STEPS = 4
"""How often `taught_by` says that it has moved on."""


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
    content = lesson.read(folder)
    return None if content is None else Lesson.of_json(content)


def keep_lesson(folder: Path, learned: Lesson) -> None:
    """Put it in the place of the one before, whole or not at all. Raises StoreError."""
    lesson.write(folder, learned.as_json().encode())


def forget_lesson(folder: Path) -> bool:
    """Delete it; whether there was one. Raises StoreError."""
    return lesson.remove(folder)
