"""The one place where errors become messages, JSON and exit codes."""

import errno
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from optafly_cli._version import __version__
from optafly_cli.cli.afterwards import catch_up
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import Declined, OptaflyError, UsageError

_NO_NUMBER = re.compile(r"is not a valid int(?: range)?$")
_OUTPUT_FAILURES = (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)


_WARMING = frozenset({"ask", "refine", "route", "lint", "cache"})
"""Subcommands that start the service for the next one."""


def run(argv: Sequence[str], *, warm: bool = False) -> int:
    """Run the command line `argv` (without the program's name) and return its exit code.

    Every error ends here: a known one as a sentence and its own code, an unknown one as 70 with its traceback in a log.
    `warm` says that this is the service already, which catches up by itself; otherwise it may be started afterwards.
    """
    if list(argv) == ["--version"]:
        ui = Ui()
        ui.line(f"optafly {__version__}")
        return _flush(ui, 0)
    ui = Ui()
    ui.json = "--json" in argv
    ui.argv = tuple(argv)
    ui.served = warm
    code = _run(argv, ui)
    if _never_fails(argv):
        code = 0
    if warm:
        return code
    with suppress(KeyboardInterrupt):
        catch_up()
    if ui.service and _WARMING.intersection(argv[:1]):
        from optafly_cli.service.starting import start_on_demand

        start_on_demand(ui.service, os.environ)
    return code


def _never_fails(argv: Sequence[str]) -> bool:
    """Whether this is a hook of Claude Code: any other exit code than 0 would disturb, or stop, what the user does."""
    return list(argv[:1]) == ["lint"] and "--claude-hook" in argv


def lost(argv: Sequence[str]) -> int:
    """Say that the service that ran the command is gone, and with it what the command would have said."""
    ui = Ui()
    ui.json = "--json" in argv
    code = _report(ui, "service_lost", "the service ended in the middle of this command", "run it again", None, 70)
    return 0 if _never_fails(argv) else code


def _run(argv: Sequence[str], ui: Ui) -> int:
    try:
        code = _dispatch(list(argv), ui)
    except KeyboardInterrupt:
        return _report(ui, "interrupted", "interrupted", None, None, 130)
    except Declined as error:
        ui.note(error.message)
        code = error.exit_code
    except OptaflyError as error:
        return _report(ui, error.code, error.message, error.remedy, error.partial, error.exit_code)
    except OSError as error:
        if error.filename is not None or error.errno not in _OUTPUT_FAILURES:
            return _fault(ui, argv, error)
        return lost_output(error)
    except Exception as error:  # noqa: BLE001  a fault of ours: the user gets a sentence, we get the traceback
        return _fault(ui, argv, error)
    return _flush(ui, code)


def lost_output(error: OSError) -> int:
    """The exit code when stdout could not be written, with a sentence; a reader that went away is no error."""
    ui = Ui()
    ui.lose_stdout(None if error.errno == errno.EPIPE else error.strerror)
    return _flush(ui, 0)


def _fault(ui: Ui, argv: Sequence[str], error: Exception) -> int:
    from optafly_cli.cli.crash_log import write

    log = write(argv, error)
    remedy = f"the details are in {log}" if log else "no log could be written"
    return _report(ui, "internal", f"a fault in optafly: {type(error).__name__}: {error}", remedy, None, 70)


def _dispatch(argv: list[str], ui: Ui) -> int:
    import typer

    from optafly_cli.cli.app import build

    try:
        result = build()(argv, prog_name="optafly", standalone_mode=False, obj=ui)
    except typer.Exit as exit_request:
        result = exit_request.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except typer.TyperException as error:
        return _usage(ui, error)
    if result == 130:  # what Typer makes of a KeyboardInterrupt
        raise KeyboardInterrupt
    return result if isinstance(result, int) else 0


def _usage(ui: Ui, error: Any) -> int:
    """Report what the command-line parser refused; asking for nothing at all gets the help, as exit 2."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        if ui.json:
            return _report(ui, "usage", "nothing to do: no arguments", "see optafly --help", None, 2)
        sys.stderr.write(error.format_message() + "\n")
        return 2
    remedy = f"see {context.command_path} --help" if context else "see optafly --help"
    message = _NO_NUMBER.sub("is no whole number", error.format_message().rstrip("."))
    return _report(ui, "usage", message, remedy, None, 2)


def _report(ui: Ui, code: str, message: str, remedy: str | None, partial: str | None, exit_code: int) -> int:
    if ui.json:
        ui.document("error", {"code": code, "message": message, "remedy": remedy, "partial": partial})
        return _flush(ui, exit_code)
    if exit_code == 130:
        ui.interrupted(message)
        return _flush(ui, exit_code)
    ui.error(message, remedy)
    return _flush(ui, exit_code)


def _flush(ui: Ui, code: int) -> int:
    """Flush stdout here, where a reader that has gone can still be forgiven; a result that got lost is an error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        ui.lose_stdout()
    except OSError as error:
        ui.lose_stdout(error.strerror)
    if ui.unwritten:
        ui.error(f"the result could not be written to stdout: {ui.unwritten}", "free some space, or write elsewhere")
        return code or UsageError.exit_code
    return code
