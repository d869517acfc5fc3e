"""What is known of the tree that a snapshot is of, and what git said of it when it was last asked.

Most of the time git says the same again: until it has said so, what that comes to can be searched. Both are written
beside the snapshot, and belong to the one with their token.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optafly_cli import durable
from optafly_cli.workspace.index.reading import Snapshot
from optafly_cli.workspace.index.tree import Asking, Tree
from optafly_cli.workspace.index.view import IndexView

LARGEST = 64 * 1024
"""Bytes of what git says that are kept; with thousands of new files it is always asked first."""


@dataclass(frozen=True, slots=True)
class Known:
    """The tree as it was when a snapshot was made; `others` are the keys that the snapshot does not have.

    `untracked` are those of the `dirty` that git did not know.
    """

    mark: str
    head: str
    dirty: frozenset[str]
    others: Mapping[str, str]
    untracked: frozenset[str] = frozenset()

    def keys(self, base: Snapshot) -> dict[str, str]:
        """The key of every file of the tree."""
        return {label: base.key(number).hex() for number, label in enumerate(base.labels)} | dict(self.others)


@dataclass(frozen=True, slots=True)
class Differ:
    """What a later tree has otherwise: the keys of its files, and the labels that are gone."""

    keys: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()

    @classmethod
    def between(cls, before: Mapping[str, str], now: Mapping[str, str]) -> "Differ":
        """From the keys of before and of now."""
        keys = {label: key for label, key in now.items() if before.get(label) != key}
        return cls(keys, frozenset(before.keys() - now.keys()))


@dataclass(frozen=True, slots=True)
class Seen:
    """What git said last: its status, the mark of its index then, and how that index differs from the snapshot."""

    token: str
    mark: str
    status: bytes
    differ: Differ

    @classmethod
    def of(cls, token: str, tree: Tree, differ: Differ) -> "Seen":
        """From a tree that git told."""
        return cls(token, tree.mark, tree.status, differ)

    def write(self, path: Path) -> None:
        """Keep it. What cannot be kept is asked again."""
        plain = {
            "token": self.token,
            "mark": self.mark,
            "status": self.status.decode("latin-1"),
            "keys": dict(self.differ.keys),
            "gone": sorted(self.differ.gone),
        }
        with suppress(OSError):
            durable.replace(path, json.dumps(plain).encode())


def read_seen(path: Path, token: str) -> Seen | None:
    """What was seen of the tree of this snapshot; None for nothing, and for what cannot be read."""
    try:
        plain: dict[str, Any] = json.loads(path.read_bytes())
        if plain["token"] != token:
            return None
        differ = Differ(dict(plain["keys"]), frozenset(plain["gone"]))
        bytes.fromhex("".join(differ.keys.values()))
        return Seen(token, plain["mark"], plain["status"].encode("latin-1"), differ)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass(frozen=True, slots=True)
class Ahead:
    """What can be searched if git says again what it said last, while it is asked. `overdue`: as `Keeper` says."""

    view: IndexView
    seen: Seen
    asking: Asking
    overdue: bool

    @property
    def holds(self) -> bool:
        """Whether it has said the same. Waits for it."""
        return self.asking.output == self.seen.status and self.asking.mark == self.seen.mark
