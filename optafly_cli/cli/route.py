"""optafly route: the request, its anchors and its price."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.session import ContextOptions, approver, open_session
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError
from optafly_cli.route.result import Anchor, Cost, RoutedRequest

if TYPE_CHECKING:
    from optafly_cli.pipeline.session import Session

app = new_app()


@app.command(
    cls=StageCommand,
    epilog=examples(
        'optafly route "fix this bug" --file src/main.rs',
        'optafly route "review this" --system rules.md --ttl 1h --json',
        'optafly route "explain this" --file app.py --request > body.json',
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
    request: Annotated[bool, typer.Option("--request", help="Print the exact Messages body.")] = False,
    curl: Annotated[bool, typer.Option("--curl", help="Print a command that sends the request.")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Ask the endpoint to count the tokens.")] = False,
    base_url: opt.BaseUrl = None,
    json: opt.Json = False,
) -> int:
    """Show the request, its prompt-cache anchors and what it costs.

    Nothing is sent, unless --exact asks the endpoint to count.
    """
    if curl and (json or request):
        raise UsageError(
            "--curl prints a command: it goes with neither --json nor --request", remedy="give one of them"
        )
    from optafly_cli.pipeline.job import Voice
    from optafly_cli.pipeline.stages import refine as run_refine
    from optafly_cli.pipeline.stages import route as run_route

    ui: Ui = ctx.obj
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
            max_context_tokens=max_context_tokens,
            model=model,
            max_tokens=max_tokens,
            base_url=base_url,
            command="route",
        ),
    )
    refined = run_refine(
        session, Voice(warn=ui.warn, status=ui.note, text=ui.write, approve=approver(ui, session, verb="Use"))
    )
    for sentence in (*session.named.left_out, *session.system.left_out, *refined.left_out):
        ui.warn(sentence)
    routed = run_route(session, refined)
    if exact:
        routed = _counted(session, routed)
    ms = (time.perf_counter() - start) * 1000
    if json:
        ui.document("route", _document(routed, ms, request=request))
    elif request:
        import json as json_module

        ui.line(json_module.dumps(routed.body, ensure_ascii=False, indent=2))
    elif curl:
        _print_curl(ui, session, routed)
    else:
        _print(ui, routed)
    return 0


def _counted(session: "Session", routed: RoutedRequest) -> RoutedRequest:
    """The routed request with the endpoint's own count of its input tokens."""
    from optafly_cli.provider.client import count_tokens
    from optafly_cli.route.engine import recounted

    total = count_tokens(routed.body, settings=session.settings.provider)
    return recounted(routed, total, session.model, max_anchors=session.settings.route.max_anchors)


def _print_curl(ui: Ui, session: "Session", routed: RoutedRequest) -> None:
    import os

    from optafly_cli.provider.curl import curl_command, left_out

    ui.line(curl_command(routed.body, session.settings.provider, os.environ))
    if sentence := left_out(os.environ):
        ui.warn(sentence)


def _document(routed: RoutedRequest, ms: float, *, request: bool) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "model": routed.model,
        "use_cache": routed.use_cache,
        "reason": routed.reason,
        "anchors": [asdict(anchor) for anchor in routed.anchors],
        "tokens": asdict(routed.tokens),
        "optimisation": asdict(routed.optimisation),
        "cost": asdict(routed.cost),
        "request": routed.body if request else None,
        "timing_ms": round(ms, 3),
    }


def _print(ui: Ui, routed: RoutedRequest) -> None:
    """A table of the blocks, then the decision and the three prices."""
    from rich import box
    from rich.table import Table

    from optafly_cli.workspace.escape import printable

    console = ui.console()
    if routed.anchors:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for title, justify in (
            ("block", "left"),
            ("tokens", "right"),
            ("up to here", "right"),
            ("anchor", "left"),
            ("why", "left"),
        ):
            table.add_column(title, justify="right" if justify == "right" else "left", overflow="fold")
        for anchor in routed.anchors:
            table.add_row(
                printable(anchor.label or anchor.kind),
                f"{anchor.tokens:,}",
                f"{anchor.cumulative_tokens:,}",
                anchor.ttl if anchor.cacheable else "–",
                _why(anchor),
            )
        console.print(table)
    tokens = routed.tokens
    console.print(f"{routed.model}: {routed.reason}")
    console.print(
        f"tokens  {tokens.input:,} in (±{tokens.margin:.0%}, {tokens.method}), {tokens.cacheable:,} of them cacheable"
    )
    console.print(_prices(routed.cost))


def _why(anchor: Anchor) -> str:
    return anchor.why_not or f"expected {anchor.expected_reads:.1f} reads in {anchor.ttl}"


def _prices(cost: Cost) -> str:
    if cost.uncached is None or cost.this_request is None or cost.next_request is None:
        return "cost    unknown: the model data has no price for this model"
    text = f"cost    {_money(cost.this_request)} now, {_money(cost.next_request)} again within the TTL"
    text += f", {_money(cost.uncached)} without anchors"
    if cost.break_even_requests:
        text += f"; pays from request {cost.break_even_requests} on"
    return text


def _money(amount: float) -> str:
    return f"${amount:.6f}".rstrip("0").rstrip(".") if amount < 0.01 else f"${amount:.4f}"
