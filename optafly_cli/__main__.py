"""The launcher: built-in modules only; hands the command over to the service when one runs, else runs it here."""

import os
import sys


def main() -> None:
    """Entry point of the `optafly` command."""
    closed = _open_standard_streams()
    code = _answer_directly()
    if code is not None:
        os._exit(code)
    from optafly_cli.service.handover import LOST, hand_over

    code = hand_over(sys.argv, closed)
    if code is None:
        from optafly_cli.cli.handler import run

        sys.exit(run(sys.argv[1:]))
    if code == LOST:
        from optafly_cli.cli.handler import lost

        sys.exit(lost(sys.argv[1:]))
    # Nothing was imported and nothing written that would have to be put away
    os._exit(code)


def _answer_directly() -> int | None:
    """The exit code when the very same command was answered before, and is again; None: it has to be run."""
    from optafly_cli import direct

    try:
        return direct.answer(sys.argv[1:])
    except OSError as error:
        from optafly_cli.cli.handler import lost_output

        return lost_output(error)


def _open_standard_streams() -> list[int]:
    """Give closed streams (`>&-`) something to stand on, or the next file opened would take their number; which ones.

    Streams are closed from below: the lowest free number is the one that `open` returns.
    """
    closed = []
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
            closed.append(number)
        if mode == "w":
            # A terminal that is not of UTF-8 shows what it lacks as an escape
            getattr(sys, name).reconfigure(errors="backslashreplace")
    return closed


if __name__ == "__main__":
    main()
