"""$VISUAL or $EDITOR, run on a file."""

import os
import shlex
import sys
from pathlib import Path

from optafly_cli.errors import UsageError
from optafly_cli.service import terminal


def run_editor(path: Path) -> None:
    """Let the user edit the file.

    Raises:
        UsageError: there is no editor, or it failed.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        if not sys.stdin.isatty():
            raise UsageError("there is no terminal to edit on, and no editor is set", remedy="set EDITOR")
        editor = "vi"
    try:
        code = terminal.run([*shlex.split(editor), str(path)])
    except (OSError, ValueError) as error:
        raise UsageError(f"the editor {editor!r} cannot be started: {error}", remedy="set EDITOR") from error
    if code != 0:
        raise UsageError(f"the editor {editor!r} ended with {code}; nothing was changed")
