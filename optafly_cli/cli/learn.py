"""optafly learn: what this store's log of requests says of what will be sent again."""

import os
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError
from optafly_cli.wording import counted

if TYPE_CHECKING:
    from optafly_cli.route.simulator.lesson import Taught

app = new_app()


@app.command(cls=StageCommand, epilog=examples("optafly learn", "optafly learn --report", "optafly learn --forget"))
def learn(
    ctx: typer.Context,
    report: Annotated[
        bool, typer.Option("--report", help="Compare both plans on the log, and change nothing.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Delete what was learned; the log stays.")] = False,
    json: opt.Json = False,
) -> int:
    """Learn from what was sent which prompts will be sent again.

    An estimate is fitted to the older part of the log of requests, and the newer
    part is billed as both plans would have had it. With `route.strategy` auto the
    learned plan is used where it was not the dearer one. Nothing is sent anywhere.
    """
    from optafly_cli.config.paths import store_folder
    from optafly_cli.pipeline.lessons import STEPS, forget_lesson, keep_lesson, taught_by

    ui: Ui = ctx.obj
    settings = load(ui, {}).settings
    folder = store_folder(settings.cache, os.environ)
    if forget:
        if report:
            raise UsageError("--report and --forget exclude each other", remedy="give one of them")
        return _forgotten(ui, done=forget_lesson(folder), json=json)
    with ui.progress("learning", STEPS) as moved:
        taught = taught_by(folder, time.time(), moved)
    if not report:
        keep_lesson(folder, taught.lesson)
    if json:
        ui.document("learn", _document(taught, kept=not report))
    else:
        _print(ui, taught, settings.route.strategy, kept=not report)
    return 0


def _forgotten(ui: Ui, *, done: bool, json: bool) -> int:
    if json:
        ui.document("learn", {"forgotten": done})
    else:
        ui.note("what was learned is forgotten" if done else "nothing was learned")
    return 0


def _document(taught: "Taught", *, kept: bool) -> dict[str, Any]:
    lesson = taught.lesson
    return {
        "requests": lesson.weights.requests,
        "compared": lesson.compared,
        "cost": {"none": taught.none, "heuristic": taught.heuristic, "learned": taught.learned},
        "ratio": {"heuristic": lesson.heuristic, "learned": lesson.learned},
        "better": "learned" if lesson.trusted else "heuristic",
        "kept": kept,
    }


def _print(ui: Ui, taught: "Taught", strategy: str, *, kept: bool) -> None:
    lesson = taught.lesson
    newest = counted(lesson.compared, "request")
    ui.line(f"{counted(lesson.weights.requests, 'request')} in the log; input of the newest {newest} under each plan:")
    for name, cost, ratio in (
        ("no caching", taught.none, 1.0),
        ("heuristic", taught.heuristic, lesson.heuristic),
        ("learned", taught.learned, lesson.learned),
    ):
        ui.line(f"  {name:<12}{ratio:>7.1%}   ${cost:.4f}")
    if not kept:
        return
    by_figures = "the learned plan is used" if lesson.trusted else "the heuristic stays: it was cheaper"
    said = {"auto": by_figures, "heuristic": "the heuristic stays: route.strategy says so"}
    ui.note(said.get(strategy, "the learned plan is used: route.strategy says so"))
