"""optafly lint: check prompts in files, in one process."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.session import load, working_folder
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import ConfigError, UsageError
from optafly_cli.wording import counted

app = new_app()
FORMATS = ("text", "json", "sarif", "github", "junit")
BASELINE = ".optafly-baseline.json"
_HOOK_LIMIT = 10_000_000


@app.command(
    cls=StageCommand,
    epilog=examples(
        "optafly lint .",
        "optafly lint --min-score 0.6 --ignore OPF005 prompts/fix.prompt.md",
        "optafly lint --format sarif . > optafly.sarif",
        "optafly lint --fix --diff prompts/",
        "optafly lint --baseline known.json --write-baseline .",
        "optafly lint --jsonl prompts.jsonl --format json",
        "optafly lint --explain OPF010",
    ),
)
def lint(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILES]...",
            help="Prompt files, code with prompts in it, or folders of them; `-` is stdin.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("--format", metavar="|".join(FORMATS), help="How to print the findings.")
    ] = "text",
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
    severity: Annotated[
        str | None,
        typer.Option(
            "--severity",
            metavar="R=L,…",
            help="Other severities: error, warning, info or off, as in OPF005=off.",
            show_default=False,
        ),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Write the safe fixes into the files.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what --fix would write, and write nothing.")] = False,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="F", help="Leave out the findings that are in F.", show_default=False),
    ] = None,
    write_baseline: Annotated[
        bool,
        typer.Option("--write-baseline", help=f"Write all findings into the baseline ({BASELINE} unless named)."),
    ] = False,
    commit_msg: Annotated[
        str | None,
        typer.Option("--commit-msg", metavar="F", help="Check a commit message, as a git hook.", show_default=False),
    ] = None,
    claude_hook: Annotated[
        bool,
        typer.Option("--claude-hook", help="Answer Claude Code's UserPromptSubmit hook; always exit 0."),
    ] = False,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="R", help="Say what a rule means.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> int:
    """Check prompts in files: rules, scores, exit codes for CI.

    Exit 1 when a finding of severity error, or a score under --min-score, is
    in it.
    """
    from optafly_cli.config.paths import store_folder
    from optafly_cli.refine.linting import check
    from optafly_cli.refine.linting.baseline import NONE, read_baseline
    from optafly_cli.refine.linting.baseline import write_baseline as write
    from optafly_cli.workspace.root import find_workspace

    ui: Ui = ctx.obj
    ui.json = json or output == "json"
    if output not in FORMATS:
        raise UsageError(f"--format {output}: no such format", remedy=f"choose {', '.join(FORMATS)}")
    if diff and (ui.json or output != "text"):
        raise UsageError("--diff is for people", remedy="leave out --format, or --diff")
    if rules or explain is not None:
        return _catalogue(ui, explain)
    loaded = load(ui, {"lint.min_score": min_score}).settings
    settings, indexes = loaded.lint, store_folder(loaded.cache, os.environ) / "workspaces"
    keep = _filter(settings, select, ignore, severity)
    if claude_hook:
        return _answer_hook(ui, keep)
    workspace = find_workspace(working_folder())
    targets = list(_targets(ui, files or [], jsonl, commit_msg, workspace))
    found = list(check.check(targets, workspace, keep, indexes))
    if write_baseline:
        path = baseline or BASELINE
        count = write(working_folder() / path, [(one.target, one.findings) for one in found])
        ui.note(f"{path} now has {counted(count, 'finding')}")
        return 0
    known = read_baseline(working_folder() / baseline, baseline) if baseline is not None else NONE
    found = [check.less_known(one, known) for one in found]
    if diff:
        _show_diff(ui, found)
    elif fix:
        found = [_fixed(one, workspace, keep, known, indexes) for one in found]
    least = settings.min_score or None
    _render(ui, output, found, least, quiet=diff)
    return 1 if any(check.fails(one, least) for one in found) else 0


def _filter(settings: Any, select: str | None, ignore: str | None, severity: str | None) -> Any:
    """What counts: options first, then settings.

    Raises:
        UsageError: an option names no rule.
        ConfigError: a setting does.
    """
    from optafly_cli.refine.linting.check import Filter, levels, prefixes

    def chosen(key: str, option: str | None, read: Any) -> Any:
        if option is not None:
            return read(option.split(","))
        try:
            return read(getattr(settings, key))
        except UsageError as error:
            raise ConfigError(f"lint.{key}: {error.message}", remedy=error.remedy) from None

    return Filter(
        chosen("select", select, prefixes), chosen("ignore", ignore, prefixes), chosen("severity", severity, levels)
    )


def _targets(ui: Ui, files: list[str], jsonl: str | None, commit_msg: str | None, workspace: Any) -> Iterator[Any]:
    from optafly_cli.refine.linting.check import unknown_rules
    from optafly_cli.refine.linting.targets import from_text, read_commit_message, read_jsonl, read_targets
    from optafly_cli.workspace.escape import one_line
    from optafly_cli.workspace.sources import open_problem

    if not files and jsonl is None and commit_msg is None:
        raise UsageError("there is nothing to check", remedy="name files or a folder: optafly lint .")
    if commit_msg is not None:
        yield read_commit_message(commit_msg, working_folder(), workspace)
    if jsonl == "-":
        yield from read_jsonl(sys.stdin, "stdin")
    elif jsonl is not None:
        try:
            with Path(jsonl).open(encoding="utf-8", errors="replace") as lines:
                yield from read_jsonl(lines, jsonl)
        except OSError as error:
            raise open_problem(error, Path(jsonl), one_line(jsonl)) from error
    if "-" in files:
        yield from_text("-", sys.stdin.read(), is_path=True)
    named = [name for name in files if name != "-"]
    for target in read_targets(named, working_folder(), workspace, ui.warn):
        if unknown := unknown_rules(target):
            ui.warn(f"{target.key}: a comment disables {', '.join(unknown)}, which is no rule")
        yield target


def _fixed(checked: Any, workspace: Any, keep: Any, known: Any, indexes: Path) -> Any:
    """The target after its fixes, checked again."""
    from dataclasses import replace

    from optafly_cli.refine.linting.check import check, less_known
    from optafly_cli.refine.linting.fixes import write_fixes
    from optafly_cli.refine.linting.targets import read_target

    count = write_fixes(checked.target, checked.findings)
    if not count:
        return checked
    target = read_target(checked.target.key, working_folder(), workspace)
    again = next(iter(check([target], workspace, keep, indexes)))
    return replace(less_known(again, known), fixed=count)


def _show_diff(ui: Ui, found: Sequence[Any]) -> None:
    from optafly_cli.refine.linting.fixes import diff_of

    for one in found:
        for line in diff_of(one.target, one.findings).splitlines():
            style = {"+": "good", "-": "error", "@": "dim"}.get(line[:1])
            ui.styled_line((line, style))


def _render(ui: Ui, output: str, found: Sequence[Any], least: float | None, *, quiet: bool) -> None:
    """Print the findings in the format that was asked for; after a diff only the summary."""
    if ui.json:
        from optafly_cli.cli.lint_json import document

        ui.document("lint", document(found, least))
    elif output in ("sarif", "junit", "github"):
        from optafly_cli.cli import lint_github, lint_junit, lint_sarif

        made = {"sarif": lint_sarif.report, "junit": lint_junit.report, "github": lint_github.report}[output]
        ui.write(made(found, least))
    else:
        from optafly_cli.cli.lint_text import show, summarise

        if not quiet:
            show(ui, found, least)
        summarise(ui, found, least, preview=quiet)


def _catalogue(ui: Ui, rule_id: str | None) -> int:
    from optafly_cli.cli.lint_catalogue import explain, listing

    (explain(ui, rule_id) if rule_id is not None else listing(ui))
    return 0


def _answer_hook(ui: Ui, keep: Any) -> int:
    from json import dumps

    from optafly_cli.refine.linting.nudge import hook_answer

    answer = hook_answer(sys.stdin.read(_HOOK_LIMIT), working_folder(), keep)
    if answer is not None:
        ui.line(dumps(answer))
    return 0
