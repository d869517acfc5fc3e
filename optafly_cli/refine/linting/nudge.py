"""What Claude Code is told about a prompt before Claude sees it: facts about the workspace, or nothing.

Claude has the conversation and can ask; what it cannot know without looking is that a name does not exist, or that it
is two things. Everything else about a prompt is for its author.
"""

import json
from pathlib import Path
from typing import Any

from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.linting.check import Filter, check_one
from optafly_cli.refine.linting.targets import from_text
from optafly_cli.workspace.root import find_workspace
from optafly_cli.workspace.secrets import redact

EVENT = "UserPromptSubmit"
LONGEST = 190
"""Characters that are 80 tokens at most, with paths and identifiers as they are (tests/refine/test_nudge.py)."""
_FACTS = ("OPF010", "OPF011", "OPF017", "OPF018", "OPF020", "OPF008")
_SEVERE = frozenset(("OPF017",))
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
    files = WorkspaceFiles(find_workspace(cwd))
    checked = check_one(from_text("-", prompt, is_path=False), files, keep)
    facts = [one for one in checked.findings if one.rule in _FACTS]
    facts = [one for one in facts if one.rule not in _SEVERE or one.severity == "error"]
    said = _LEAD
    for finding in sorted(facts, key=lambda one: (one.severity != "error", _FACTS.index(one.rule))):
        # The prompt's own words may stand in a message
        message = redact(finding.message).text
        if len(said) + len(message) + 1 <= LONGEST and message not in said:
            said += message + " "
    return said.rstrip() if said != _LEAD else ""
