"""optafly cache list and show: what the store holds, one line each or one entry in full."""

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples
from optafly_cli.cli.cache_base import app, open_store, which_entry
from optafly_cli.cli.documents import moment
from optafly_cli.cli.session import load, working_folder
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError
from optafly_cli.wording import entries

if TYPE_CHECKING:
    from optafly_cli.cache.listing import Order, Place

_LIST = "optafly cache list shows their numbers"


@app.command(
    "list",
    cls=StageCommand,
    epilog=examples(
        "optafly cache list --file src/main.rs",
        "optafly cache list --here --since 7d --sort hits",
        "optafly cache list --file src -n 0 | cut -f 1 | xargs optafly cache delete",
    ),
)
def list_entries(
    ctx: typer.Context,
    file: Annotated[
        str | None, typer.Option("--file", "-f", metavar="F", help="Only about that file, or files of that folder.")
    ] = None,
    here: Annotated[bool, typer.Option("--here", help="Only of this workspace.")] = False,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="M", help="Only of that model, by id or alias.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Only made since: 30min, 12h, 7d, or 2026-11-30.")
    ] = None,
    sort: Annotated[
        str, typer.Option("--sort", metavar="BY", help="created, used, hits or size; the most first.")
    ] = "created",
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=0, help="How many; 0: all.")] = 20,
    shared: Annotated[bool, typer.Option("--shared", help="The newest of the store that a team shares.")] = False,
    json: opt.Json = False,
) -> int:
    """List the stored answers, newest first.

    On a terminal a table. In a pipe one line each, with a tab between: number,
    when stored, when last used, hits, bytes, model, files, instruction.
    """
    from dataclasses import asdict

    from optafly_cli.cache.listing import Filter
    from optafly_cli.cli.cache_table import rows, table

    ui: Ui = ctx.obj
    settings, now, order = load(ui, {}).settings.cache, time.time(), _order(sort)
    place = _place(settings)
    path = os.path.normpath(working_folder() / file) if file else None
    wanted = Filter(None, path, _model(model), moment(since, now) if since else None, here)
    if shared and (wanted != Filter() or order != "created" or not limit):
        raise UsageError(
            "--shared lists the newest entries, without a choice", remedy="give --limit N with it, or none"
        )
    with open_store(ui, settings) as store:
        found = (
            store.shared_listing(limit=limit)
            if shared
            else store.listing(wanted, place, order=order, limit=limit or None)
        )
    if json:
        ui.document("cache.list", {"total": found.total, "entries": [asdict(entry) for entry in found.entries]})
        return 0
    if not found.entries:
        such = "such " if wanted != Filter() else ""
        ui.note(f"the {'shared store' if shared else 'store'} has no {such}entries")
    elif sys.stdout.isatty():
        for line in table(found.entries, place, now, order):
            ui.styled_line(*line)
    else:
        for row in rows(found.entries):
            ui.line(row)
    if found.total > len(found.entries):
        ui.note(f"{len(found.entries):,} of {entries(found.total)}; -n 0 lists all")
    return 0


@app.command(cls=StageCommand, epilog=examples("optafly cache show 12", "optafly cache show LAST"))
def show(
    ctx: typer.Context,
    which: Annotated[str, typer.Argument(metavar="ID|LAST", help="An entry, or that of the last hit.")],
    json: opt.Json = False,
) -> int:
    """Print one stored answer, and all that is known about it."""
    from dataclasses import asdict

    from optafly_cli.cache.listing import Filter
    from optafly_cli.cli.cache_table import facts

    ui: Ui = ctx.obj
    number, settings = which_entry(which), load(ui, {}).settings.cache
    place = _place(settings)
    with open_store(ui, settings) as store:
        wanted = store.last_served() if number is None else number
        entry = store.entry(wanted)
        found = store.listing(Filter(wanted), place).entries
    if entry is None or not found:
        if number is None:
            raise UsageError(f"entry {wanted}, which answered last, is not there any more", remedy=_LIST)
        raise UsageError(f"there is no entry {wanted}", remedy=_LIST)
    if json:
        said = {"answer": entry.answer.text, "usage": asdict(entry.answer.usage), "scope": dict(entry.scope)}
        ui.document("cache.show", {**asdict(found[0]), **said, "evidence": asdict(entry.evidence)})
        return 0
    for line in facts(found[0], entry, place, time.time()):
        ui.styled_line(*line)
    ui.line()
    ui.line(entry.answer.text)
    return 0


def _place(settings: Any) -> "Place":
    """The workspace of the working folder, as scopes call it."""
    from optafly_cli.cache.listing import Place
    from optafly_cli.pipeline.session import shared_name
    from optafly_cli.workspace.root import find_workspace

    workspace = find_workspace(working_folder())
    return Place(str(workspace.root.resolve()), shared_name(workspace, settings))


def _order(text: str) -> "Order":
    from optafly_cli.cache.listing import ORDERS

    for order in ORDERS:
        if text == order:
            return order
    raise UsageError(f"--sort {text}: no such order", remedy=f"choose {', '.join(ORDERS[:-1])} or {ORDERS[-1]}")


def _model(name: str | None) -> str | None:
    from optafly_cli.models import catalogue

    return name and catalogue().aliases.get(name, name)
