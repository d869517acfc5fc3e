"""Keeping the store in shape beside its use: index segments are merged, what is too much is pruned.

Little is done at once, by whoever wrote; much by a process of its own that nobody waits for:

    python -m optafly_cli.cache.upkeep FOLDER TTL_DAYS MAX_SIZE_GB
"""

import os
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache.database import make_private_folder, try_lock
from optafly_cli.config.settings import CacheSettings

if TYPE_CHECKING:
    from optafly_cli.cache.index.index import Index

LOCK = "upkeep.lock"
AT_ONCE = 4_000
"""Vectors that are written by whoever put the last one: some hundredths of a second."""
_LOOK_EVERY = 16
_begun: list["subprocess.Popen[bytes]"] = []
"""Kept, so that Python does not complain of children that go on."""
_USED = """
    SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_page_size, pragma_freelist_count
"""


def after_a_write(
    connection: sqlite3.Connection, folder: Path, settings: CacheSettings, index: "Index | None", partition: bytes
) -> None:
    """Do or begin what an entry that was just stored makes due. Never fails what was stored."""
    if index is not None and index.is_behind(connection, partition):
        if index.to_write(connection, partition) <= AT_ONCE:
            index.merge(connection, partition)
        else:
            begin(folder, settings)
            return
    number = connection.execute("SELECT max(id) FROM entry").fetchone()[0]
    due = number and number % _LOOK_EVERY == 0
    if due and connection.execute(_USED).fetchone()[0] > settings.max_size_gb * 1e9:
        begin(folder, settings)


def begin(folder: Path, settings: CacheSettings) -> None:
    """Start the upkeep in a process of its own, unless one is at it; where that cannot be, another time."""
    command = [sys.executable, "-m", __name__, str(folder), repr(settings.ttl_days), repr(settings.max_size_gb)]
    with suppress(OSError):
        nowhere = subprocess.DEVNULL
        _begun.append(subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True))


def run(folder: Path, settings: CacheSettings) -> bool:
    """Merge every partition that is behind, then prune. False when another process is at it."""
    from optafly_cli.cache.maintenance import Maintenance

    make_private_folder(folder)
    handle = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if not try_lock(handle):
            return False
        with Maintenance.open(folder, settings) as store:
            store.merge()
            store.prune()
        return True
    finally:
        os.close(handle)


def main() -> int:
    """Run it for the folder and the limits that the arguments name."""
    folder, ttl_days, max_size_gb = sys.argv[1:]
    os.nice(10)
    settings = CacheSettings(ttl_days=float(ttl_days), max_size_gb=float(max_size_gb))
    return 0 if run(Path(folder), settings) else 1


if __name__ == "__main__":
    sys.exit(main())
