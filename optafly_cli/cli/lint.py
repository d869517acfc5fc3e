"""optafly lint: check prompts in files, in one process."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.documents import finding_document, score_value
from optafly_cli.cli.session import load, working_folder
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import FileProblem, UsageError
from optafly_cli.wording import counted

app = new_app()


@app.command(
    cls=StageCommand,
    epilog=examples(
        "optafly lint prompts/*.prompt.md",
        "optafly lint --min-score 0.6 --ignore OPF005 prompts/fix.prompt.md",
        "optafly lint --jsonl prompts.jsonl --format json",
        "git diff --cached --name-only -z -- '*.prompt.md' | xargs -0 optafly lint",
    ),
)
def lint(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILES]...", help="Files that hold one prompt each; `-` is stdin.", show_default=False),
    ] = None,
    output: Annotated[str, typer.Option("--format", metavar="text|json", help="How to print the findings.")] = "text",
    jsonl: Annotated[
        str | None,
        typer.Option("--jsonl", metavar="F", help='A JSONL of {"id", "prompt"}; `-` is stdin.', show_default=False),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option("--min-score", metavar="S", min=0, max=1, help="Fail below this score.", show_default=False),
    ] = None,
    select: Annotated[
        str | None, typer.Option("--select", metavar="R,…", help="Only these rules (prefixes).", show_default=False)
    ] = None,
    ignore: Annotated[
        str | None, typer.Option("--ignore", metavar="R,…", help="Not these rules (prefixes).", show_default=False)
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Write the safe fixes into the files.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> int:
    """Check prompts in files: rules, scores, exit codes for CI.

    Exit 1 when a finding of severity error, or a score under --min-score, is
    in it.
    """
    from optafly_cli.refine.lint import Filter, check, fails
    from optafly_cli.workspace.root import find_workspace

    ui: Ui = ctx.obj
    ui.json = json or output == "json"
    if output not in ("text", "json"):
        raise UsageError(f"--format {output}: no such format", remedy="choose text or json")
    load(ui, {})
    targets = _targets(files or [], jsonl)
    keep = Filter(_rules(select), _rules(ignore))
    checked = [*check(targets, find_workspace(working_folder()), keep, fix=fix)]
    failed = [one for one in checked if fails(one, min_score)]
    if ui.json:
        ui.document("lint", _document(checked, len(failed)))
    else:
        _print(ui, checked, min_score)
    return 1 if failed else 0


def _targets(files: list[str], jsonl: str | None) -> Iterator[Any]:
    from optafly_cli.refine.lint import Target, read_jsonl, read_targets

    if not files and jsonl is None:
        raise UsageError("there is nothing to check", remedy="name files: optafly lint prompts/*.prompt.md")
    if jsonl == "-":
        yield from read_jsonl(sys.stdin, "stdin")
    elif jsonl is not None:
        try:
            with Path(jsonl).open(encoding="utf-8", errors="replace") as lines:
                yield from read_jsonl(lines, jsonl)
        except OSError as error:
            raise FileProblem(f"{jsonl} cannot be read: {error.strerror}") from error
    for name in files:
        if name == "-":
            yield Target(key="-", is_path=True, text=sys.stdin.read())
        else:
            yield from read_targets([name], working_folder())


def _rules(text: str | None) -> tuple[str, ...]:
    """The rule prefixes of a comma-separated option.

    Raises:
        UsageError: one is the prefix of no rule.
    """
    from optafly_cli.refine.rules import known_rules

    prefixes = tuple(part.strip().upper() for part in (text or "").split(",") if part.strip())
    for prefix in prefixes:
        if not any(rule.startswith(prefix) for rule in known_rules()):
            raise UsageError(f"no rule starts with {prefix}", remedy=f"the rules are {', '.join(known_rules())}")
    return prefixes


def _document(checked: list[Any], failed: int) -> dict[str, Any]:
    return {
        "results": [
            {
                ("path" if one.target.is_path else "id"): one.target.key,
                "score": score_value(one.score.value),
                "dimensions": {name: score_value(value) for name, value in one.score.dimensions.items()},
                "findings": [finding_document(finding) for finding in one.findings],
            }
            for one in checked
        ],
        "summary": _summary(checked, failed),
    }


def _summary(checked: list[Any], failed: int) -> dict[str, int]:
    severities = [finding.severity for one in checked for finding in one.findings]
    return {
        "prompts": len(checked),
        "failed": failed,
        "errors": severities.count("error"),
        "warnings": severities.count("warning"),
        "infos": severities.count("info"),
        "fixed": sum(one.fixed for one in checked),
    }


def _print(ui: Ui, checked: list[Any], min_score: float | None) -> None:
    for one in checked:
        for finding in one.findings:
            style = {"error": "error", "warning": "warning"}.get(finding.severity, "dim")
            place = f"{one.target.key}:{finding.line}:{finding.column}:"
            ui.styled_line(
                (place, "bold"),
                (" ", None),
                (finding.severity, style),
                (f" {finding.rule} ", None),
                (finding.message, None),
            )
        if min_score is not None and one.score.value < min_score:
            ui.line(f"{one.target.key}: score {one.score.value:.2f} is under {min_score:.2f}")
    summary = _summary(checked, 0)
    ui.note(
        f"{counted(summary['prompts'], 'prompt')}: {counted(summary['errors'], 'error')}, "
        + counted(summary["warnings"], "warning")
        + (f", {summary['fixed']} fixed" if summary["fixed"] else "")
    )
