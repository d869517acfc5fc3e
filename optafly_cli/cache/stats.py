"""What the store holds and what it gave, counted from the truth. Reads only."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from optafly_cli.cache.database import FILE


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What the store holds and what it gave. `bytes` counts the index too; times are Unix seconds.

    `saved_usd` and `saved_s`: what the answers that were served again had cost, and had taken, the first time.
    """

    entries: int = 0
    models: Mapping[str, int] = field(default_factory=dict)
    bytes: int = 0
    hits: Mapping[str, int] = field(default_factory=dict)
    saved_usd: float = 0.0
    saved_s: float = 0.0
    oldest: float | None = None
    newest: float | None = None


def count(connection: sqlite3.Connection, folder: Path) -> StoreStats:
    """The figures of the store in that folder."""
    models = dict(connection.execute("SELECT model, count(*) FROM entry GROUP BY model ORDER BY 2 DESC, 1").fetchall())
    oldest, newest = connection.execute("SELECT min(created), max(created) FROM entry").fetchone()
    hits = dict(connection.execute("SELECT tier, count(*) FROM hit GROUP BY tier").fetchall())
    saved_usd, saved_s = connection.execute("SELECT total(cost), total(seconds) FROM hit").fetchone()
    return StoreStats(sum(models.values()), models, _bytes(folder), hits, saved_usd, saved_s, oldest, newest)


def _bytes(folder: Path) -> int:
    total = 0
    for path in (*folder.glob(f"{FILE}*"), *(folder / "index").rglob("*")):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total
