"""optafly cache delete, clear, prune, verify, rebuild: look after the store."""

from typing import Annotated

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples
from optafly_cli.cli.cache_base import app, confirm, open_maintenance
from optafly_cli.cli.cache_output import pruned_sentence
from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import StoreError, UsageError
from optafly_cli.wording import counted, entries

_SHOWN = 20


@app.command(cls=StageCommand, epilog=examples("optafly cache delete 12", "optafly cache delete 12 15 16"))
def delete(
    ctx: typer.Context, ids: Annotated[list[int], typer.Argument(metavar="ID...")], json: opt.Json = False
) -> int:
    """Delete stored answers by their numbers.

    Those that are there go, whatever else is named; exit code 2 when one was not.
    """
    ui: Ui = ctx.obj
    wanted = [min(number, 2**63 - 1) for number in dict.fromkeys(ids)]
    with open_maintenance(ui) as store:
        deleted = store.delete(wanted)
    missing = [number for number in wanted if number not in deleted]
    if json and deleted:
        ui.document("cache.delete", {"deleted": deleted, "missing": missing})
        return UsageError.exit_code if missing else 0
    if deleted:
        ui.note(f"deleted {entries(len(deleted))}")
    if missing:
        raise UsageError(
            f"there is no entry {', '.join(map(str, missing))}", remedy="optafly cache list shows their numbers"
        )
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
        if not yes and (count := store.count()):
            confirm(ui, f"Delete {'the one entry' if count == 1 else f'all {entries(count)}'}?")
        removed = store.clear()
    if json:
        ui.document("cache.clear", {"removed": removed})
    else:
        ui.note(f"deleted {entries(removed)}" if removed else "the store has no entries")
    return 0


@app.command(cls=StageCommand, epilog=examples("optafly cache prune --dry-run", "optafly cache prune"))
def prune(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would go.")] = False,
    json: opt.Json = False,
) -> int:
    """Delete what is too old, and what the store has no room for.

    The limits are `[cache] ttl_days` and `max_size_gb`. While the store is too large
    the entry goes that is worth least: what its answer cost and how often it was
    used, less the longer it was not.
    From a store that a team shares goes what is older than its own limit
    (`init-remote --keep-days`).
    """
    from dataclasses import asdict

    ui: Ui = ctx.obj
    shared = None
    with open_maintenance(ui) as store:
        pruned = store.prune(dry_run=dry_run)
        try:
            shared = store.expire_shared(dry_run=dry_run)
        except StoreError as error:
            ui.warn(f"{error.message}: the local one alone was pruned")
    if json:
        ui.document("cache.prune", {"dry_run": dry_run, **asdict(pruned), "shared": shared})
        return 0
    if pruned.expired or pruned.evicted:
        ui.line(pruned_sentence(pruned, dry_run=dry_run))
    elif not shared:
        ui.line("nothing to delete: no entry is too old, and there is room")
    if shared:
        would = "would delete" if dry_run else "deleted"
        ui.line(f"{would} {entries(shared)} from the shared store, as old as it keeps any")
    return 0


@app.command(cls=StageCommand)
def verify(ctx: typer.Context, json: opt.Json = False) -> int:
    """Check the database, every entry and the search index.

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
            f"{counted(len(problems), 'thing is', 'things are')} wrong with the store",
            remedy="`optafly cache rebuild` renews the index, `optafly cache delete ID` removes an entry, "
            "`optafly cache export --salvage FILE` saves what a damaged database holds",
        )
    ui.note(f"{entries(count)}, and nothing is wrong")
    return 0


@app.command(cls=StageCommand)
def rebuild(ctx: typer.Context, json: opt.Json = False) -> int:
    """Write the search index anew from the entries.

    Answers are right without it, too. Exit code 5 when entries are damaged.
    """
    ui: Ui = ctx.obj
    with open_maintenance(ui) as store:
        indexed = store.indexed()
        with ui.progress("indexing", indexed) as advance:
            done = store.rebuild(advance)
        if not done:
            raise StoreError(
                "the search index is being written by another process", remedy="try again", code="store_busy"
            )
        with ui.progress("checking entries", store.count()) as advance:
            problems = [*store.unreadable(advance)]
    if json:
        ui.document("cache.rebuild", {"indexed": indexed, "problems": problems})
        return StoreError.exit_code if problems else 0
    ui.note(f"indexed {entries(indexed)}" if indexed else "no scope has so many entries that it needs an index")
    if problems:
        raise StoreError(
            f"{counted(len(problems), 'entry is', 'entries are')} damaged, and an index does not mend that",
            remedy="`optafly cache verify` lists them; `optafly cache delete ID` removes one",
        )
    return 0


@app.command("init-remote", cls=StageCommand, epilog=examples("optafly cache init-remote --grant developers"))
def init_remote(
    ctx: typer.Context,
    grant: Annotated[
        list[str] | None,
        typer.Option("--grant", metavar="ROLE", help="Let this database role use the namespace. Repeatable."),
    ] = None,
    keep_days: Annotated[
        float | None,
        typer.Option("--keep-days", metavar="N", min=1, max=36_500, help="Delete entries after N days (at first 365)."),
    ] = None,
    json: opt.Json = False,
) -> int:
    """Make, or bring up to date, a store that a team shares.

    It needs `[cache] backend = "postgres"`, a namespace, and in `OPTAFLY_CACHE_DSN` a
    role that may create tables. Each role that is granted a namespace sees that one only.
    Run it again after an upgrade, and when `optafly doctor` says that a scope has grown large.
    """
    from optafly_cli.cache.shared import initialise

    ui: Ui = ctx.obj
    settings = load(ui, {}).settings.cache
    made = initialise(settings, grant or [], keep_days)
    if json:
        found = {"schema_version": made.version, "indexed": made.indexed, "keep_days": made.keep_days}
        ui.document("cache.init-remote", {**found, "granted": grant or []})
    else:
        kept = f"entries are kept for {made.keep_days:g} days"
        ui.note(f"the shared store is ready (schema {made.version}, namespace {settings.namespace!r}; {kept})")
    return 0
