"""How fast, how small and how safe the store is, and GPTCache's beside it where two write at once.

    python benchmarks/store.py [--sizes 1000,10000,100000] [--partitions 10000] [--writers 8] [--puts 250]
                               [--no-gptcache] [--gptcache-venv DIR] [--json] [--backend postgres]

Entries are made up: vectors of 384 dimensions around shared centres, texts of about 1 KB. Look-ups run in a process of
their own: opened, timed, and held against exact search over the same partition. Report only: nothing asserts a figure.
"""

import argparse
import json
import os
import platform
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.embedding import cache_folder
from optafly_cli.cache import rows
from optafly_cli.cache.backends.protocol import Stored
from optafly_cli.cache.database import FILE, connect_to_read, connect_to_write, transaction
from optafly_cli.cache.evidence import evidence_key
from optafly_cli.cache.index.index import Index
from optafly_cli.cache.lookup import asked_digest
from optafly_cli.cache.maintenance import Maintenance
from optafly_cli.cache.scope import exact_key, partition_of
from optafly_cli.cache.types import Evidence, Scope
from optafly_cli.cache.vectors import Wanted
from optafly_cli.cache.writing import put_entry
from optafly_cli.config.settings import CacheSettings
from optafly_cli.provider.result import Answer, Usage

Rows = npt.NDArray[np.float32]
NAME = "all-MiniLM-L6-v2@benchmark"
DIMENSION = 384
BATCH = 5_000
QUERIES = 200
TEXT = "Check the length before the loop, and return early when there is nothing to do. " * 10


@dataclass(frozen=True)
class Size:
    """One store. Times in milliseconds, sizes in bytes; `beside_texts` is per entry, the index included."""

    entries: int
    partitions: int
    fill_per_s: float
    index_s: float
    open_ms: float
    p50_ms: float
    p95_ms: float
    exact_p50_ms: float
    recall_at_1: float
    rss_mb: float
    beside_texts: float
    index_bytes: int


def made_up(count: int, seed: int) -> Rows:
    """Unit vectors around one centre for every twenty, so that each has near neighbours (cosine about 0.87)."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(1, count // 20), DIMENSION), dtype=np.float32)
    spread = rng.standard_normal((count, DIMENSION), dtype=np.float32)
    return unit(centres[rng.integers(0, len(centres), count)] + 0.4 * spread)


def unit(vectors: Rows) -> Rows:
    """The same, of length 1."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, dtype=np.float32)


def scope(number: int) -> Scope:
    """One of many scopes."""
    return Scope("/work", "demo", "user:1", "claude-sonnet-5", named=((f"src/file{number}.py", ""),))


def values(number: int, where: Scope, vector: Rows) -> dict[str, object]:
    """The columns of an entry."""
    partition, prompt = partition_of(where), f"question {number} about the parser and its errors"
    message = {"id": f"msg_{number}", "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn"}
    answer = Answer(TEXT, where.model, "end_turn", Usage(900, 200), message, "req_1")
    return {
        "key": exact_key(partition, prompt),
        "partition": partition,
        "evidence_key": evidence_key(Evidence()),
        "asked": asked_digest(prompt),
        "created": time.time(),
        "last_used": time.time(),
        "hits": 0,
        "cost": 0.01,
        "seconds": 3.0,
        "model": where.model,
        "embedder": NAME,
        "vector": vector.tobytes(),
        "instruction": prompt,
        "evidence": rows.evidence_text(Evidence()),
        "prompt": prompt,
        "scope": rows.scope_text(where),
        "answer": rows.answer_text(answer),
    }


def stored(first: int, vectors: Rows) -> list[Stored]:
    """Entries of one scope as a backend takes them."""
    found = [values(at, scope(0), vector) for at, vector in enumerate(vectors, first)]
    return [Stored(**one) for one in found]  # type: ignore[arg-type]


def fill(folder: Path, count: int, partitions: int) -> float:
    """Put that many entries into as many partitions, in turn; entries a second."""
    connection = connect_to_write(folder)
    start = time.perf_counter()
    scopes = [scope(number) for number in range(partitions)]
    for first in range(0, count, BATCH):
        vectors = made_up(min(BATCH, count - first), first)
        with transaction(connection):
            for at, vector in enumerate(vectors, first):
                put_entry(connection, values(at, scopes[at % partitions], vector))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return count / (time.perf_counter() - start)


