"""The launcher: standard library only; runs the application in this process."""

import sys


def main() -> None:
    """Entry point of the `optafly` command."""
    from optafly_cli.cli.handler import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
