"""What the service takes: the memory of all its processes beside a store of 10,000 entries, after a semantic hit.

    python benchmarks/memory.py [--entries N] [--refine MIRROR] [--at-once] [--json]

A temporary store, service and repository as in latency.py; all entries are in the scope that is asked about, so that
the search index is open. PSS is what the kernel counts for each process (a page that several share is divided among
them): right after the hit, idle, and idle for so long that the child that stands by has gone (not with --at-once). The
engine's parts are measured by loading them one after another in a process of their own. Nothing else may run from the
same environment meanwhile: libraries would be shared with it. Report only: nothing here asserts a size.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.latency import ASK, REWORDED, bench_environment, run, wait_for_the_engine, workspace
from benchmarks.localisation import PROMPTS, repeated
from benchmarks.refining import wait_for_index
from benchmarks.store import made_up
from optafly_cli.cache.database import FILE, connect_to_write, transaction
from optafly_cli.cache.index.index import Index
from optafly_cli.cache.lookup import asked_digest
from optafly_cli.cache.scope import exact_key
from optafly_cli.cache.writing import put_entry
from tests.fakes.messages_api import MessagesApi

WANTED_MB = 150
FILES = 5_000
SETTLED_S, REST_S = 13, 125
"""After the last command: the engine gives memory back after 10 s, the child that stands by goes after 120 s."""
PARTS = """
import json, os
from contextlib import contextmanager
from pathlib import Path

def pss():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))

@contextmanager
def part(name, before=None):
    before = pss() if before is None else before
    yield
    print(json.dumps([name, pss() - before]))

with part("interpreter and modules", 0):
    import optafly_cli.service.engine.server
    from optafly_cli.cache.embedder import MODEL_FOLDER, RECORD as EMBEDDER, Embedder
    from optafly_cli.cache.verifier.cross_encoder import CrossEncoder
    from optafly_cli.cache.verifier.load import RECORD
    from optafly_cli.cache.vocabulary import pieces_of
with part("numpy"):
    import numpy
with part("onnxruntime"):
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime
with part("tokenizers, the vocabulary"):
    pieces_of(MODEL_FOLDER / EMBEDDER)
with part("embedding model"):
    embedder = Embedder.load()
    embedder.embed(["warm"])
with part("cross-encoder"):
    reader = CrossEncoder.load(RECORD)
    reader.logit("warm", "warm up")
with part("faiss"):
    import faiss

import time
from statistics import median
from optafly_cli.service.giving_back import give_back_files

def question():
    begun = time.process_time()
    embedder.embed(["explain this file"]); reader.logit("explain this file", "say what this file does")
    return (time.process_time() - begun) * 1000

times = [(give_back_files(), question(), question())[1:] for _ in range(21)]
print(json.dumps(["ms, first question after giving back", median(first for first, _ in times)]))
print(json.dumps(["ms, the next", median(later for _, later in times)]))
"""


def pss(pid: int) -> dict[str, float]:
    """MB of a process: Pss, and of it Pss_Anon and Pss_File."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}


def fill(home: Path, count: int) -> None:
    """Put copies of the one entry beside it, with other words and vectors, and index them."""
    (database,) = home.rglob(FILE)
    connection = connect_to_write(database.parent)
    connection.row_factory = sqlite3.Row
    entry: dict[str, Any] = dict(connection.execute("SELECT * FROM entry").fetchone())
    del entry["id"]
    with transaction(connection):
        for number, vector in enumerate(made_up(count - 1, 1)):
            words = f"question {number} about the parser and its errors"
            own = {
                "key": exact_key(entry["partition"], words),
                "asked": asked_digest(words),
                "vector": vector.tobytes(),
            }
            put_entry(connection, entry | own | {"instruction": words, "prompt": words})
    connection.row_factory = None
    if not Index(database.parent, entry["embedder"]).merge(connection, entry["partition"]):
        raise SystemExit("the index was not written")
    connection.close()


def refine_in(tree: Path, env: Mapping[str, str]) -> None:
    """Refine until the index of the tree is there, and once with it."""
    run(env, tree, "refine", PROMPTS[0], "--yes")
    wait_for_index(Path(env["OPTAFLY_HOME"]))
    run(env, tree, "refine", PROMPTS[0], "--yes")


def measured(service: int) -> dict[str, dict[str, float]]:
    """The service's processes by what they are, each as `pss`."""
    found = {"fork server": pss(service)}
    for word in Path(f"/proc/{service}/task/{service}/children").read_text().split():
        is_engine = b"engine" in Path(f"/proc/{word}/cmdline").read_bytes()
        found["engine" if is_engine else "child that stands by"] = pss(int(word))
    return found


def parts(env: Mapping[str, str]) -> dict[str, float]:
    """MB that each part of the engine adds, by order of loading."""
    done = subprocess.run([sys.executable, "-c", PARTS], env=dict(env), capture_output=True, text=True, check=True)
    return dict(json.loads(line) for line in done.stdout.splitlines())


def show(title: str, found: Mapping[str, Mapping[str, float]]) -> None:
    """A line for each process, and their sum."""
    print(f"\n{title:34}{'MB':>8}{'anonymous':>12}{'of files':>10}")
    for name, one in found.items():
        print(f"{name:34}{one['Pss']:8.1f}{one['Pss_Anon']:12.1f}{one['Pss_File']:10.1f}")
    print(f"{'all':34}{sum(one['Pss'] for one in found.values()):8.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--refine", type=Path, metavar="MIRROR", help="after a refine in its tree of 5,000 files, too")
    parser.add_argument("--at-once", action="store_true", help="do not wait until it rests")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="optafly-bench-") as folder, MessagesApi() as api:
        home = Path(folder) / "home"
        home.mkdir()
        env, cwd = bench_environment(home, api), workspace(Path(folder))
        run({**env, "OPTAFLY_SERVICE_ENABLED": "false"}, cwd, *ASK)
        fill(home, options.entries)
        run(env, cwd, "service", "start")
        try:
            wait_for_the_engine(env, cwd)
            api.requests.clear()
            run(env, cwd, *REWORDED)
            if api.messages:
                raise SystemExit("what should have been a hit sent a request")
            if options.refine is not None:
                refine_in(repeated(options.refine, Path(folder), FILES), env)
            service = json.loads(run(env, cwd, "service", "status", "--json").stdout)["pid"]
            # The next child has to have rehearsed
            time.sleep(3)
            found = {"after a hit": measured(service)}
            for title, wait_s in () if options.at_once else (("idle", SETTLED_S), ("idle for two minutes", REST_S)):
                time.sleep(wait_s)
                found[title] = measured(service)
        finally:
            run(env, cwd, "service", "stop")
        engine = parts(env)
    if options.json:
        print(json.dumps({"entries": options.entries, "processes": found, "engine": engine}))
        return
    print(f"PSS, {options.entries:,} entries; wanted: {WANTED_MB} MB")
    for title, one in found.items():
        show(title, one)
    print("\nThe engine, part by part in MB, and what a question takes of the processor")
    for name, size in engine.items():
        print(f"{name:38}{size:8.1f}")


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
