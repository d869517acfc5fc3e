"""optafly cache path, stats, search, reject: look into the store, and say what was wrong."""

import os
import sys
import time
from typing import Annotated

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples
from optafly_cli.cli.cache_base import app, confirm, open_store, which_entry
from optafly_cli.cli.documents import size
from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError
from optafly_cli.wording import counted


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

    from optafly_cli.cli.cache_output import entries_line, models_lines, promise_lines, shared_lines
    from optafly_cli.cli.columns import width_of

    ui: Ui = ctx.obj
    with open_store(ui) as store:
        found = store.stats()
    if json:
        ui.document("cache.stats", asdict(found))
        return 0
    exact, semantic = found.hits.get("exact", 0), found.hits.get("semantic", 0)
    ui.line(entries_line(found, time.time()))
    ui.line(f"hits      {exact + semantic:,} ({exact:,} exact, {semantic:,} semantic)")
    ui.line(f"saved     ${found.saved_usd:.4f}, {found.saved_tokens:,} tokens and {found.saved_s:,.0f} s")
    ui.line(f"size      {size(found.bytes)}")
    promised = promise_lines(found.semantic) if found.semantic else []
    shared = shared_lines(found.shared) if found.shared else []
    for line in (*models_lines(found), *promised, *shared):
        ui.line(fill(line, width_of(sys.stdout), subsequent_indent=" " * 10, break_on_hyphens=False))
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
    """Find the stored prompts nearest to a prompt.

    It says of each whether its answer fits. Give the options that you would give to ask: they are part of the question.
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
        max_context_tokens=max_context_tokens,
        model=model,
        max_tokens=max_tokens,
        base_url=base_url,
        max_error_rate=max_error_rate,
        command="cache search",
    )
    session = open_session(ui, options)
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

    from optafly_cli.cli.cache_output import ended_sentence, rejected_sentence

    ui: Ui = ctx.obj
    entry = which_entry(which)
    with open_store(ui) as store:
        if forget:
            if entry is not None:
                raise UsageError("--forget rejects nothing: give it no entry")
            if not yes:
                confirm(ui, "Forget all labels, and begin the promise anew?", "forgotten")
            forgotten = store.forget_labels()
        else:
            done = store.reject(entry)
    if json:
        ui.document("cache.reject", {"forgotten": forgotten} if forget else asdict(done))
        return 0
    ui.note(f"forgot {counted(forgotten, 'label')}" if forget else rejected_sentence(done))
    if not forget and done.ended:
        ui.warn(ended_sentence(done.ended))
    return 0
