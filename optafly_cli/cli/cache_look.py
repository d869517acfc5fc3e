"""optafly cache path, stats, list, show, search, reject: look into the store, and say what was wrong."""

import os
import sys
import time
from typing import Annotated, Any

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples
from optafly_cli.cli.cache_base import app, confirm, open_store
from optafly_cli.cli.documents import age
from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError
from optafly_cli.workspace.escape import printable


@app.command(cls=StageCommand)
def path(ctx: typer.Context, json: opt.Json = False) -> int:
    """Print the store's folder."""
    from optafly_cli.config.paths import store_folder

    ui: Ui = ctx.obj
    folder = store_folder(load(ui, {}).settings.cache, os.environ)
    if json:
        ui.document("cache.path", {"path": str(folder)})
    else:
        ui.line(str(folder))
    return 0


@app.command(cls=StageCommand)
def stats(ctx: typer.Context, json: opt.Json = False) -> int:
    """Print entries, hits, savings, and what is promised."""
    from dataclasses import asdict
    from textwrap import fill

    from optafly_cli.cli.cache_output import promise_lines, shared_lines
    from optafly_cli.cli.explain_output import width_of

    ui: Ui = ctx.obj
    with open_store(ui) as store:
        found = store.stats()
    if json:
        ui.document("cache.stats", asdict(found))
        return 0
    exact, semantic = found.hits.get("exact", 0), found.hits.get("semantic", 0)
    ui.line(f"entries   {found.entries:,}")
    ui.line(f"hits      {exact + semantic:,} ({exact:,} exact, {semantic:,} semantic)")
    ui.line(f"saved     ${found.saved_usd:.4f}, {found.saved_tokens:,} tokens and {found.saved_s:,.0f} s")
    ui.line(f"size      {found.bytes / 1e6:.1f} MB")
    for line in promise_lines(found.semantic) if found.semantic else ():
        ui.line(fill(line, width_of(sys.stdout), subsequent_indent=" " * 10, break_on_hyphens=False))
    for model, entries in found.models.items():
        ui.line(f"  {model}  {entries:,}")
    for line in shared_lines(found.shared) if found.shared else ():
        ui.line(fill(line, width_of(sys.stdout), subsequent_indent=" " * 10, break_on_hyphens=False))
    return 0


@app.command("list", cls=StageCommand)
def list_entries(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="How many, newest first.")] = 20,
    shared: Annotated[bool, typer.Option("--shared", help="Those of the store that a team shares.")] = False,
    json: opt.Json = False,
) -> int:
    """List the stored answers, newest first."""
    ui: Ui = ctx.obj
    with open_store(ui) as store:
        entries = store.shared_entries(limit=limit) if shared else store.entries(limit=limit)
        now = time.time()
    if json:
        ui.document("cache.list", {"entries": [_summary(entry) for entry in entries]})
        return 0
    for entry in entries:
        when = age(now - entry.created)
        # What was imported may hold anything, and a pipe may end on a terminal
        instruction = printable(" ".join(entry.instruction.split()))
        number = "" if shared else entry.id
        ui.line(f"{number:>6}  {when:>7}  {entry.hits:>4} hits  {_clip(instruction, 48)}")
    if not entries:
        ui.note(f"the {'shared store' if shared else 'store'} has no entries")
    return 0


@app.command(cls=StageCommand)
def show(ctx: typer.Context, entry_id: Annotated[int, typer.Argument(metavar="ID")], json: opt.Json = False) -> int:
    """Print one stored answer with what it depends on."""
    from dataclasses import asdict

    ui: Ui = ctx.obj
    with open_store(ui) as store:
        entry = store.entry(entry_id)
    if entry is None:
        raise UsageError(f"there is no entry {entry_id}", remedy="optafly cache list shows their numbers")
    if json:
        ui.document(
            "cache.show",
            {
                **_summary(entry),
                "prompt": entry.prompt,
                "answer": entry.answer.text,
                "usage": asdict(entry.answer.usage),
                "scope": dict(entry.scope),
                "evidence": asdict(entry.evidence),
            },
        )
        return 0
    ui.styled_line(("prompt    ", "dim"), (entry.prompt, None))
    ui.styled_line(("model     ", "dim"), (entry.answer.model, None))
    ui.styled_line(("stored    ", "dim"), (time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.created)), None))
    for item in (*entry.evidence.files, *entry.evidence.units):
        ui.styled_line(("evidence  ", "dim"), (f"{item.path} {(item.digest or 'absent')[:12]}", None))
    ui.line()
    ui.line(entry.answer.text)
    return 0


