"""Where the prompt comes from: the argument, or stdin; and when stdin is context instead."""

import os
import stat
import sys
import threading

from optafly_cli.cli.ui import Ui
from optafly_cli.errors import UsageError

MAX_PROMPT_BYTES = 2 * 1024 * 1024
MAX_PIPED_BYTES = 10 * 1024 * 1024
_PATIENCE_S = 2.0


def read_prompt(argument: str | None, ui: Ui, command: str) -> tuple[str, str | None]:
    """The prompt, and the piped text that is context (None when there is none).

    An argument is the instruction and stdin, when it is a pipe or a file, context; `-` or no argument makes stdin
    the prompt. `command` is what an example in a complaint begins with.

    Raises:
        UsageError: there is no prompt, or it is empty, too large or not text.
    """
    if argument is not None and argument != "-":
        piped = _read_stdin(ui, MAX_PIPED_BYTES, "the piped text") if _stdin_has_data() else None
        if piped is not None and not piped.strip():
            ui.detail("the piped input is empty")
        return _checked(_clean(argument), command), piped or None
    if argument is None and not _stdin_has_data():
        raise UsageError(
            "there is no prompt", remedy=f'give it as an argument: optafly {command} "fix this bug" --file F'
        )
    if argument == "-" and sys.stdin.isatty():
        ui.note("reading the prompt from the terminal; end it with Ctrl-D")
    return _checked(_read_stdin(ui, MAX_PROMPT_BYTES, "the prompt"), command), None


def _checked(prompt: str, command: str) -> str:
    if not prompt.strip():
        raise UsageError("the prompt is empty", remedy=f'say what you want: optafly {command} "fix this bug" --file F')
    if "\0" in prompt:
        raise UsageError("the prompt is not text: it holds NUL bytes", remedy="pass files with --file")
    size = len(prompt.encode("utf-8", "replace"))
    if size > MAX_PROMPT_BYTES:
        raise _too_large("the prompt", size, MAX_PROMPT_BYTES)
    return prompt


def _clean(argument: str) -> str:
    """Arguments that are not UTF-8 arrive with surrogates, which no request can carry."""
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _stdin_has_data() -> bool:
    """Whether stdin is a pipe, a socket or a file; a terminal or /dev/null is not."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _read_stdin(ui: Ui, limit: int, what: str) -> str:
    patience = threading.Timer(_PATIENCE_S, lambda: ui.note("waiting for input on stdin (Ctrl-D or Ctrl-C ends it)"))
    patience.daemon = True
    patience.start()
    try:
        data = sys.stdin.buffer.read(limit + 1)
    except OSError as error:
        raise UsageError(f"stdin cannot be read: {error.strerror}") from error
    finally:
        patience.cancel()
    if len(data) > limit:
        raise _too_large(what, None, limit)
    if b"\0" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{what} is not text: it holds NUL bytes", remedy="pipe text, or pass files with --file")
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    text = data.decode(encoding, "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _too_large(what: str, size: int | None, limit: int) -> UsageError:
    measured = f"{size / 1e6:.1f} MB" if size else f"over {limit / 1e6:.1f} MB"
    return UsageError(
        f"{what} is too large: {measured}, the limit is {limit / 1e6:.1f} MB",
        remedy="name the files with --file and the lines that matter: --file F:10-80",
    )
