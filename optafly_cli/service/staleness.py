"""Is the code that the service runs still what is on disk? Otherwise it must not answer for it any more."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
Stamp = tuple[int, int, int]


class OutdatedError(Exception):
    """Code on disk is not what runs; the message says which file."""


class CodeStamp:
    """The state of every file that the service was made of, when it was made."""

    def __init__(self, places: Iterable[str]) -> None:
        self._stamps = {place: _stamp(place) for place in places}

    @classmethod
    def of_package(cls) -> "CodeStamp":
        """Code and data of optafly, the interpreter, and the folders that packages are installed to.

        To be taken before anything is imported that could be replaced meanwhile.
        """
        ours = [str(path) for path in PACKAGE.rglob("*") if path.suffix in _PARTS]
        folders = [place for place in sys.path if place.endswith("-packages")]
        return cls([*ours, *folders, sys.executable])

    def check(self) -> None:
        """Look at all of them again, which takes about 0.2 ms.

        Raises:
            OutdatedError: one is not what it was.
        """
        for place, stamp in self._stamps.items():
            if _stamp(place) != stamp:
                raise OutdatedError(f"{place} has changed")


_PARTS = frozenset({".py", ".toml", ".json", ".txt", ".onnx", ".gz"})


def _stamp(place: str) -> Stamp | None:
    try:
        found = os.stat(place)  # noqa: PTH116 - on the way of every command
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
