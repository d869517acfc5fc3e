"""Asking the user about a rewrite: original and refined side by side, the changes, one key to decide."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optafly_cli.cli.editor import run_editor
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import Declined, UsageError
from optafly_cli.refine.result import RefinedPrompt
from optafly_cli.workspace.escape import printable

if TYPE_CHECKING:
    from optafly_cli.pipeline.job import Decision
    from optafly_cli.pipeline.session import Session

SIDE_BY_SIDE = 60
"""Columns of a terminal below which the original, which stands in the refined text anyway, is not shown beside it."""
_CHOICES = {"y": "accept", "yes": "accept", "": "accept", "n": "reject", "no": "reject", "e": "edit", "edit": "edit"}


def approve(ui: Ui, refined: RefinedPrompt, session: "Session", *, verb: str = "Send") -> "Decision":
    """Show the rewrite on stderr and ask: yes, no (the prompt as typed), edit, always for this project, or quit."""
    show(ui, refined)
    question = f"{verb} this? [Y]es / [n]o, as typed / [e]dit / [a]lways for {session.workspace.name} / [q]uit: "
    while True:
        answer = ui.asked(ui.style(printable(question), "bold")).lower()
        if answer in ("a", "always"):
            return "always"
        if answer in ("q", "quit"):
            raise Declined("nothing was sent")
        match _CHOICES.get(answer):
            case "accept":
                return "accept"
            case "reject":
                return "reject"
            case "edit":
                text = edit(ui, refined.text)
                if text is not None:
                    return ("edit", text)
            case _:
                sys.stderr.write("Please answer y, n, e, a or q.\n")


def show(ui: Ui, refined: RefinedPrompt) -> None:
    """Both prompts side by side, then what was changed and why."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = ui.console(stderr=True)
    original, rewritten = Text(printable(refined.original)), _highlighted(refined)
    table = Table(box=box.ROUNDED, expand=True)
    if console.width >= SIDE_BY_SIDE:
        widest = max((len(line) for line in refined.original.splitlines()), default=0)
        table.add_column("original", width=max(len("original"), min(widest, console.width // 3)), overflow="fold")
        table.add_column("refined", overflow="fold")
        table.add_row(original, rewritten)
    else:
        table.add_column("refined", overflow="fold")
        table.add_row(rewritten)
    console.print(table)
    for change in refined.changes:
        console.print(Text(f"  + {printable(change.description)} ({change.tokens_added} tokens)", style="green"))
    for piece in refined.unsafe:
        console.print(Text(f"  ! not named by you: {printable(piece.path)} ({piece.reason})", style="yellow"))
    before, after = refined.score_original.value, refined.score_refined.value
    console.print(
        Text(f"  score {before:.2f} → {after:.2f}, {refined.context_tokens} of {refined.budget} context tokens")
    )


def _highlighted(refined: RefinedPrompt) -> Any:
    """The refined text, what was added in green."""
    from rich.text import Text

    full = printable(refined.text)
    text = Text(full, style="green" if refined.changes else "")
    kept = printable(refined.original)
    position = full.rfind(kept)
    if position >= 0:
        text.stylize("not green", position, position + len(kept))
    return text


def edit(ui: Ui, text: str) -> str | None:
    """Let the user edit `text`; None when the editor failed or nothing was left."""
    with tempfile.TemporaryDirectory(prefix="optafly-") as folder:
        path = Path(folder) / "prompt.md"
        path.write_text(text, encoding="utf-8")
        try:
            run_editor(path)
        except UsageError as error:
            ui.warn(error.message)
            return None
        edited = path.read_text("utf-8", errors="replace").strip("\n")
    if not edited.strip():
        ui.warn("the edited prompt is empty; nothing was changed")
        return None
    return edited
