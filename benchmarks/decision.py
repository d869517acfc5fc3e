"""How long the semantic decision takes: in a process that holds the models, and in a command beside the engine.

    python benchmarks/decision.py [--entries 100000] [--rounds 3] [--json]

A store of made-up entries, and among them the questions of prompt_bank.py, each stored in its first wording. Asked are
the others: `Store.look_up` from the question to the decision, embedding, index, rules, evidence and verifier included,
the hit counted. Twice: all entries in the scope that is asked about, and a thousand scopes. Beside it, in turns, what
plain cosine would take: one embedding, and an exact search over the vectors of the scope. Report only.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.deciding import question_of
from benchmarks.prompt_bank import BANK
from benchmarks.store import BATCH, TEXT, made_up, values
from optafly_cli.cache.database import connect_to_write, transaction
from optafly_cli.cache.embedder import Embedder, embedder_identity
from optafly_cli.cache.engine.client import EngineClient
from optafly_cli.cache.maintenance import Maintenance
from optafly_cli.cache.spelling import embedded_form
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Evidence, Hit
from optafly_cli.cache.writing import put_entry
from optafly_cli.config.settings import CacheSettings
from optafly_cli.provider.result import Answer, Usage

ANSWER = Answer(TEXT, "m", "end_turn", Usage(900, 200), {"content": [{"type": "text", "text": TEXT}]}, "r")
ASKED = [wording for wordings in BANK.values() for wording in wordings[1:]]
FORGOTTEN = 64
"""As many questions between two rounds as vectors are kept."""


def fill(folder: Path, count: int, partitions: int) -> None:
    """Made-up entries in that many scopes, the bank's questions in the first of them, all of it indexed."""
    connection = connect_to_write(folder)
    scopes = [question_of("x", namespace=str(number)).scope for number in range(partitions)]
    same = {"embedder": embedder_identity()}
    for first in range(0, count, BATCH):
        vectors = made_up(min(BATCH, count - first), first)
        with transaction(connection):
            for at, vector in enumerate(vectors, first):
                put_entry(connection, values(at, scopes[at % partitions], vector) | same)
    connection.close()
    with Store.open(folder, CacheSettings(max_size_gb=100.0)) as store:
        for wordings in BANK.values():
            store.remember(question_of(wordings[0], namespace="0"), ANSWER, evidence=Evidence(), cost=None)
    with Maintenance.open(folder, CacheSettings()) as care:
        care.rebuild()


@contextmanager
def engine() -> Iterator[EngineClient]:
    """The service's engine in a process of its own, and one connection to it."""
    with tempfile.TemporaryDirectory(prefix="optafly-engine-") as home:
        runtime = Path(home, "run")
        runtime.mkdir(mode=0o700)
        process = subprocess.Popen(
            [sys.executable, "-m", "optafly_cli.service.engine"],
            cwd=Path(__file__).resolve().parents[1],
            env={**os.environ, "OPTAFLY_HOME": home},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise SystemExit("the engine did not start")
        with closing(EngineClient(runtime)) as client:
            yield client
        process.communicate()


def decisions(store: Store, rounds: int) -> tuple[list[float], Counter[str]]:
    """Milliseconds of each decision, and what came of them; no vector is remembered from the round before."""
    spent, came_of = [], Counter[str]()
    for _ in range(rounds):
        for number in range(FORGOTTEN):
            store.look_up(question_of(f"is there a place for word {number} in it?", namespace="0"))
        for wording in ASKED:
            question = question_of(wording, namespace="0")
            start = time.perf_counter()
            found = store.look_up(question)
            spent.append((time.perf_counter() - start) * 1000)
            came_of["hit" if isinstance(found, Hit) else found.reason.split(":")[0]] += 1
    return spent, came_of


def plain_cosine(embedder: Embedder, count: int, rounds: int) -> list[float]:
    """Milliseconds of an embedding and an exact search over that many vectors."""
    matrix, spent = made_up(count, 1), []
    for wording in ASKED * rounds:
        start = time.perf_counter()
        _ = int(np.argmax(matrix @ embedder.embed([embedded_form(wording)])[0]))
        spent.append((time.perf_counter() - start) * 1000)
    return spent


def measure(entries: int, partitions: int, rounds: int) -> list[dict[str, object]]:
    """The rows for one store."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="optafly-decision-") as name, engine() as beside:
        folder = Path(name, "store")
        fill(folder, entries, partitions)
        embedder = Embedder.load()
        for where, client in (("in the process", None), ("beside the engine", beside)):
            with Store.open(folder, CacheSettings(), load_embedder=lambda: embedder, engine=client) as store:
                spent, came_of = decisions(store, rounds)
            rows.append(_row(where, partitions, spent) | {"came of it": dict(came_of)})
        rows.append(_row("plain cosine", partitions, plain_cosine(embedder, entries // partitions, rounds)))
    return rows


def _row(where: str, partitions: int, spent: list[float]) -> dict[str, object]:
    cuts = statistics.quantiles(spent, n=20)
    return {"where": where, "scopes": partitions, "p50_ms": round(cuts[9], 2), "p95_ms": round(cuts[18], 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [row for partitions in (1, 1_000) for row in measure(options.entries, partitions, options.rounds)]
    if options.json:
        print(json.dumps({"benchmark": "decision", "entries": options.entries, "rows": rows}))
        return
    print(f"{options.entries:,} entries, {len(ASKED)} questions, {options.rounds} rounds\n")
    for row in rows:
        print(f"{row['where']:<18} {row['scopes']:>5} scopes  p50 {row['p50_ms']:>6} ms  p95 {row['p95_ms']:>6} ms")
        if "came of it" in row:
            print(f"{'':<18} {row['came of it']}")


if __name__ == "__main__":
    main()
