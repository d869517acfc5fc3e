"""Asking the user about a rewrite: what is missing from it, what of it is left out, and whether it is used."""

import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from optafly_cli.cli.approval_screen import list_changes, show, whole
from optafly_cli.cli.editor import run_editor
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import Declined, OptaflyError, UsageError
from optafly_cli.pipeline.job import Decision
from optafly_cli.refine.proposal import Proposal
from optafly_cli.refine.result import Question, RefinedPrompt
from optafly_cli.refine.undo import numbers, span
from optafly_cli.service import terminal
from optafly_cli.workspace.escape import printable

if TYPE_CHECKING:
    from optafly_cli.pipeline.session import Session
    from optafly_cli.route.result import RoutedRequest

_CHOICES = {"": "y", "yes": "y", "no": "n", "edit": "e", "always": "a", "quit": "q", "view": "v"}
_CHOICES |= {"answer": "w", "list": "l"}
_DECISIONS: dict[str, Literal["accept", "reject", "always"]] = {"y": "accept", "n": "reject", "a": "always"}
_KEYS = frozenset("yneaqvlw?")
Verb = Literal["Send", "Use"]
_DONE: dict[Verb, str] = {"Send": "sent", "Use": "used"}


def approve(ui: Ui, proposal: Proposal, session: "Session", *, verb: Verb = "Send") -> Decision:
    """Show the rewrite on stderr, and ask what to do with it; on `w` what only the user can tell.

    Raises:
        Declined: the user quit.
        Interrupted: Ctrl-C.
    """
    _draw(ui, proposal, session, verb)
    while True:
        word = ui.asked(ui.style(_question(proposal, verb), "bold")).lower()
        key = _CHOICES.get(word, word)
        refined = proposal.refined
        if key in _DECISIONS:
            return Decision(_DECISIONS[key], refined)
        if key == "q":
            raise Declined(f"nothing was {_DONE[verb]}")
        if key == "e":
            text = edit(ui, refined.text)
            if text is not None:
                return Decision("edit", refined, text)
        elif key == "v":
            _page(ui, whole(proposal, metrics(refined, session)))
        elif key == "l" and proposal.changes:
            _list(ui, proposal)
        elif key == "w" and refined.questions:
            proposal = _answered(ui, proposal)
            _draw(ui, proposal, session, verb, again=True)
        elif toggled := _toggled(proposal, key):
            proposal = toggled
            _draw(ui, proposal, session, verb, again=True)
        else:
            sys.stderr.write(_help(proposal, key, session))


def _toggled(proposal: Proposal, key: str) -> Proposal | None:
    """With the changes of the numbers (`3`, `2-8`, `3,5`) left out or put back; None when that is not possible."""
    found: Proposal | None = proposal
    for word in key.split(","):
        meant = numbers(word.strip())
        found = found.toggled(*meant) if meant and found else None
    return found


def _question(proposal: Proposal, verb: Verb) -> str:
    numbers = f" [1-{len(proposal.changes)}] out" if proposal.changes else ""
    answers = " [w] answer" if proposal.refined.questions else ""
    # Within 80 columns
    return f"{verb} this? [Y]es [n]o [e]dit [a]lways [q]uit [v]iew{answers}{numbers} [?]: "


def _help(proposal: Proposal, key: str, session: "Session") -> str:
    spans = [numbers(word.strip()) for word in key.split(",")]
    if all(spans):
        known = {change.number for change in proposal.changes}
        for first, last in filter(None, spans):
            if not known.intersection(range(first, last + 1)):
                return f"There is no change {span(first, last)}.\n"
        return "That change stands and falls with others.\n"
    if key != "?":
        return "Please answer y, n, e, a, q, v, l, a number or ?.\n"
    open_questions = "  w  answer what is not said\n" if proposal.refined.questions else ""
    return (
        "  y  use the refined prompt (Enter, too)\n"
        "  n  use the prompt as you typed it, with nothing but what you named\n"
        "  e  edit the refined prompt\n"
        f"  a  use it, and never ask again for {printable(session.workspace.name)}\n"
        "  q  quit: nothing is used\n"
        "  3  leave change 3 out, or put it back; 3-8 and 3,5 several at once\n"
        "  l  list every change, the parts of each file too\n"
        "  v  see all of it\n" + open_questions
    )


