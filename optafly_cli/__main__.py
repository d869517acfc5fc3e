"""The launcher: standard library only; runs the application in this process."""

import os
import sys


def main() -> None:
    """Entry point of the `optafly` command."""
    _open_standard_streams()
    from optafly_cli import direct

    try:
        code = direct.answer(sys.argv[1:])
    except OSError as error:
        from optafly_cli.cli.handler import lost_output

        code = lost_output(error)
    if code is not None:
        sys.exit(code)
    from optafly_cli.cli.handler import run

    sys.exit(run(sys.argv[1:]))


def _open_standard_streams() -> None:
    """Give closed streams (`>&-`) something to stand on: the next file opened would take their number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            # Streams are closed from below: the lowest free number is this one
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
        if mode == "w":
            # A terminal that is not of UTF-8 shows what it lacks as an escape
            getattr(sys, name).reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
