"""What the store holds and what it gave, counted from the truth. Reads only."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from optafly_cli.cache.database import FILE
from optafly_cli.cache.loaded import Loaded
from optafly_cli.cache.promise.certificate import Certificate
from optafly_cli.cache.types import VerifierUnavailable

if TYPE_CHECKING:
    from optafly_cli.cache.shared import SharedStats


@dataclass(frozen=True, slots=True)
class SemanticStats:
    """Whether other words are answered now, and why.

    `state` is one stable word: certified, no_certificate, drift, unavailable, or no_verifier (the similarity decides,
    and nothing is promised). `labels`: the user's own for this verifier, by where they came from.
    """

    served: bool
    state: str
    reason: str
    verifier: str | None = None
    threshold: float | None = None
    certificate: Certificate | None = None
    labels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What the store holds and what it gave. `bytes` counts the index too; times are Unix seconds.

    `saved_usd`, `saved_s`, `saved_tokens`: what the answers that were served again had cost and taken the first time.
    `shared`: the team's store, where there is one.
    """

    entries: int = 0
    models: Mapping[str, int] = field(default_factory=dict)
    bytes: int = 0
    hits: Mapping[str, int] = field(default_factory=dict)
    saved_usd: float = 0.0
    saved_s: float = 0.0
    saved_tokens: int = 0
    oldest: float | None = None
    newest: float | None = None
    semantic: SemanticStats | None = None
    shared: "SharedStats | None" = None


def count(connection: sqlite3.Connection, folder: Path) -> StoreStats:
    """The figures of the store in that folder."""
    models = dict(connection.execute("SELECT model, count(*) FROM entry GROUP BY model ORDER BY 2 DESC, 1").fetchall())
    oldest, newest = connection.execute("SELECT min(created), max(created) FROM entry").fetchone()
    hits = dict(connection.execute("SELECT tier, count(*) FROM hit GROUP BY tier").fetchall())
    saved = "SELECT total(cost), total(seconds), coalesce(sum(tokens), 0) FROM hit"
    saved_usd, saved_s, saved_tokens = connection.execute(saved).fetchone()
    return StoreStats(
        entries=sum(models.values()),
        models=models,
        bytes=folder_bytes(folder),
        hits=hits,
        saved_usd=saved_usd,
        saved_s=saved_s,
        saved_tokens=saved_tokens,
        oldest=oldest,
        newest=newest,
    )


def semantic(connection: sqlite3.Connection | None, loaded: Loaded) -> SemanticStats:
    """What is promised of semantic hits, from the labels in the store; None for a store that does not exist yet."""
    try:
        promise = loaded.promise()
    except VerifierUnavailable as error:
        return SemanticStats(False, "unavailable", str(error))
    if promise is None:
        return SemanticStats(True, "no_verifier", "there is no verifier: the similarity decides, nothing is promised")
    now = promise.standing(connection)
    by_source = "SELECT source, count(*) FROM label WHERE verifier = ? GROUP BY source ORDER BY source"
    labels = dict(connection.execute(by_source, (now.verifier,)).fetchall()) if connection else {}
    served = now.threshold is not None
    return SemanticStats(served, now.state, now.reason, now.verifier, now.threshold, now.certificate, labels)


def folder_bytes(folder: Path) -> int:
    """What the database and the index take on disk."""
    return _bytes_of(folder.glob(f"{FILE}*")) + index_bytes(folder)


def index_bytes(folder: Path) -> int:
    """What the index takes on disk."""
    return _bytes_of((folder / "index").rglob("*"))


def _bytes_of(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total
