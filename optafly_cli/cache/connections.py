"""The two connections of one process to a store: one that reads, one that writes, each opened when it is needed."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from optafly_cli.cache.database import connect_to_read, connect_to_write


class Connections:
    """Opening touches nothing; a store that does not exist is created by the first write only. For one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reading: sqlite3.Connection | None = None
        self._writing: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files. It can be used again afterwards."""
        for connection in (self._reading, self._writing):
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()
        self._reading = self._writing = None

    def _reader(self) -> sqlite3.Connection | None:
        if self._reading is None:
            self._reading = connect_to_read(self.folder)
        return self._reading

    def _writer(self) -> sqlite3.Connection:
        if self._writing is None:
            self._writing = connect_to_write(self.folder)
        return self._writing