def measure(folder: Path, count: int, partitions: int) -> dict[str, float]:
    """In a process of its own: opening, look-ups inside one partition, and exact search over the same rows."""
    found = subprocess.run(
        [sys.executable, __file__, "--measure", str(folder), str(count), str(partitions)],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(found.stdout))


def _measure(folder: Path, count: int, partitions: int) -> dict[str, float]:
    partition = partition_of(scope(7 % partitions))
    wanted = Wanted(partition, NAME, 0.0, b"")
    first = made_up(min(BATCH, count), 0)
    rng = np.random.default_rng(99)
    picked = first[rng.integers(0, len(first), QUERIES)]
    queries = unit(picked + 0.25 / np.sqrt(DIMENSION) * rng.standard_normal((QUERIES, DIMENSION), dtype=np.float32))
    import faiss  # noqa: F401 (its import is not part of opening the index)

    start = time.perf_counter()
    connection = connect_to_read(folder)
    assert connection is not None
    index = Index(folder, NAME)
    index.nearest(connection, wanted, queries[0], 64)
    opened = (time.perf_counter() - start) * 1000
    spent, best = [], []
    for query in queries:
        start = time.perf_counter()
        found = index.nearest(connection, wanted, query, 64)
        spent.append((time.perf_counter() - start) * 1000)
        best.append(found[0].id)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if index.notices:
        raise SystemExit(f"the index was not used: {index.notices}")
    rows_ = connection.execute("SELECT id, vector FROM entry WHERE partition = ?", (partition,)).fetchall()
    ids = [number for number, _ in rows_]
    matrix = np.frombuffer(b"".join(blob for _, blob in rows_), dtype=np.float32).reshape(len(ids), -1)
    exact, right = [], 0
    for query, one in zip(queries, best, strict=True):
        start = time.perf_counter()
        place = int(np.argmax(matrix @ query))
        exact.append((time.perf_counter() - start) * 1000)
        right += one == ids[place] or float(matrix[ids.index(one)] @ query) >= float(matrix[place] @ query) - 1e-6
    return {
        "open_ms": opened,
        "p50_ms": statistics.median(spent),
        "p95_ms": statistics.quantiles(spent, n=20)[18],
        "exact_p50_ms": statistics.median(exact),
        "recall_at_1": right / QUERIES,
        "rss_mb": rss,
    }


def size(count: int, partitions: int) -> Size:
    """A store of that size, made, indexed, measured and removed."""
    with tempfile.TemporaryDirectory(prefix="optafly-store-") as name:
        folder = Path(name, "store")
        rate = fill(folder, count, partitions)
        start = time.perf_counter()
        with Maintenance.open(folder, CacheSettings()) as store:
            store.rebuild()
        indexed = time.perf_counter() - start
        index_bytes = sum(path.stat().st_size for path in (folder / "index").rglob("*") if path.is_file())
        connection = sqlite3.connect(folder / FILE)
        columns = ("instruction", "evidence", "prompt", "scope", "answer")
        summed = " + ".join(f"length({column})" for column in columns)
        texts = connection.execute(f"SELECT sum({summed}) FROM entry").fetchone()[0]
        connection.close()
        beside = ((folder / FILE).stat().st_size - texts + index_bytes) / count
        found = measure(folder, count, partitions)
        return Size(count, partitions, rate, indexed, index_bytes=index_bytes, beside_texts=beside, **found)


WRITER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from benchmarks.store import made_up, scope, values
from optafly_cli.cache.database import connect_to_write, transaction
from optafly_cli.cache.writing import put_entry
connection = connect_to_write(Path(sys.argv[2]))
first, count = int(sys.argv[3]), int(sys.argv[4])
vectors = made_up(count, first)
for at in range(count):
    with transaction(connection):
        put_entry(connection, values(first + at, scope(0), vectors[at]))