def _list(ui: Ui, proposal: Proposal) -> None:
    """Show every change; in the pager what is longer than the screen."""
    console = ui.console(stderr=True)
    lines, fits = list_changes(console, proposal)
    if not fits:
        _page(ui, "\n".join(line.plain for line in lines) + "\n")
        return
    for line in lines:
        console.print(line)


def _draw(ui: Ui, proposal: Proposal, session: "Session", verb: Verb, *, again: bool = False) -> None:
    console = ui.console(stderr=True)
    if again and os.environ.get("TERM") != "dumb":
        sys.stderr.write("\x1b[2J\x1b[H")
    show(console, proposal, metrics(proposal.refined, session), _question(proposal, verb))


def metrics(refined: RefinedPrompt, session: "Session") -> str:
    """The score, the tokens, and what the prompt cache makes of them, in one line."""
    from optafly_cli.pipeline.stages import route

    before, after = refined.score_original.value, refined.score_refined.value
    tokens = session.counter.count(refined.text, "")
    added = tokens - session.counter.count(refined.original, "")
    said = f"score {before:.2f} → {after:.2f} · {tokens:,} token{'s' if tokens != 1 else ''} ({added:+,})"
    try:
        return f"{said} · {_cache_effect(route(session, refined))}"
    except OptaflyError:
        # It will be said when the request is made
        return said


def _cache_effect(routed: "RoutedRequest") -> str:
    anchors = [anchor for anchor in routed.anchors if anchor.cacheable]
    if not anchors:
        return "nothing for the prompt cache to keep"
    effect = f"{len(anchors)} anchor{'s' if len(anchors) != 1 else ''}, {routed.tokens.cacheable:,} tokens cacheable"
    cost = routed.cost
    if not cost.uncached or cost.next_request is None:
        return effect
    time = "1 h" if all(anchor.ttl == "1h" for anchor in anchors) else "5 min"
    return f"{effect}: asked again within {time} it costs {cost.next_request / cost.uncached:.2g} ×"


def _answered(ui: Ui, proposal: Proposal) -> Proposal:
    """Ask the open questions; an answer may settle others."""
    skipped: set[str] = set()
    sys.stderr.write("\nOnly you can tell (Enter skips, q skips all):\n")
    while question := next((one for one in proposal.refined.questions if one.text not in skipped), None):
        answer = _asked(ui, question)
        if answer is None:
            break
        if answer:
            proposal = proposal.answered(question, answer)
        # An answer in words may leave the question open
        skipped.add(question.text)
    return proposal


def _asked(ui: Ui, question: Question) -> str | None:
    """What the user says to the question; "" when he skips it, None when he skips all."""
    shown = [f"  {number} {printable(choice)}\n" for number, choice in enumerate(question.choices, 1)]
    sys.stderr.write("".join([printable(question.text) + "\n", *shown]))
    while True:
        answer = ui.asked("> ").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        if answer.lower() == "q":
            return None
        if answer.isdecimal() and question.choices:
            if 1 <= int(answer) <= len(question.choices):
                return question.choices[int(answer) - 1]
            sys.stderr.write(f"There is no choice {int(answer)}.\n")
        elif answer.lower() in _KEYS or answer.lower() in ("yes", "no"):
            sys.stderr.write("Say it in words, or press Enter to skip it.\n")
        else:
            return answer


def edit(ui: Ui, text: str) -> str | None:
    """Let the user edit `text`; None when the editor failed or nothing was left."""
    with tempfile.TemporaryDirectory(prefix="optafly-") as folder:
        path = _written(Path(folder) / "prompt.md", text)
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


def _written(path: Path, text: str) -> Path:
    """The file, which only the user can read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path


def _page(ui: Ui, text: str) -> None:
    """Show the text in $PAGER, or in less or more; on the screen itself when there is none."""
    pager = os.environ.get("PAGER") or next((name for name in ("less", "more") if shutil.which(name)), "")
    if not pager:
        sys.stderr.write(text)
        return
    with tempfile.TemporaryDirectory(prefix="optafly-") as folder:
        path = _written(Path(folder) / "refined.txt", text)
        try:
            terminal.run([*shlex.split(pager), str(path)])
        except (OSError, ValueError) as error:
            ui.warn(f"the pager {pager!r} cannot be started: {error}")
