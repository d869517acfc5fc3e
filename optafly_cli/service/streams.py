"""The standard streams of a command, made from the descriptors of its launcher as Python makes its own."""

import os
import sys
from contextlib import suppress
from typing import Any

_NAMES = ("stdin", "stdout", "stderr")


def set_up(descriptors: dict[int, int], manners: list[str]) -> None:
    """Put each descriptor in its place (0, 1, 2) and make its stream; a stream that was closed leads nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number, name in enumerate(_NAMES):
        os.dup2(descriptors.get(number, nowhere), number)
        encoding, errors, line_buffering = manners[number].split(" ")
        stream = _stream(number, encoding, errors, line_buffering == "1")
        stream.buffer.raw.name = f"<{name}>"
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    for descriptor in (*descriptors.values(), nowhere):
        os.close(descriptor)


def _stream(number: int, encoding: str, errors: str, line_buffering: bool) -> Any:
    import io

    mode = "rb" if number == 0 else "wb"
    buffer = open(number, mode, closefd=False)  # noqa: SIM115 - a descriptor, for the rest of the process
    stream: Any = io.TextIOWrapper(buffer, encoding, errors, newline="\n", line_buffering=line_buffering)
    stream.mode = mode[0]
    return stream


def let_go() -> None:
    """Close what the command wrote to: a reader waits for that, not for the process. What is said later is lost."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(len(_NAMES)):
        os.dup2(nowhere, number)
    os.close(nowhere)


def flush() -> bool:
    """Write what is buffered; False when that failed, as Python's own end would say with exit code 120."""
    good = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if not stream.closed:
                stream.flush()
        except (OSError, ValueError) as error:
            good = False
            if stream is sys.stdout:
                with suppress(OSError):
                    sys.stderr.write(f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}\n")
    return good