"""


def writers(processes: int, puts: int) -> dict[str, float]:
    """Several processes that put at once, each put durable: what is there afterwards."""
    with tempfile.TemporaryDirectory(prefix="optafly-store-") as name:
        folder = Path(name, "store")
        root = str(Path(__file__).resolve().parents[1])
        start = time.perf_counter()
        running = [
            subprocess.Popen([sys.executable, "-c", WRITER, root, str(folder), str(number * puts), str(puts)])
            for number in range(processes)
        ]
        failed = sum(process.wait() != 0 for process in running)
        spent = time.perf_counter() - start
        with Maintenance.open(folder, CacheSettings()) as store:
            kept = store.count()
            wrong = len(store.problems()) + len(list(store.unreadable()))
        return {"asked": processes * puts, "kept": kept, "failed": failed, "wrong": wrong, "per_s": kept / spent}


GPT_WRITER = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from gptcache.adapter.api import put
from benchmarks.gptcache_driver import _cache
folder, first, count = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
rows = np.random.default_rng(first).standard_normal((count, 384)).astype("float32")
cache = _cache(folder, lambda text, **_: rows[int(text.split()[1]) - first], 384)
for at in range(count):
    put(f"question {first + at}", "stored", cache_obj=cache)
cache.flush()
"""
GPT_COUNT = """
import sys, faiss, sqlite3
rows = sqlite3.connect(sys.argv[1] + "/cache.db").execute("select count(*) from gptcache_question").fetchone()[0]
try:
    vectors = faiss.read_index(sys.argv[1] + "/faiss.index").ntotal
except RuntimeError:
    vectors = 0
print(rows, vectors)
"""


