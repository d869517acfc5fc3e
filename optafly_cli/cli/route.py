"""optafly route: the request, its anchors and its price."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.session import ContextOptions, approver, open_session
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError
from optafly_cli.route.result import Anchor, Cost, Removed, RoutedRequest

if TYPE_CHECKING:
    from optafly_cli.pipeline.session import Session

app = new_app()
BESIDE_NAMES = 46
"""Columns that the table needs beside the blocks' names to be read."""


@app.command(
    cls=StageCommand,
    epilog=examples(
        'optafly route "fix this bug" --file src/main.rs',
        'optafly route "review this" --system rules.md --ttl 1h --json',
        'optafly route "explain this" --file app.py --request > body.json',
        "optafly route --simulate trace.jsonl",
        'optafly route "explain this" --file app.py --curl | sh',
    ),
)
def route(
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
    ttl: opt.Ttl = "auto",
    no_optimise: opt.NoOptimise = False,
    compress: opt.Compress = False,
    max_cost: opt.MaxCost = None,
    request: Annotated[bool, typer.Option("--request", help="Print the exact Messages body.")] = False,
    curl: Annotated[bool, typer.Option("--curl", help="Print a command that sends the request.")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Ask the endpoint to count the tokens.")] = False,
    simulate: Annotated[
        Path | None,
        typer.Option("--simulate", metavar="TRACE.jsonl", help="Replay recorded requests instead.", show_default=False),
    ] = None,
    base_url: opt.BaseUrl = None,
    json: opt.Json = False,
) -> int:
    """Show the request, its prompt-cache anchors and what it costs.

    Nothing is sent, unless --exact asks the endpoint to count.
    """
    if curl and (json or request):
        raise UsageError("--curl goes with neither --json nor --request", remedy="give one of them")
    from optafly_cli.pipeline.budget import within_cost

    ui: Ui = ctx.obj
    if simulate is not None:
        from optafly_cli.cli.simulate import simulate as replay

        return replay(ui, simulate, model, as_json=json)
    start = time.perf_counter()
    session = open_session(
        ui,
        ContextOptions(
            prompt=prompt,
            files=file,
            selection=selection,
            diff=diff,
            no_context=no_context,
            yes=yes,
            no_refine=no_refine,
            system=system,
            ttl=ttl,
            no_optimise=no_optimise,
            compress=compress,
            max_cost=max_cost,
            max_context_tokens=max_context_tokens,
            model=model,
            max_tokens=max_tokens,
            base_url=base_url,
            command="route",
        ),
    )
    routed = within_cost(session, lambda session: _routed(ui, session, exact=exact), ui.note)
    ms = (time.perf_counter() - start) * 1000
    if json:
        ui.document("route", _document(routed, ms, request=request))
    elif request:
        import json as json_module

        ui.line(json_module.dumps(_body(routed), ensure_ascii=False, indent=2))
    elif curl:
        _print_curl(ui, session, routed)
    else:
        _print(ui, routed)
    return 0


def _routed(ui: Ui, session: "Session", *, exact: bool) -> RoutedRequest:
    from optafly_cli.config.paths import store_folder
    from optafly_cli.pipeline.budget import check_cost
    from optafly_cli.pipeline.job import Voice
    from optafly_cli.pipeline.sent_before import SentBefore
    from optafly_cli.pipeline.stages import refine, route

    voice = Voice(warn=ui.warn, status=ui.note, text=ui.write, approve=approver(ui, session, verb="Use"))
    refined = refine(session, voice)
    for sentence in (*session.named.left_out, *session.system.left_out, *refined.left_out):
        ui.warn(sentence)
    with SentBefore.of(session, store_folder(session.settings.cache, os.environ)) as sent_before:
        routed = route(session, refined, sent_before)
    if exact:
        routed = _counted(session, routed)
        check_cost(session, routed)
    return routed


def _counted(session: "Session", routed: RoutedRequest) -> RoutedRequest:
    """The routed request with the endpoint's own count of its input tokens."""
    from optafly_cli.provider.client import count_tokens
    from optafly_cli.route.engine import recounted

    counted, *rest = (
        recounted(
            part,
            count_tokens(part.body, settings=session.settings.provider),
            session.model,
            max_anchors=session.settings.route.max_anchors,
        )
        for part in routed.parts
    )
    return replace(counted, rest=tuple(rest))


def _print_curl(ui: Ui, session: "Session", routed: RoutedRequest) -> None:
    from optafly_cli.provider.curl import curl_command, left_out

    for part in routed.parts:
        ui.line(curl_command(part.body, session.settings.provider, os.environ))
    if sentence := left_out(os.environ):
        ui.warn(sentence)


def _document(routed: RoutedRequest, ms: float, *, request: bool) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "model": routed.model,
        "use_cache": routed.use_cache,
        "reason": routed.reason,
        "anchors": [asdict(anchor) for anchor in routed.anchors],
        "tokens": asdict(routed.all_tokens),
        "optimisation": asdict(routed.optimisation),
        "cost": asdict(routed.all_cost),
        "request": _body(routed) if request else None,
        "timing_ms": round(ms, 3),
    }


