"""What can still be read of a damaged store, entry by entry. Reads only, and takes nothing for granted."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from optafly_cli.cache.database import FILE
from optafly_cli.cache.failures import UnreadableRowError
from optafly_cli.cache.transfer import COLUMNS, line_of
from optafly_cli.errors import StoreError

_ROW = f"SELECT {COLUMNS} FROM entry WHERE id = ?"  # noqa: S608 (constants)
_MODES = ("mode=ro", "mode=ro&immutable=1")
_UNKNOWN_LAST = 1_000_000
_TEXTS = (7, 9, 10, 11, 12)


def lines(folder: Path, skipped: Callable[[int, str], None]) -> Iterator[str]:
    """A line for each entry that can be read, as `transfer.lines_of`; `skipped` hears of those that cannot.

    Raises:
        StoreError: there is no store, or not even its tables can be found.
    """
    with closing(_connected(folder)) as connection:
        for number in range(1, _last(connection) + 1):
            try:
                row = connection.execute(_ROW, (number,)).fetchone()
                if row is not None:
                    yield line_of(tuple(_text(value) if at in _TEXTS else value for at, value in enumerate(row)))
            except (sqlite3.Error, UnreadableRowError, ValueError, TypeError, KeyError) as error:
                skipped(number, str(error) or "it cannot be read")


def _connected(folder: Path) -> sqlite3.Connection:
    path = folder / FILE
    size = path.stat().st_size if path.is_file() else None
    why = "it is not there" if size is None else "it is empty"
    # SQLite removes the log of a database that is empty
    for mode in _MODES if size else ():
        try:
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)
            connection.text_factory = bytes
            # Reads the schema, and no row: the first one may be what is damaged
            connection.execute(f"EXPLAIN {_ROW}", (0,)).fetchone()
        except sqlite3.Error as error:
            why = str(error)
        else:
            return connection
    remedy = f"restore it from a backup, or move {path.name} aside: optafly begins a new one"
    raise StoreError(f"nothing can be saved of {path}: {why}", remedy=remedy, code="store_damaged")


def _last(connection: sqlite3.Connection) -> int:
    for query in ("SELECT seq FROM sqlite_sequence WHERE name = 'entry'", "SELECT max(id) FROM entry"):
        try:
            if (row := connection.execute(query).fetchone()) and row[0]:
                return int(row[0])
        except sqlite3.Error:
            continue
    return _UNKNOWN_LAST


def _text(value: object) -> object:
    return value.decode("utf-8") if isinstance(value, bytes) else value