def gptcache_writers(python: Path, processes: int, puts: int) -> dict[str, float]:
    """The same with GPTCache: rows in its SQLite file, vectors in its FAISS file."""
    with tempfile.TemporaryDirectory(prefix="gptcache-store-") as name:
        root = str(Path(__file__).resolve().parents[1])
        subprocess.run([str(python), "-c", GPT_WRITER, root, name, "0", "0"], check=False, capture_output=True)
        start = time.perf_counter()
        running = [
            subprocess.Popen(
                [str(python), "-c", GPT_WRITER, root, name, str(number * puts), str(puts)],
                stderr=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            for number in range(processes)
        ]
        failed = sum(process.wait() != 0 for process in running)
        spent = time.perf_counter() - start
        told = subprocess.run([str(python), "-c", GPT_COUNT, name], capture_output=True, text=True, check=False).stdout
        kept, vectors = (int(part) for part in (told.split() or ["0", "0"]))
        return {"asked": processes * puts, "kept": kept, "vectors": vectors, "failed": failed, "per_s": kept / spent}


def transfer(count: int) -> dict[str, float]:
    """Entries a second out of a store and into another, without embedding."""
    with tempfile.TemporaryDirectory(prefix="optafly-store-") as name:
        fill(Path(name, "one"), count, 50)
        start = time.perf_counter()
        with Maintenance.open(Path(name, "one"), CacheSettings()) as store:
            lines = [line.encode() for line in store.lines(lambda _, why: sys.exit(why))]
        out = count / (time.perf_counter() - start)
        start = time.perf_counter()
        with Maintenance.open(Path(name, "two"), CacheSettings()) as store:
            total = store.add(enumerate(lines, 1), refuse=lambda number, why: sys.exit(f"{number}: {why}"))
        return {"entries": total.new, "export_per_s": out, "import_per_s": count / (time.perf_counter() - start)}


def puts_beside_a_merge(count: int) -> dict[str, float]:
    """Milliseconds of a durable put, alone and while another process writes the index of the same partition anew."""
    with tempfile.TemporaryDirectory(prefix="optafly-store-") as name:
        folder = Path(name, "store")
        fill(folder, count, 1)
        connection = connect_to_write(folder)
        vectors = made_up(2_000, 5)
        alone = list(_timed_puts(connection, count, vectors[:200]))
        command = [sys.executable, "-m", "optafly_cli.cache.upkeep", str(folder)]
        merging = subprocess.Popen(command, cwd=Path(__file__).resolve().parents[1], stdin=subprocess.PIPE, text=True)
        assert merging.stdin is not None
        merging.stdin.write(json.dumps(asdict(CacheSettings(max_size_gb=100.0))))
        merging.stdin.close()
        beside: list[float] = []
        for spent in _timed_puts(connection, count + 200, vectors[200:]):
            beside.append(spent)
            if merging.poll() is not None:
                break
        merging.wait()
        return {
            "alone_p50_ms": statistics.median(alone),
            "beside_p50_ms": statistics.median(beside),
            "puts": len(beside),
        }


def _timed_puts(connection: sqlite3.Connection, first: int, vectors: Rows) -> Iterator[float]:
    for at, vector in enumerate(vectors, first):
        start = time.perf_counter()
        with transaction(connection):
            put_entry(connection, values(at, scope(0), vector))
        yield (time.perf_counter() - start) * 1000


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--sizes", default="1000,10000,100000", help="entries in one partition, with commas")
    parser.add_argument("--partitions", type=int, default=10_000, help="for the store with one instruction in each")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--puts", type=int, default=250)
    parser.add_argument("--no-gptcache", action="store_true")
    parser.add_argument("--gptcache-venv", type=Path, default=cache_folder() / "gptcache")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--backend", choices=("postgres",), help="the shared store beside the local one, and no more")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        folder, count, partitions = given.measure
        print(json.dumps(_measure(Path(folder), int(count), int(partitions))))
        return
    sizes = [int(text) for text in given.sizes.split(",") if text]
    if given.backend:
        from benchmarks import store_postgres

        found = store_postgres.compare(sizes, stored, made_up, NAME)
        print(json.dumps(found, indent=2)) if given.json else store_postgres.show(found)
        return
    report: dict[str, Any] = {"machine": f"{platform.machine()}, {os.cpu_count()} CPUs", "at": time.strftime("%F %T")}
    report["writers"] = {"optafly": writers(given.writers, given.puts)}
    if not given.no_gptcache:
        from benchmarks.gptcache_peer import GptCache

        python = GptCache.installed(given.gptcache_venv).python
        report["writers"]["gptcache"] = gptcache_writers(python, given.writers, given.puts)
    report["sizes"] = [asdict(size(count, 1)) for count in sizes]
    if given.partitions:
        report["sizes"].append(asdict(size(given.partitions, given.partitions)))
    report["transfer"] = transfer(10_000)
    report["puts"] = puts_beside_a_merge(max([count for count in sizes if count <= 100_000], default=20_000))
    if given.json:
        print(json.dumps(report, indent=2))
    else:
        show(report)


def show(report: dict[str, Any]) -> None:
    """The report as lines of at most 100 columns."""
    print(f"{report['at']}, {report['machine']}\n")
    for name, found in report["writers"].items():
        vectors = f", {found['vectors']:,} vectors in its index" if "vectors" in found else f", {found['wrong']} wrong"
        print(f"{name}: {found['kept']:,} of {found['asked']:,} kept{vectors}; {found['per_s']:,.0f} a second")
    print("\nentries    parts   p50 ms  p95 ms  exact  open ms  recall@1  RSS MB  bytes beside texts  index s")
    for one in report["sizes"]:
        print(
            f"{one['entries']:>9,} {one['partitions']:>6,} {one['p50_ms']:>8.2f} {one['p95_ms']:>7.2f}"
            f" {one['exact_p50_ms']:>6.2f} {one['open_ms']:>8.1f} {one['recall_at_1']:>9.3f} {one['rss_mb']:>7.0f}"
            f" {one['beside_texts']:>19,.0f} {one['index_s']:>8.1f}"
        )
    moved, puts = report["transfer"], report["puts"]
    print(f"\nexport {moved['export_per_s']:,.0f} and import {moved['import_per_s']:,.0f} entries a second")
    print(
        f"a durable put: p50 {puts['alone_p50_ms']:.2f} ms alone, {puts['beside_p50_ms']:.2f} ms beside a merge"
        f" ({puts['beside_p50_ms'] / puts['alone_p50_ms']:.1f} times; {puts['puts']} puts)"
    )


if __name__ == "__main__":
    main()
