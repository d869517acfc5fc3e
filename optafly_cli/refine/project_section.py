"""The project's shape as a section: one stable line when something is named, else an outline and recent edits."""

from optafly_cli.refine.files import WorkspaceFiles
from optafly_cli.refine.markup import wrap
from optafly_cli.refine.pack import Pack
from optafly_cli.workspace.secrets import redact
from optafly_cli.workspace.types import Workspace

LARGEST_SHARE = 4
"""The outline takes at most this part of the budget: a quarter."""


def add_headline(pack: Pack, workspace: Workspace) -> tuple[str, str]:
    """Put the one line about the project into the budget when it is small beside it; its text and markup, or ""s."""
    from optafly_cli.workspace.project import headline

    return _add(pack, headline(workspace), pack.budget // 10)


def add_outline(pack: Pack, files: WorkspaceFiles) -> tuple[str, str]:
    """Put headline, outline and recent edits into the budget, the outline cut to a part of it."""
    from optafly_cli.workspace.project import summarise

    summary = summarise(files.workspace, files.labels())
    edits = files.edits(10)
    if not (summary.outline or edits):
        return "", ""
    recent = [f"Recently changed: {', '.join(edit.label for edit in edits)}"] if edits else []
    # Names of files and folders hold keys, too
    text = redact("\n".join([summary.headline, *recent, summary.outline])).text
    lines = text.split("\n")
    limit = min(pack.budget // LARGEST_SHARE, pack.room)
    while lines:
        tokens, added = _added(pack, "\n".join(lines), limit)
        if added[0]:
            return added
        lines = lines[: min(len(lines) * 3 // 4, len(lines) * max(0, limit) // max(1, tokens) + 1)]
    return "", ""


def _add(pack: Pack, text: str, limit: int) -> tuple[str, str]:
    return _added(pack, redact(text.strip("\n")).text, limit)[1]


def _added(pack: Pack, text: str, limit: int) -> tuple[int, tuple[str, str]]:
    """What the text costs, and the text and its markup when it was added."""
    markup = wrap("project", text)
    tokens = pack.cost(markup, "") if text else 0
    if not text or tokens > min(limit, pack.room):
        return tokens, ("", "")
    pack.used += tokens
    return tokens, (text, markup)
