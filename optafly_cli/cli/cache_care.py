"""optafly cache delete, clear, prune, verify, rebuild: look after the store."""

from typing import Annotated

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples
from optafly_cli.cli.cache_base import app, confirm, open_maintenance
from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import StoreError, UsageError

_SHOWN = 20


@app.command(cls=StageCommand, epilog=examples("optafly cache delete 12", "optafly cache delete 12 15 16"))
def delete(
    ctx: typer.Context, ids: Annotated[list[int], typer.Argument(metavar="ID...")], json: opt.Json = False
) -> int:
    """Delete stored answers by their numbers."""
    ui: Ui = ctx.obj
    wanted = [min(number, 2**63 - 1) for number in dict.fromkeys(ids)]
    with open_maintenance(ui) as store:
        deleted = store.delete(wanted)
    missing = [number for number in wanted if number not in deleted]
    unknown = f"there is no entry {', '.join(map(str, missing))}"
    if missing and not deleted:
        raise UsageError(unknown, remedy="optafly cache list shows their numbers")
    if json:
        ui.document("cache.delete", {"deleted": deleted, "missing": missing})
        return 0
    ui.note(f"deleted {len(deleted):,} {'entry' if len(deleted) == 1 else 'entries'}")
    if missing:
        ui.warn(unknown)
    return 0


@app.command(cls=StageCommand, epilog=examples("optafly cache clear --yes"))
def clear(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: opt.Json = False,
) -> int:
    """Delete every stored answer; asks first."""
    ui: Ui = ctx.obj
    with open_maintenance(ui) as store:
        if not yes:
            confirm(ui, f"Delete all {store.count():,} entries?")
        removed = store.clear()
    if json:
        ui.document("cache.clear", {"removed": removed})
    else:
        ui.note(f"removed {removed:,} entries")
    return 0


@app.command(cls=StageCommand, epilog=examples("optafly cache prune --dry-run", "optafly cache prune"))
def prune(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would go.")] = False,
    json: opt.Json = False,
) -> int:
    """Delete what is too old, then what is worth least while the store is too large.

    The limits are `[cache] ttl_days` and `max_size_gb`. An entry is worth what its
    answer cost and how often it was used, less the longer it was not.
    """
    from dataclasses import asdict

    ui: Ui = ctx.obj
    with open_maintenance(ui) as store:
        pruned = store.prune(dry_run=dry_run)
    if json:
        ui.document("cache.prune", {"dry_run": dry_run, **asdict(pruned)})
        return 0
    if not pruned.expired and not pruned.evicted:
        ui.line("nothing to delete: no entry is too old, and there is room")
        return 0
    would = "would delete" if dry_run else "deleted"
    ui.line(
        f"{would} {pruned.expired:,} that expired and {pruned.evicted:,} to make room: {pruned.bytes / 1e3:,.0f} KB"
    )
    return 0


@app.command(cls=StageCommand)
def verify(ctx: typer.Context, json: opt.Json = False) -> int:
    """Check the whole store: the database, every entry, the search index.

    Exit code 5 when something is wrong. Nothing is changed.
    """
    ui: Ui = ctx.obj
    with open_maintenance(ui) as store:
        count = store.count()
        problems = store.problems()
        with ui.progress("checking entries", count) as advance:
            problems += store.unreadable(advance)
    if json:
        ui.document("cache.verify", {"entries": count, "problems": problems})
        return 5 if problems else 0
    for problem in problems[:_SHOWN]:
        ui.line(problem)
    if len(problems) > _SHOWN:
        ui.line(f"and {len(problems) - _SHOWN:,} more (--json lists all)")
    if problems:
        raise StoreError(
            f"{len(problems):,} things are wrong with the store",
            remedy="`optafly cache rebuild` renews the index; `optafly cache delete ID` removes an entry",
        )
    ui.note(f"{count:,} entries, and nothing is wrong")
    return 0


@app.command(cls=StageCommand)
def rebuild(ctx: typer.Context, json: opt.Json = False) -> int:
    """Write the search index anew from the entries. It is never needed for answers to be right."""
    ui: Ui = ctx.obj
    with open_maintenance(ui) as store:
        entries = store.indexed()
        with ui.progress("indexing", entries) as advance:
            done = store.rebuild(advance)
    if not done:
        raise StoreError("the search index is being written by another process", remedy="try again", code="store_busy")
    if json:
        ui.document("cache.rebuild", {"indexed": entries})
    else:
        ui.note(f"indexed {entries:,} entries" if entries else "no scope has so many entries that it needs an index")
    return 0


@app.command("init-remote", cls=StageCommand, epilog=examples("optafly cache init-remote --grant developers"))
def init_remote(
    ctx: typer.Context,
    grant: Annotated[
        list[str] | None,
        typer.Option("--grant", metavar="ROLE", help="Let this database role use the namespace. Repeatable."),
    ] = None,
    json: opt.Json = False,
) -> int:
    """Make, or bring up to date, a store that a team shares.

    It needs `[cache] backend = "postgres"`, a namespace, and in `OPTAFLY_CACHE_DSN` a
    role that may create tables. Each role that is granted a namespace sees that one only.
    """
    from optafly_cli.cache.shared import initialise

    ui: Ui = ctx.obj
    settings = load(ui, {}).settings.cache
    version, indexed = initialise(settings, grant or [])
    if json:
        ui.document("cache.init-remote", {"schema_version": version, "indexed": indexed, "granted": grant or []})
    else:
        ui.note(f"the shared store is ready (schema {version}, namespace {settings.namespace!r})")
    return 0
