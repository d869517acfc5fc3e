"""Asking the user about a rewrite: original and refined side by side, the changes, one key to decide."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optafly_cli.cli.editor import run_editor
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import Interrupted, UsageError
from optafly_cli.refine.result import RefinedPrompt
from optafly_cli.workspace.escape import printable

if TYPE_CHECKING:
    from optafly_cli.pipeline.job import Decision
    from optafly_cli.pipeline.session import Session

_CHOICES = {"y": "accept", "yes": "accept", "": "accept", "n": "reject", "no": "reject", "e": "edit", "edit": "edit"}


def approve(ui: Ui, refined: RefinedPrompt, session: "Session") -> "Decision":
    """Show the rewrite on stderr and ask: yes, no, edit, or always for this project."""
    show(ui, refined)
    question = f"Send this? [Y]es / [n]o / [e]dit / [a]lways for {session.workspace.name}: "
    while True:
        sys.stderr.write(ui.style(printable(question), "bold"))
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise Interrupted("interrupted")
        answer = line.strip().lower()
        if answer in ("a", "always"):
            return "always"
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
                sys.stderr.write("Please answer y, n, e or a.\n")


def show(ui: Ui, refined: RefinedPrompt) -> None:
    """Both prompts side by side (one above the other when the terminal is narrow), then what was changed and why."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = ui.console(stderr=True)
    original, rewritten = Text(printable(refined.original)), _highlighted(refined)
    if console.width >= 100:
        table = Table(box=box.ROUNDED, expand=True, show_lines=False)
        table.add_column("original", ratio=2)
        table.add_column("refined", ratio=3)
        table.add_row(original, rewritten)
        console.print(table)
    else:
        for title, text in (("original", original), ("refined", rewritten)):
            table = Table(box=box.ROUNDED, expand=True)
            table.add_column(title)
            table.add_row(text)
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