@app.command(
    cls=StageCommand,
    epilog=examples(
        'optafly cache search "fix this bug" --file src/main.rs:12',
        'optafly cache search "fix this bug" --file src/main.rs:12 --explain',
        'optafly cache search "parse a port" --all',
    ),
)
def search(
    ctx: typer.Context,
    prompt: opt.Prompt = None,
    file: opt.Files = None,
    selection: opt.Selection = None,
    diff: opt.Diff = False,
    no_context: opt.NoContext = False,
    max_context_tokens: opt.MaxContextTokens = None,
    yes: opt.Yes = False,
    no_refine: opt.NoRefine = False,
    system: opt.System = None,
    model: opt.Model = None,
    max_tokens: opt.MaxTokens = None,
    base_url: opt.BaseUrl = None,
    max_error_rate: opt.MaxErrorRate = None,
    everywhere: Annotated[
        bool, typer.Option("--all", help="Also what was asked with other files, models, settings.")
    ] = False,
    shared: Annotated[
        bool, typer.Option("--shared", help="Fetch first what a team's store has for the prompt, as ask does.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say of each why its answer would be served or not.")
    ] = False,
    json: opt.Json = False,
) -> int:
    """List the stored prompts nearest to a prompt, and whether they fit.

    Give the options that you would give to ask: they are part of the question.
    """
    from optafly_cli.cli.cache_search import say
    from optafly_cli.cli.explain_document import document
    from optafly_cli.cli.session import ContextOptions, open_session

    ui: Ui = ctx.obj
    options = ContextOptions(
        prompt,
        file,
        selection,
        diff=diff,
        no_context=no_context,
        yes=yes,
        no_refine=no_refine,
        system=system,
        command="cache search",
    )
    flags = {
        "refine.max_context_tokens": max_context_tokens,
        "provider.model": model,
        "provider.max_tokens": max_tokens,
        "provider.base_url": base_url,
        "cache.max_error_rate": max_error_rate,
    }
    session = open_session(ui, options, flags)
    with open_store(ui, session.settings.cache) as store:
        neighbours = everywhere or not explain
        found = store.explain(session.question, neighbours=neighbours, everywhere=everywhere, shared=shared)
    if json:
        ui.document("cache.search", document(found))
    else:
        say(ui, found, in_full=explain, everywhere=everywhere)
    return 0


@app.command(cls=StageCommand, epilog=examples("optafly cache reject", "optafly cache reject 12"))
def reject(
    ctx: typer.Context,
    which: Annotated[
        str, typer.Argument(metavar="[LAST|ID]", help="The last hit, or the last one of that entry.")
    ] = "LAST",
    forget: Annotated[
        bool, typer.Option("--forget", help="Reject nothing; forget what was learnt from you so far.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --forget: do not ask.")] = False,
    json: opt.Json = False,
) -> int:
    """Say that a stored answer was wrong where it was served.

    Its answer is not served for those words again, and counts against the
    promise about semantic hits. If the words were the very same, it is deleted.
    """
    from dataclasses import asdict

    from optafly_cli.cli.cache_output import rejected_sentence

    ui: Ui = ctx.obj
    entry = _which(which)
    with open_store(ui) as store:
        if forget:
            if entry is not None:
                raise UsageError("--forget rejects nothing: give it no entry")
            if not yes:
                confirm(ui, "Forget all labels, and begin the promise anew?")
            forgotten = store.forget_labels()
        else:
            done = store.reject(entry)
    if json:
        ui.document("cache.reject", {"forgotten": forgotten} if forget else asdict(done))
    else:
        ui.note(f"forgot {forgotten:,} labels" if forget else rejected_sentence(done))
    return 0


def _which(text: str) -> int | None:
    """The entry that is meant, None for the last hit.

    Raises:
        UsageError: neither LAST nor a number.
    """
    if text.upper() == "LAST":
        return None
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{text!r} is no hit: give LAST, or the number of an entry")
    return min(int(text), 2**63 - 1)


def _summary(entry: Any) -> dict[str, Any]:
    """An entry of the local store, or one of the shared store, which has no number here."""
    return {
        "id": getattr(entry, "id", None),
        "instruction": entry.instruction,
        "model": getattr(entry, "model", None) or entry.answer.model,
        "created": entry.created,
        "last_used": entry.last_used,
        "hits": entry.hits,
        "cost": entry.cost,
    }


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
