"""Keeping the store in shape beside its use: index segments are merged, what is too much is pruned.

Little is done at once, by whoever wrote; much by a process of its own that nobody waits for:

    python -m optafly_cli.cache.upkeep FOLDER < SETTINGS.json
"""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache import outbox
from optafly_cli.cache.database import locked
from optafly_cli.config.private import make_private_folder
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import OptaflyError

if TYPE_CHECKING:
    from optafly_cli.cache.index.index import Index

LOCK = "upkeep.lock"
AT_ONCE = 4_000
"""Vectors that are written by whoever put the last one and has faiss loaded: some hundredths of a second."""
_LOOK_EVERY = 16
_PATIENCE_S = 5.0
"""How long the one that was just begun waits for another to end: what made it due may have come too late for that."""
_begun: list["subprocess.Popen[bytes]"] = []
"""Kept, so that Python does not complain of children that go on; in a process that stays they are few."""
_MOST = 2


def after_a_write(
    connection: sqlite3.Connection, folder: Path, settings: CacheSettings, index: "Index | None", partition: bytes
) -> None:
    """Do or begin what an entry that was just stored makes due. Never fails what was stored."""
    if index is not None and index.is_behind(connection, partition):
        if "faiss" in sys.modules and index.to_write(connection, partition) <= AT_ONCE:
            index.merge(connection, partition)
        else:
            begin(folder, settings)
            return
    number = connection.execute("SELECT max(id) FROM entry").fetchone()[0]
    shares = settings.backend != "faiss"
    due = bool(number) and number % _LOOK_EVERY == 0
    if (due and _is_too_large(connection, folder, settings)) or (shares and (due or outbox.waiting(connection))):
        begin(folder, settings)


def _is_too_large(connection: sqlite3.Connection, folder: Path, settings: CacheSettings) -> bool:
    from optafly_cli.cache.pruning import used_bytes

    return used_bytes(connection, folder) > settings.max_size_gb * 1e9


def begin(folder: Path, settings: CacheSettings) -> None:
    """Start the upkeep in a process of its own, unless one is at it; where that cannot be, another time."""
    command = [sys.executable, "-m", __name__, str(folder)]
    nowhere = subprocess.DEVNULL
    _begun[:] = [child for child in _begun if child.poll() is None]
    if len(_begun) >= _MOST:
        # One is at it, and the other waits to do what came too late for that one
        return
    with suppress(OSError):
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, start_new_session=True)
        _begun.append(child)
        if child.stdin is not None:
            # Not as arguments, which everyone on this machine can read: a connection string is among them
            child.stdin.write(json.dumps(asdict(settings)).encode())
            child.stdin.close()


def run(folder: Path, settings: CacheSettings, patience_s: float = 0.0) -> bool:
    """Send what waits for the shared store, merge every partition that is behind, prune. False: another is at it."""
    from optafly_cli.cache.maintenance import Maintenance

    make_private_folder(folder)
    with locked(folder / LOCK, patience_s) as held, Maintenance.open(folder, settings) as store:
        if held:
            for work in (store.send, store.expire_shared, store.merge, store.prune):
                # One that cannot be done now is done another time, and keeps the others from nothing
                with suppress(OptaflyError):
                    work()
        return held


def main() -> int:
    """Run it for the folder that the argument names, with the settings on stdin."""
    os.nice(10)
    settings = CacheSettings(**json.load(sys.stdin))
    try:
        return 0 if run(Path(sys.argv[1]), settings, _PATIENCE_S) else 1
    except (OSError, OptaflyError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
