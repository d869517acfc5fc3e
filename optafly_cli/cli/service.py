"""optafly service: start, stop and look at the warm process."""

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError

if TYPE_CHECKING:
    from optafly_cli.service.client import Running
    from optafly_cli.service.places import Places

app = new_app("Keep a process warm that runs commands at once.")
_PATIENCE_S = 15.0


def _places() -> "Places":
    from optafly_cli.service.places import Places
    from optafly_cli.service.starting import unavailable

    if why := unavailable():
        raise UsageError(why)
    return Places.of(os.environ)


@app.command(cls=StageCommand, epilog=examples("optafly service start"))
def start(ctx: typer.Context, json: opt.Json = False) -> int:
    """Start the service, and return when it answers.

    Commands start it by themselves, unless [service] auto_start is off.
    """
    from optafly_cli.service import starting

    ui: Ui = ctx.obj
    _check_enabled(ui)
    places = _places()
    running, begun = starting.start(places, os.environ)
    if json:
        ui.document("service.start", {"started": begun, "pid": running.pid})
    else:
        ui.note(f"the service runs as process {running.pid}" if begun else f"it runs already (process {running.pid})")
    return 0


@app.command(cls=StageCommand)
def stop(ctx: typer.Context, json: opt.Json = False) -> int:
    """Stop the service, and return when it is gone; commands that it runs may end."""
    from optafly_cli.service import client

    ui: Ui = ctx.obj
    stopped = client.stop(_places(), patience_s=_PATIENCE_S)
    if json:
        ui.document("service.stop", {"stopped": stopped})
    else:
        ui.note("the service has ended" if stopped else "no service runs")
    return 0


@app.command(cls=StageCommand, epilog=examples("optafly service status --json | jq .memory_mb"))
def status(ctx: typer.Context, json: opt.Json = False) -> int:
    """Say how the service is; exit 1 when there is none."""
    from optafly_cli.service import client

    ui: Ui = ctx.obj
    places = _places()
    running = client.find(places)
    if json:
        ui.document("service.status", _document(running, places))
    elif running is None:
        ui.line("no service runs")
    else:
        _describe(ui, running, places)
    return 0 if running else 1


def _document(running: "Running | None", places: "Places") -> dict[str, Any]:
    from optafly_cli.service.client import memory_mb

    where = {"socket": str(places.address), "log": str(places.log)}
    if running is None:
        return {"running": False, **where}
    facts = {name: value for name, value in running.facts.items() if name not in ("build", "pid")}
    return {"running": True, "pid": running.pid, **facts, "memory_mb": memory_mb(running.pid), **where}


def _describe(ui: Ui, running: "Running", places: "Places") -> None:
    from optafly_cli.service.client import memory_mb

    facts = running.facts
    if not facts:
        ui.line(f"process {running.pid} listens but does not answer")
        ui.line(f"log: {places.log}")
        return
    ui.line(f"optafly {facts['version']}, process {running.pid}, up {_span(facts['uptime_s'])}")
    ui.line(f"commands: {facts['commands']}, left to their own process: {facts['left_to_launcher']}")
    memory = memory_mb(running.pid)
    if memory is not None:
        ui.line(f"memory: {memory} MB")
    ui.line(f"socket: {places.address}")
    ui.line(f"log: {places.log}")


def _span(seconds: float) -> str:
    whole = int(seconds)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


@app.command(cls=StageCommand)
def run(
    ctx: typer.Context,
    detached: Annotated[bool, typer.Option("--detached", hidden=True, help="Leave the terminal.")] = False,
) -> int:
    """Be the service, here in the foreground, until Ctrl-C."""
    from optafly_cli.cli.afterwards import catch_up
    from optafly_cli.cli.ahead import foresee
    from optafly_cli.cli.handler import run as application
    from optafly_cli.cli.preload import preload, rehearse
    from optafly_cli.service.child import Work
    from optafly_cli.service.lifecycle import serve

    ui: Ui = ctx.obj
    settings = _check_enabled(ui)
    serve(
        _places(),
        os.environ,
        Work(partial(application, warm=True), preload, rehearse, foresee, catch_up),
        idle_minutes=settings.idle_minutes,
        detached=detached,
    )
    return 0


def _check_enabled(ui: Ui) -> Any:
    settings = load(ui, {}).settings.service
    if not settings.enabled:
        raise UsageError("the service is turned off", remedy="optafly config set service.enabled true")
    return settings