def _body(routed: RoutedRequest) -> Any:
    """The Messages body; a list of them where the prompt needs several requests."""
    return [part.body for part in routed.parts] if routed.rest else routed.body


def _print(ui: Ui, routed: RoutedRequest) -> None:
    """A table of the blocks, then the decision and the three prices."""
    from rich import box
    from rich.table import Table

    from optafly_cli.workspace.escape import printable

    console = ui.console()
    if routed.anchors:
        names = [printable(anchor.label or anchor.kind) for anchor in routed.anchors]
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        # A path that is folded in its line numbers cannot be read; reasons are sentences and can be
        table.add_column("block", overflow="fold", no_wrap=max(map(len, names)) + BESIDE_NAMES <= console.width)
        table.add_column("tokens", justify="right")
        table.add_column("up to here", justify="right")
        table.add_column("anchor")
        table.add_column("why", overflow="fold")
        for name, anchor in zip(names, routed.anchors, strict=True):
            table.add_row(
                name,
                f"{anchor.tokens:,}",
                f"{anchor.cumulative_tokens:,}",
                anchor.ttl if anchor.cacheable else "–",
                _why(anchor),
            )
        console.print(table)
    tokens = routed.all_tokens
    console.print(f"{routed.model}: {routed.reason}")
    console.print(
        f"tokens  {tokens.input:,} in (±{tokens.margin:.0%}, {tokens.method}), {tokens.cacheable:,} of them cacheable"
        + (f", {tokens.in_cache:,} in the prompt cache now" if tokens.in_cache else "")
    )
    if routed.rest:
        console.print(f"chunks  {len(routed.parts)} requests with the instruction in each; the table shows the first")
    for removed in routed.optimisation.removals:
        console.print(printable(_said(removed)), markup=False)
    console.print(_prices(routed.all_cost))


def _said(removed: Removed) -> str:
    places = f", in {removed.places} places" if removed.places > 1 else ""
    return f"removed {removed.tokens:,} of {removed.block}: {removed.reason}{places}"


def _why(anchor: Anchor) -> str:
    return anchor.why_not or f"expected {anchor.expected_reads:.1f} reads in {anchor.ttl}"


def _prices(cost: Cost) -> str:
    if cost.uncached is None or cost.this_request is None or cost.next_request is None:
        return "cost    unknown: the model data has no price for this model"
    text = f"cost    {_money(cost.this_request)} now, {_money(cost.next_request)} again within the TTL"
    text += f", {_money(cost.uncached)} without anchors"
    if cost.naive is not None:
        text += f", {_money(cost.naive)} with one at the end"
    if cost.break_even_requests:
        text += f"; pays from request {cost.break_even_requests} on"
    return text


def _money(amount: float) -> str:
    return f"${amount:.6f}".rstrip("0").rstrip(".") if amount < 0.01 else f"${amount:.4f}"
