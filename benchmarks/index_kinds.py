"""Which FAISS index a segment should be: recall, time and bytes of each kind over instructions that are alike.

    python benchmarks/index_kinds.py [--entries 20000] [--queries 400] [--json]

The hard case for codes is a scope full of instructions from one template, where the nearest differ in a name or a
number. Each query is one of them in other words; recall is against exact search, among what the index proposes: of the
nearest, and of the 16 nearest at a cosine of 0.85 or more, which is all that the cache ever looks at. Vectors are the
shipped embedder's. Report only: nothing asserts a figure.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from optafly_cli.cache.embedder import Embedder

Rows = npt.NDArray[np.float32]
PROPOSED = 128
GATE, HELD = 0.85, 16
VERBS = "parse load save merge split render validate fetch update delete create build format convert resolve check"
NOUNS = "config user session token cache file path request response header cookie row table schema node edge graph page"
KINDS = ("", "old ", "new ", "all ", "raw ", "json ", "html ", "remote ", "local ", "temporary ")
ASKED = ("what does the function {} do", "how does {} work", "write a test for {}", "add logging to {}", "speed up {}")
REWORDED = ("what is the function {} doing", "explain how {} works", "could you write tests for {}")
faiss: Any = import_module("faiss")


def names() -> list[str]:
    """Function names, in an order that does not change."""
    found = [
        f"{verb} {kind}{noun}".replace(" ", "_") for verb in VERBS.split() for kind in KINDS for noun in NOUNS.split()
    ]
    random.Random(5).shuffle(found)
    return found


def sets(entries: int, queries: int) -> dict[str, tuple[list[str], list[str]]]:
    """Stored instructions and questions of each set."""
    rng = random.Random(7)
    functions = names()[: entries // len(ASKED)]
    chosen = rng.choices(functions, k=queries)
    numbers = rng.sample(range(entries), min(queries, entries))
    return {
        "names": (
            [asked.format(name) for name in functions for asked in ASKED],
            [rng.choice(REWORDED).format(name) for name in chosen],
        ),
        "numbers": (
            [f"what does error code {number} mean" for number in range(entries)],
            [f"please explain what the error code {number} means" for number in numbers],
        ),
    }


def embedded(texts: Sequence[str], embed: Callable[[list[str]], Rows]) -> Rows:
    """Their vectors, shape (n, 384), in batches of like lengths."""
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    found: Rows = np.zeros((len(texts), 384), dtype=np.float32)
    for start in range(0, len(order), 64):
        part = order[start : start + 64]
        found[part] = embed([texts[at] for at in part])
    return found


def made(dimension: int) -> dict[str, Any]:
    """An empty index of each kind."""
    product = faiss.METRIC_INNER_PRODUCT
    return {
        "flat": faiss.IndexFlatIP(dimension),
        "8 bits a dimension": faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_8bit, product),
        "4 bits a dimension": faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_4bit, product),
        "RaBitQ, 1 bit": faiss.IndexRaBitQFastScan(dimension, product),
        "HNSW, 32 links": faiss.IndexHNSWFlat(dimension, 32, product),
    }


def measure(index: Any, stored: Rows, asked: Rows) -> dict[str, float]:
    """Build it, search it one query at a time, hold its proposals against exact search."""
    start = time.perf_counter()
    if not index.is_trained:
        index.train(stored)
    index.add(stored)
    built = time.perf_counter() - start
    if hasattr(index, "hnsw"):
        index.hnsw.efSearch = PROPOSED
    spent, first, among = [], [], []
    for query in asked:
        start = time.perf_counter()
        proposed = index.search(query[None], PROPOSED)[1][0]
        spent.append((time.perf_counter() - start) * 1000)
        exact = stored @ query
        order = np.argsort(-exact)[:HELD]
        near = [at for at in order if exact[at] >= GATE]
        first.append(order[0] in proposed)
        among += [at in proposed for at in near]
    return {
        "recall_1": float(np.mean(first)),
        "recall_16": float(np.mean(among)),
        "p50_ms": statistics.median(spent),
        "bytes": faiss.serialize_index(index).nbytes / len(stored),
        "built_s": built,
    }


def main() -> None:
    """Measure each kind over each set, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    faiss.omp_set_num_threads(1)
    embed = Embedder.load().embed
    report: dict[str, dict[str, dict[str, float]]] = {}
    for name, (texts, questions) in sets(given.entries, given.queries).items():
        stored, asked = embedded(texts, embed), embedded(questions, embed)
        kinds = {kind: measure(index, stored, asked) for kind, index in made(stored.shape[1]).items()}
        report[f"{len(stored):,} instructions that differ in {name}"] = kinds
    if given.json:
        print(json.dumps(report, indent=2))
        return
    for name, kinds in report.items():
        print(name)
        print("kind                recall@1  recall@16  p50 ms  to flat  bytes each  built s")
        flat = kinds["flat"]["p50_ms"]
        for kind, one in kinds.items():
            print(
                f"{kind:<20}{one['recall_1']:>8.4f}{one['recall_16']:>11.4f}{one['p50_ms']:>8.2f}"
                f"{one['p50_ms'] / flat:>9.2f}{one['bytes']:>12,.0f}{one['built_s']:>9.2f}"
            )
        print()


if __name__ == "__main__":
    main()
