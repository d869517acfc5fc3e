"""What Claude Code is told about a prompt before Claude sees it: facts about the workspace, or nothing.

Claude has the conversation and can ask; what it cannot know without looking is that a name does not exist, or that it
is two things. Everything else about a prompt is for its author.
"""

import json
import re
from pathlib import Path
from typing import Any

from optafly_cli.refine.analyse import subject_of
from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.linting.check import Filter
from optafly_cli.refine.prompt_text import PromptText
from optafly_cli.refine.rules import findings
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.secrets import redact
from optafly_cli.workspace.types import NamedContext

EVENT = "UserPromptSubmit"
PATIENCE_S = 0.5
"""Seconds for one search for names: somebody waits for every prompt."""
MOST = 64
"""Pieces of text that are 80 tokens at most for every model, as paths and names go (test_nudge.py counts them)."""
_FACTS = ("OPF010", "OPF011", "OPF017", "OPF018", "OPF020", "OPF008")
_SEVERE = frozenset(("OPF010", "OPF017"))
"""Rules of which only the errors are told."""
_LEAD = "optafly: "
_NOT_OURS = ("/", "!", "#", "*")
"""First characters of what is no prompt (a command), or asks to be left alone."""


def hook_answer(raw: str, cwd: Path, keep: Filter) -> dict[str, Any] | None:
    """What to print for the hook's input, None for nothing. Input that is no prompt gets nothing."""
    try:
        event = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("prompt"), str):
        return None
    if event.get("hook_event_name", EVENT) != EVENT:
        return None
    told = event.get("cwd")
    folder = Path(told) if isinstance(told, str) and "\0" not in told and Path(told).is_dir() else cwd
    text = nudge(event["prompt"], folder, keep)
    if not text:
        return None
    return {"hookSpecificOutput": {"hookEventName": EVENT, "additionalContext": text}}


def nudge(prompt: str, cwd: Path, keep: Filter) -> str:
    """Facts that help with this prompt in this folder, in at most 80 tokens; "" when there are none."""
    if not prompt.strip() or prompt.lstrip().startswith(_NOT_OURS):
        return ""
    subject = subject_of(PromptText(prompt), NamedContext(), WorkspaceFiles(find_workspace(cwd), patience_s=PATIENCE_S))
    # Neither the score nor the other rules are needed: their patterns take a tenth of a second to compile
    kept = filter(None, map(keep.kept, findings(subject, only=_FACTS)))
    facts = [one for one in kept if one.rule not in _SEVERE or one.severity == "error"]
    said = _LEAD
    for finding in sorted(facts, key=lambda one: (one.severity != "error", _FACTS.index(one.rule))):
        # The prompt's own words may stand in a message
        message = redact(finding.message).text
        if _pieces(said + message) <= MOST and message not in said:
            said += message + " "
    return said.rstrip() if said != _LEAD else ""


def _pieces(text: str) -> int:
    """A count that follows that of tokens closely enough, without the half second that a tokenizer takes to load."""
    short = re.findall(r"[A-Z]?[a-z]{1,5}|[A-Z]|\d|[^\sA-Za-z\d]", text)
    # Words with digits or capitals inside, or without vowels, are cut into smaller tokens than English is
    odd = sum(len(word) // 2 for word in re.findall(r"\w*(?:\d|[a-z][A-Z]|[b-df-hj-np-tv-xz]{4})\w*", text))
    return len(short) + odd + sum(1 for piece in short if not piece.isascii())
