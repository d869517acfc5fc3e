"""The two connections of one process to a store: one that reads, one that writes, each opened when it is needed."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from optafly_cli.cache.database import FILE, connect_to_read, connect_to_write, untouched
from optafly_cli.cache.failures import reported
from optafly_cli.errors import StoreError


class Connections:
    """Opening touches nothing; a store that does not exist is created by the first write only. For one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reading: sqlite3.Connection | None = None
        self._writing: sqlite3.Connection | None = None
        self._damaged = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files. It can be used again afterwards."""
        with untouched(self.folder / FILE) if self._damaged else nullcontext():
            for connection in (self._reading, self._writing):
                if connection is not None:
                    with suppress(sqlite3.Error):
                        connection.close()
        self._reading = self._writing = None

    @contextmanager
    def _reported(self, doing: str) -> Iterator[None]:
        """`failures.reported`; what is damaged is closed without another byte written."""
        try:
            with reported(self.folder, doing):
                yield
        except StoreError as error:
            self._damaged = self._damaged or error.code == "store_damaged"
            raise

    def _reader(self) -> sqlite3.Connection | None:
        if self._reading is None:
            self._reading = connect_to_read(self.folder)
        return self._reading

    def _writer(self) -> sqlite3.Connection:
        if self._writing is None:
            self._writing = connect_to_write(self.folder)
        return self._writing
