"""Where the index of a workspace lies: its snapshot, what is written beside it, its lock, and who else has one there.

Everything is derived, private, and written aside and renamed.
"""

import fcntl
import hashlib
import json
import mmap
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from optafly_cli import durable
from optafly_cli.workspace.index.layout import OtherVersion
from optafly_cli.workspace.index.reading import Snapshot
from optafly_cli.workspace.index.seen import Known, Seen, read_seen

MOST_WORKSPACES = 40
_ENDINGS = (".index", ".json", ".lock", ".seen")
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
"""Variables that the process that builds has; keys and tokens are not its business."""


class IndexFiles:
    """The files of the index of the workspace at `root`, in the `folder` that indexes are kept in."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:24]
        self._path, self._beside, self._lock, self._seen = (folder / f"{name}{ending}" for ending in _ENDINGS)

    def snapshot(self) -> Snapshot | None:
        """The snapshot, mapped; None where there is none, or another version's.

        Raises OSError when it cannot be read, Damaged, ValueError, KeyError or TypeError when it is none.
        """
        try:
            with self._path.open("rb") as file:
                return Snapshot(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
        except (FileNotFoundError, OtherVersion):
            return None

    def known(self, base: Snapshot) -> Known | None:
        """What was written beside the snapshot; None when it is not there or belongs to another one.

        Raises OSError when it cannot be read, ValueError, KeyError or TypeError when it is none.
        """
        try:
            plain = json.loads(self._beside.read_bytes())
        except FileNotFoundError:
            return None
        if plain["token"] != base.meta["token"]:
            return None
        dirty, untracked = frozenset(plain["dirty"]), frozenset(plain["untracked"])
        return Known(plain["mark"], plain["head"], dirty, dict(plain["others"]), untracked)

    def seen(self, base: Snapshot) -> Seen | None:
        """What git said last; None where that is not known, or was said of another snapshot."""
        return read_seen(self._seen, base.meta["token"])

    def see(self, seen: Seen) -> None:
        """Keep what git has said."""
        seen.write(self._seen)

    def write(self, snapshot: bytes, beside: Mapping[str, Any]) -> None:
        """Put a snapshot and what belongs beside it in place. Raises OSError."""
        durable.replace(self._path, snapshot)
        durable.replace(self._beside, json.dumps({**beside, "root": str(self._root)}).encode())

    def drop(self) -> None:
        """Throw the snapshot away."""
        self._path.unlink(missing_ok=True)
        self._beside.unlink(missing_ok=True)

    def build_beside(self) -> None:
        """Have a process of its own build the index; nothing is waited for, and one that is at it already goes on."""
        command = [sys.executable, "-m", "optafly_cli.workspace.index", str(self._root), str(self._folder)]
        kept = {name: value for name, value in os.environ.items() if name in _KEPT}
        silence = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        with suppress(OSError):
            os.posix_spawn(sys.executable, command, kept, file_actions=silence, setsid=True)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether this is the one process that builds this index, for as long as the block runs."""
        handle = os.open(self._lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, durable.PRIVATE)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(handle)

    def forget_others(self) -> None:
        """Remove indexes of folders that are no more, and the oldest of too many."""
        with suppress(OSError):
            found = sorted(self._folder.glob("*.json"), key=lambda path: -path.stat().st_mtime)
            for rank, path in enumerate(found):
                if path != self._beside and (rank >= MOST_WORKSPACES or not _root_exists(path)):
                    for ending in _ENDINGS:
                        path.with_suffix(ending).unlink(missing_ok=True)


def _root_exists(beside: Path) -> bool:
    try:
        plain: Mapping[str, str] = json.loads(beside.read_bytes())
        return Path(plain["root"]).is_dir()
    except (OSError, ValueError, KeyError, TypeError):
        return False
