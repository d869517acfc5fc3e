"""What a command leaves for when its user has been answered: nothing that the answer, or the next command, needs."""

from collections.abc import Callable

_left: list[Callable[[], None]] = []


def leave(work: Callable[[], None]) -> None:
    """Do `work` when the command has said all that it has to say."""
    _left.append(work)


def catch_up() -> None:
    """Do what was left, in its order. A fault in it takes nothing from the answer: it is in a log."""
    while _left:
        work = _left.pop(0)
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the command has ended well
            from optafly_cli.cli.crash_log import write

            write((), error)
