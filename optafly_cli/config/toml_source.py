"""Reads one TOML file, whoever wrote it, into what it sets for which key on which line.

`SourceError` says why a file cannot be read; whether that is an error (the user's file) or a warning (a stranger's
project) is for `load` to say.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optafly_cli.config.schema import shown_name

KeyPath = tuple[str, ...]
MAX_BYTES = 1_000_000
MAX_DOTS = 16


class SourceError(Exception):
    """A file that is no readable TOML. The message completes "FILE: …" or, with a line, "FILE:LINE: …".

    `mistake`: the file was read, and its author made a mistake in it.
    """

    def __init__(self, reason: str, line: int | None = None, *, mistake: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.mistake = mistake

    def at(self, path: Path) -> str:
        """The place, for a message: FILE or FILE:LINE."""
        return shown_name(str(path)) + (f":{self.line}" if self.line else "")


@dataclass(frozen=True, slots=True)
class Assignment:
    """One thing that a file says. `key` is empty when `section` is no table; `value` is as tomllib gives it."""

    section: str
    key: str
    value: object
    line: int


def read_text(path: Path) -> str | None:
    """The file's text without a BOM, None when there is no file.

    Never blocks on a pipe and never opens a device.

    Raises:
        SourceError: not a regular file, larger than `MAX_BYTES`, unreadable, or not UTF-8.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError("it is not a regular file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SourceError("it is not a regular file")
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SourceError(f"it cannot be read ({error.strerror})") from None
    if len(data) > MAX_BYTES:
        raise SourceError(f"it is larger than {MAX_BYTES // 1000} kB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError("it is not UTF-8", data.count(b"\n", 0, error.start) + 1) from None


def parse(text: str) -> dict[str, Any]:
    """The TOML document.

    Raises:
        SourceError: with the line of the mistake, where tomllib tells it.
    """
    import tomllib

    from optafly_cli.config.positions import longest_key

    if longest_key(text) > MAX_DOTS:
        raise SourceError(f"a key has more than {MAX_DOTS} dots")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        told = place.removeprefix("line ").partition(",")[0]
        line = int(told) if told.isdecimal() else text.rstrip().count("\n") + 1
        what = reason if reason.isprintable() else "an unexpected character"
        raise SourceError(f"it is not valid TOML: {what[:1].lower()}{what[1:]}", line, mistake=True) from None
    except (RecursionError, ValueError):
        raise SourceError("it is not TOML that can be read: a value is too deep or too long") from None


def assignments(text: str, document: Mapping[str, Any], under: KeyPath = ()) -> Iterator[Assignment]:
    """Everything that the document sets below the table `under` ((), or ("tool", "optafly")), with its line."""
    from optafly_cli.config.positions import line_of, positions

    table: object = document
    for part in under:
        table = table.get(part) if isinstance(table, Mapping) else None
    if table is None:
        return
    places = positions(text)
    if not isinstance(table, Mapping):
        yield Assignment("", "", table, line_of(places, under))
        return
    for section, body in table.items():
        if not isinstance(body, Mapping) or not body:
            yield Assignment(section, "", body, line_of(places, (*under, section)))
            continue
        for key, value in body.items():
            yield Assignment(section, key, value, line_of(places, (*under, section, key)))
