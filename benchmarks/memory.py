"""What the service takes: the memory of all its processes beside a store of 10,000 entries, after a semantic hit.

    python benchmarks/memory.py [--entries N] [--json]

A temporary store, service and repository as in latency.py; the entries are all in the scope that is asked about, so that
the search index is open. PSS is what the kernel counts for each process (a page that several share is divided among
them); each row is a process, and the engine's parts are measured by loading them one after another in a process of
their own. Report only: nothing here asserts a size.
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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.latency import ASK, REWORDED, bench_environment, run, wait_for_the_engine, workspace
from benchmarks.store import made_up
from optafly_cli.cache.database import FILE, connect_to_write, transaction
from optafly_cli.cache.index.index import Index
from optafly_cli.cache.writing import put_entry
from tests.fakes.messages_api import MessagesApi

WANTED_MB = 150
PARTS = """
import os, sys
sys.path.insert(0, os.getcwd())
from benchmarks.memory import part

with part("interpreter, optafly's modules"):
    import optafly_cli.service.engine.server
    from optafly_cli.cache.embedder import Embedder, MODEL_FOLDER, RECORD as EMBEDDER
    from optafly_cli.cache.onnx_model import checked, session
    from optafly_cli.cache.vocabulary import pieces_of
    from optafly_cli.cache.verifier.cross_encoder import CrossEncoder
    from optafly_cli.cache.verifier.load import RECORD
with part("numpy"):
    import numpy
with part("onnxruntime"):
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime
with part("tokenizers, the vocabulary"):
    pieces_of(MODEL_FOLDER / EMBEDDER)
with part("embedding model"):
    embedder = Embedder.load()
with part("cross-encoder"):
    reader = CrossEncoder.load(RECORD)
with part("their first use"):
    embedder.embed(["warm"]); reader.logit("warm", "warm up")
with part("faiss"):
    import faiss
"""


class part:  # noqa: N801 (reads as a function)
    """Says on stdout by how much the memory of this process has grown meanwhile."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.before = 0.0 if "numpy" not in sys.modules else pss("self")["Pss"]

    def __exit__(self, *_: object) -> None:
        print(json.dumps([self.name, pss("self")["Pss"] - self.before]))


def pss(pid: int | str) -> dict[str, float]:
    """MB of a process: Pss, and of it Pss_Anon and Pss_File."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}


def fill(home: Path, count: int) -> None:
    """Put copies of the one entry beside it, with other words and vectors, and index them."""
    (database,) = home.rglob(FILE)
    connection = connect_to_write(database.parent)
    connection.row_factory = sqlite3.Row
    entry = dict(connection.execute("SELECT * FROM entry").fetchone())
    del entry["id"]
    with transaction(connection):
        for number, vector in enumerate(made_up(count - 1, 1)):
            words = f"question {number} about the parser and its errors"
            own = {name: number.to_bytes(32, "big") for name in ("key", "asked") if isinstance(entry[name], bytes)}
            own |= {name: f"{number:064x}" for name in ("key", "asked") if isinstance(entry[name], str)}
            put_entry(connection, entry | own | {"instruction": words, "prompt": words, "vector": vector.tobytes()})
    connection.row_factory = None
    if not Index(database.parent, entry["embedder"]).merge(connection, entry["partition"]):
        raise SystemExit("the index was not written")
    connection.close()


def processes(service: int) -> dict[str, int]:
    """The service's processes by what they are."""
    found = {"fork server": service}
    for word in Path(f"/proc/{service}/task/{service}/children").read_text().split():
        is_engine = b"engine" in Path(f"/proc/{word}/cmdline").read_bytes()
        found["engine" if is_engine else "child that stands by"] = int(word)
    return found


def parts(env: Mapping[str, str]) -> dict[str, float]:
    """MB that each part of the engine adds, by order of loading."""
    done = subprocess.run([sys.executable, "-c", PARTS], env=dict(env), capture_output=True, text=True, check=True)
    return dict(json.loads(line) for line in done.stdout.splitlines())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--entries", type=int, default=10_000)
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
            for words in (REWORDED, (REWORDED[0], f"{REWORDED[1]}, please", *REWORDED[2:])):
                run(env, cwd, *words)
            if api.messages:
                raise SystemExit("what should have been a hit sent a request")
            # The next child has to have rehearsed
            time.sleep(2)
            service = json.loads(run(env, cwd, "service", "status", "--json").stdout)["pid"]
            time.sleep(2)
            found = {name: pss(pid) for name, pid in processes(service).items()}
        finally:
            run(env, cwd, "service", "stop")
        engine = parts(env)
    total = sum(one["Pss"] for one in found.values())
    if options.json:
        print(json.dumps({"entries": options.entries, "total": total, "processes": found, "engine": engine}))
        return
    print(f"PSS in MB, {options.entries:,} entries, after a semantic hit\n")
    for name, one in found.items():
        print(f"{name:34}{one['Pss']:8.1f}   of it files {one['Pss_File']:.1f}")
    print(f"{'all':34}{total:8.1f}   wanted {WANTED_MB}\n\nThe engine, part by part, before it gives anything back\n")
    for name, size in engine.items():
        print(f"{name:34}{size:8.1f}")


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
