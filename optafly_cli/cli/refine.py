"""optafly refine: score a prompt and rewrite it."""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.change_rows import gain_together, together
from optafly_cli.cli.documents import change_document, finding_document, score_document, score_value
from optafly_cli.cli.score_table import show_score
from optafly_cli.cli.session import ContextOptions, approver, open_session
from optafly_cli.cli.ui import Ui
from optafly_cli.refine.result import Change, RefinedPrompt, by_file
from optafly_cli.refine.undo import span

if TYPE_CHECKING:
    from optafly_cli.pipeline.job import Voice
    from optafly_cli.pipeline.session import Session

app = new_app()


@app.command(
    cls=StageCommand,
    epilog=examples(
        'optafly refine "fix this bug" --file src/main.rs:12',
        "optafly refine - < prompt.txt",
        'optafly refine "make it faster" --file app.py --interactive',
        'optafly refine "fix this bug" --check --min-score 0.7',
    ),
)
def refine(
    ctx: typer.Context,
    prompt: opt.Prompt = None,
    file: opt.Files = None,
    selection: opt.Selection = None,
    diff: opt.Diff = False,
    no_context: opt.NoContext = False,
    max_context_tokens: opt.MaxContextTokens = None,
    model: opt.Model = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Show original and refined side by side and ask.")
    ] = False,
    yes: opt.Yes = False,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="KIND|N|N-N[,…]",
            help="Leave changes out, by kind or by numbers. Repeatable.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Rewrite nothing: exit 1 when the prompt does not pass.")
    ] = False,
    min_score: Annotated[
        float | None,
        typer.Option(
            "--min-score",
            metavar="S",
            min=0,
            max=1,
            help="The score to pass (refine.threshold unless given).",
            show_default=False,
        ),
    ] = None,
    json: opt.Json = False,
) -> int:
    """Score a prompt and rewrite it with the code it is about.

    The refined prompt goes to stdout; the score, the changes and the findings
    to stderr. Nothing is sent anywhere.
    """
    from optafly_cli.pipeline.stages import Wish
    from optafly_cli.pipeline.stages import refine as run

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
            force=interactive,
            max_context_tokens=max_context_tokens,
            model=model,
            command="refine",
        ),
    )
    unwanted = [word.strip() for words in without or () for word in words.split(",")]
    wish = Wish(ask_always=interactive, without=unwanted, review=json or _is_summarised(ui))
    refined = run(session, _voice(ui, session, interactive=interactive), wish)
    threshold = session.settings.refine.threshold if min_score is None else min_score
    passed = passes(refined, threshold)
    if json:
        from optafly_cli.refine.stable import stable_share

        share = stable_share(refined, session.counter.count)
        ui.document("refine", _document(refined, share, (time.perf_counter() - start) * 1000))
    elif check:
        _report(ui, refined, threshold)
    else:
        ui.write(refined.text if refined.text.endswith("\n") else refined.text + "\n")
        _summarise(ui, session, refined)
    return 1 if check and not passed else 0


def passes(refined: RefinedPrompt, threshold: float) -> bool:
    """Whether the prompt as typed passes `--check`: its score, and no finding of severity error."""
    errors = any(finding.severity == "error" for finding in refined.findings)
    return refined.score_original.value >= threshold and not errors


def _voice(ui: Ui, session: "Session", *, interactive: bool) -> "Voice":
    from optafly_cli.pipeline.job import Voice

    ask = approver(ui, session, verb="Use") if interactive else None
    if interactive and ask is None:
        ui.warn("--interactive needs a terminal: nothing was asked")
    return Voice(warn=ui.warn, status=ui.note, text=ui.write, approve=ask)


def _document(refined: RefinedPrompt, stable: float, ms: float) -> dict[str, Any]:
    return {
        "original": refined.original,
        "refined": refined.text,
        "score": score_document(refined),
        "intent": {"action": refined.intent.action, "confidence": score_value(refined.intent.confidence)},
        "findings": [finding_document(finding) for finding in refined.findings],
        "changes": [change_document(change) for change in refined.changes],
        "context": {
            "pieces": [
                {
                    "path": piece.path,
                    "start_line": piece.start_line,
                    "end_line": piece.end_line,
                    "reason": piece.reason,
                    "tokens": piece.tokens,
                    "text": piece.text,
                }
                for piece in refined.pieces
            ],
            "tokens": refined.context_tokens,
            "budget": refined.budget,
            "left_out": [*refined.left_out],
        },
        "estimated_cache_hit_improvement": score_value(stable),
        "timing_ms": round(ms, 3),
    }


def _report(ui: Ui, refined: RefinedPrompt, threshold: float) -> None:
    """What `--check` found, on stdout: it is the result."""
    score = refined.score_original.value
    verdict = "passes" if passes(refined, threshold) else "does not pass"
    ui.line(f"score {score:.2f}, wanted {threshold:.2f}: {verdict}")
    for finding in refined.findings:
        ui.line(f"  {finding.line}:{finding.column} {finding.severity} {finding.rule} {finding.message}")
    if ui.verbosity >= 1:
        show_score(ui, refined.score_original)


def _is_summarised(ui: Ui) -> bool:
    """Whether somebody reads on stderr what was done."""
    return ui.verbosity >= 0 and (sys.stderr.isatty() or ui.verbosity > 0)


def _summarise(ui: Ui, session: "Session", refined: RefinedPrompt) -> None:
    for sentence in (*session.named.left_out, *refined.left_out):
        ui.warn(sentence)
    if not _is_summarised(ui):
        return
    before, after = refined.score_original.value, refined.score_refined.value
    ui.note(
        f"optafly: score {before:.2f} → {after:.2f} · {refined.intent.action} · "
        f"{refined.context_tokens} of {refined.budget} context tokens"
    )
    if before >= session.settings.refine.threshold and not refined.edited:
        kept = "not reworded" if refined.changes else "left as it is"
        ui.note(f"  {kept}: {before:.2f} is at or above the threshold, {session.settings.refine.threshold:.2f}")
    changes = sorted((*refined.changes, *refined.undone), key=lambda change: change.number)
    for group in by_file(changes) if ui.verbosity < 1 else ((change,) for change in changes):
        ui.note("  " + _said(group, [change for change in group if change not in refined.undone]))
    for finding in refined.findings:
        ui.note(f"  {finding.severity} {finding.rule}: {finding.message}")
    if ui.verbosity >= 1:
        show_score(ui, refined.score_refined)


def _said(group: Sequence[Change], present: Sequence[Change]) -> str:
    """A change, or the parts of one file, in one line: numbers, what it is, tokens and gain of what is `present`."""
    first = group[0]
    numbers = span(first.number, group[-1].number)
    said = first.description if len(group) == 1 else together(group, len(present))
    if not present:
        return f"{numbers} left out: {said}"
    tokens = sum(change.tokens_added for change in present)
    gain = gain_together(present)
    return f"{numbers} {said} ({tokens:,} tokens{f', score {gain}' if gain else ''})"
