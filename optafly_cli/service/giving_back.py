"""Memory that loading took and that running does not need goes back to the system. Nothing is lost where it cannot.

A library runs most of its code once, when it registers what it can do: of 40 MB of code that an engine has touched,
answering touches half. Linux and glibc only; elsewhere these do nothing.
"""

import ctypes
import re
from contextlib import suppress
from pathlib import Path

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \d+ +(/.*)?")
_MADV_DONTNEED = 4


def give_back_free_memory() -> None:
    """What was allocated and is free again, whatever lies behind it."""
    # Not of glibc, or no libc to load
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def give_back_files() -> None:
    """What is mapped of files, code above all: a page that is used again comes back from the file's cache."""
    with suppress(OSError, AttributeError):
        forget = ctypes.CDLL(None).madvise
        forget.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end in _clean_mappings(Path("/proc/self/smaps").read_text("utf-8", "replace")):
            forget(start, end - start, _MADV_DONTNEED)


def _clean_mappings(smaps: str) -> list[tuple[int, int]]:
    """From where to where files are mapped that cannot be written to, without a page that was (by relocation)."""
    found, mapping = [], None
    for line in smaps.splitlines():
        if head := _MAPPING.match(line):
            mapping = head if head[4] and head[3][1] == "-" and head[3][3] == "p" else None
        elif mapping and line.startswith("Anonymous:") and line.split()[1] == "0":
            found.append((int(mapping[1], 16), int(mapping[2], 16)))
    return found
