"""optafly route --simulate: a recorded trace under every policy."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError
from optafly_cli.wording import counted

if TYPE_CHECKING:
    from optafly_cli.models import Model
    from optafly_cli.route.simulator.comparison import Comparison
    from optafly_cli.route.simulator.policies import Policy

_BAR = 40


def simulate(ui: Ui, file: Path, model: str | None, *, as_json: bool) -> int:
    """Replay the trace and print what each policy would have cost. With `model`, as if all requests had gone to it."""
    from optafly_cli.models import catalogue
    from optafly_cli.route.simulator import comparison, trace

    try:
        with file.open(encoding="utf-8") as lines:
            requests = trace.read(lines, str(file))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", remedy="name a trace of requests") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text", remedy="docs/routing.md says what a trace is") from error
    if not requests:
        raise UsageError(f"{file} has no requests", remedy="docs/routing.md says what a trace is")
    known = catalogue()
    model_of = lambda name: known.get(model or name)  # noqa: E731 - one line, used as a function
    with ui.progress(f"replaying {counted(len(requests), 'request')}", comparison.STEPS) as moved:
        found = comparison.compare(requests, _ours(ui, model_of), model_of, moved)
    if as_json:
        ui.document("simulate", _document(found, known.currency))
    else:
        _print(ui, found)
    return 0


def _ours(ui: Ui, model_of: "Callable[[str], Model]") -> "Policy":
    """The planner as `ask` would use it in the working folder, beginning with an empty log."""
    from optafly_cli.config.paths import store_folder
    from optafly_cli.pipeline.lessons import lesson_in
    from optafly_cli.route.history import Memory
    from optafly_cli.route.pricing import DEFAULT_RATES
    from optafly_cli.route.simulator.remembering import Remembering
    from optafly_cli.route.strategy import estimate

    settings = load(ui, {}).settings
    lesson = lesson_in(store_folder(settings.cache, os.environ))
    history = Memory()
    return Remembering(estimate(settings.route.strategy, history, lesson, DEFAULT_RATES), history, model_of)


def _document(found: "Comparison", currency: str) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(found), "currency": currency if found.priced else None}


def _print(ui: Ui, found: "Comparison") -> None:
    """A bar for each policy, from nothing to the most that any costs."""
    from rich.table import Table
    from rich.text import Text

    from optafly_cli.workspace.escape import printable

    console = ui.console()
    size = f"{counted(found.requests, 'request')}, {found.input_tokens:,} input tokens"
    console.print(printable(f"{size} in {_span(found.seconds)}, {', '.join(found.models)}"))
    table = Table.grid(padding=(0, 2, 0, 0))
    for number in range(4):
        table.add_column(justify="left" if number < 2 else "right", no_wrap=True)
    most = max(line.ratio for line in found.policies) or 1.0
    block = "#" if console.options.ascii_only else "█"
    for line in found.policies:
        style = {"ours": "bold", "oracle": "dim"}.get(line.policy, "")
        bar = block * max(1, round(_BAR * line.ratio / most))
        money = _money(line.cost) if found.priced else "–"
        table.add_row(line.policy, Text(bar, style=style), f"{line.ratio:.1%}", money)
    console.print(table)
    console.print(
        "The oracle is a bound: no placement costs less. The planner that knows the future, with four anchors at most, "
        f"comes to {found.hindsight:.1%}."
    )
    if not found.priced:
        console.print("Not every price is published: the usual multiples of the input price are assumed.")


def _span(seconds: float) -> str:
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size:
            return counted(round(seconds / size), unit)
    return counted(round(seconds), "second")


def _money(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 10 else f"${amount:.4f}"
