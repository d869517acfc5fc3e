"""The options that refine, route and ask share, declared once."""

from typing import Annotated

import typer

Prompt = Annotated[
    str | None,
    typer.Argument(
        metavar="[PROMPT]", help="What you want. `-`, or nothing with piped input: read from stdin.", show_default=False
    ),
]
Files = Annotated[
    list[str] | None,
    typer.Option(
        "--file", "-f", metavar="F[:LINE[-LINE]]", help="A file, or lines of it. Repeatable.", show_default=False
    ),
]
Selection = Annotated[
    str | None,
    typer.Option("--selection", metavar="A-B", help="The lines selected in the one --file.", show_default=False),
]
Diff = Annotated[bool, typer.Option("--diff", help="Add git's staged and unstaged changes.")]
NoContext = Annotated[bool, typer.Option("--no-context", help="Send no workspace context.")]
MaxContextTokens = Annotated[
    int | None,
    typer.Option("--max-context-tokens", metavar="N", help="Budget for context, in tokens.", min=0, show_default=False),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Accept the rewrite, unnamed files included, without asking.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Model = Annotated[
    str | None, typer.Option("--model", "-m", metavar="M", help="The model, by id or alias.", show_default=False)
]
System = Annotated[
    str | None,
    typer.Option(
        "--system", "-s", metavar="F|TEXT", help="System prompt: a file, or the text itself.", show_default=False
    ),
]
Ttl = Annotated[str, typer.Option("--ttl", metavar="5m|1h|auto", help="How long anchors should last.")]
MaxTokens = Annotated[
    int | None,
    typer.Option("--max-tokens", metavar="N", help="Longest answer, in tokens.", min=1, show_default=False),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url", metavar="URL", help="Another endpoint that speaks the Messages API.", show_default=False
    ),
]
NoRefine = Annotated[bool, typer.Option("--no-refine", help="Send the prompt as it is typed.")]
NoOptimise = Annotated[bool, typer.Option("--no-optimise", help="Send everything, however redundant.")]
Compress = Annotated[
    bool, typer.Option("--compress", help="Drop comments and docstrings from code that you did not name.")
]


def _no_nan(value: float | None) -> float | None:
    """The value. `min` lets nan through, and nothing is more than nan."""
    if value is not None and value != value:  # noqa: PLR0124 - only nan differs from itself
        raise typer.BadParameter("nan is not a number")
    return value


MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max-cost",
        metavar="USD",
        help="Send nothing that could cost more than this.",
        min=0.0,
        show_default=False,
        callback=_no_nan,
    ),
]
MaxErrorRate = Annotated[
    float | None,
    typer.Option("--max-error-rate", metavar="D", help="Accepted share of wrong semantic hits.", show_default=False),
]
