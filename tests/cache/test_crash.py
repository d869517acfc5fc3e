"""kill -9 at random instants: the store opens, every answer that was returned is there, the index is right again."""

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from optafly_cli.cache import schema
from optafly_cli.cache.database import FILE, connect_to_read, connect_to_write
from optafly_cli.cache.index.index import Index
from optafly_cli.cache.vectors import Wanted
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import maintained
from tests.cache.test_at_rest import open_to_others
from tests.cache.test_index import NAME, insert, near, near_by_hand, unit

ROOT = Path(__file__).parents[2]
TIMES = 30
"""Kills of each kind of work: 210 in all."""
IN_TIME = TIMES // 10
"""So many of them at least have to come before the work is done; spread over as long as it takes, most do."""
LARGE = 2_500
"""Entries of a scope that is indexed."""
CHILD = """
import os, sys, time
from pathlib import Path
os.umask(0)
sys.path.insert(0, sys.argv[1])
from optafly_cli.cache.database import connect_to_write
from optafly_cli.cache.index.index import Index
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import maintained
work, folder = sys.argv[2], Path(sys.argv[3])

def say(text):
    print(text, flush=True)

if work == "put":
    from optafly_cli.cache.embedder import Embedder
    from optafly_cli.cache.store import Store
    from optafly_cli.cache.types import Evidence, Question, Scope
    from tests.cache.support import answer, scattered
    store = Store.open(folder, CacheSettings(), load_embedder=lambda: Embedder("scattered@1", 64, scattered))
    say("ready")
    for number in range(100_000):
        text = f"prompt {number}"
        question = Question(text, text, text, Scope("/w", "d", "u", "m"), Evidence(), str, str)
        say(store.remember(question, answer(text), evidence=Evidence(), cost=0.5))
elif work == "merge":
    connection = connect_to_write(folder)
    index = Index(folder, "test/model@1")
    say("ready")
    while True:
        index.merge(connection, b"large", anew=True)
elif work == "import":
    lines = Path(sys.argv[4]).read_bytes().splitlines()
    store = maintained(folder)
    store._loaded.embedder
    say("ready")
    store.add(enumerate(lines, 1), refuse=lambda number, why: say(why))
    say("done")
elif work == "prune":
    store = maintained(folder, CacheSettings(max_size_gb=float(sys.argv[4])))
    say("ready")
    store.prune()
    say("done")
elif work in ("rebuild", "clear"):
    store = maintained(folder)
    import faiss
    say("ready")
    getattr(store, work)()
    say("done")
elif work == "migrate":
    say("ready")
    connect_to_write(folder)
    say("done")
"""


def killed(work: str, folder: Path, longest_s: float, rng: random.Random, *more: str) -> list[str]:
    """Let a child do that work and kill it, at most so long after it began; what it had said."""
    command = [sys.executable, "-c", CHILD, str(ROOT), work, str(folder), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, longest_s))
        child.send_signal(signal.SIGKILL)
        return child.stdout.read().splitlines()


def long_enough(work: str, folder: Path, *more: str) -> float:
    """Let a child do that work on a copy, to its end, twice: the seconds of the quicker one."""
    return min(_timed(work, folder, *more) for _ in range(2))


def _timed(work: str, folder: Path, *more: str) -> float:
    copy = folder.with_name("timed")
    if folder.exists():
        shutil.copytree(folder, copy)
    command = [sys.executable, "-c", CHILD, str(ROOT), work, str(copy), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        begun = time.monotonic()
        assert child.stdout.read().endswith("done\n")
        took = time.monotonic() - begun
    shutil.rmtree(copy)
    return took


def ids(folder: Path) -> set[int]:
    """The ids that are there."""
    connection = connect_to_read(folder)
    if connection is None:
        return set()
    with closing(connection):
        return {row[0] for row in connection.execute("SELECT id FROM entry")}


def assert_sound(folder: Path) -> None:
    """It opens, and nothing is wrong with it once a search had the chance to renew the index."""
    connection = connect_to_read(folder)
    assert connection is not None
    for (embedder,) in connection.execute("SELECT DISTINCT embedder FROM entry").fetchall():
        index = Index(folder, embedder)
        for partition in index.large_partitions(connection):
            wanted = Wanted(partition, embedder, 0.0, b"")
            rows = connection.execute("SELECT vector FROM entry WHERE partition = ? LIMIT 20", (partition,)).fetchall()
            for (blob,) in rows:
                vector = np.frombuffer(blob, np.float32)
                assert near(index.nearest(connection, wanted, vector, 64)) == near_by_hand(connection, wanted, vector)
    connection.close()
    with maintained(folder) as store:
        assert store.problems() == []
    # The children allow everything to everyone
    assert open_to_others(folder / "index") + open_to_others(folder / FILE) == []


def filled(folder: Path, count: int) -> sqlite3.Connection:
    connection = connect_to_write(folder)
    insert(connection, b"large", unit(np.random.default_rng(3).standard_normal((count, 32), dtype=np.float32)))
    return connection


@pytest.mark.slow
def test_puts(tmp_path: Path) -> None:
    """One store, written to and killed again and again: every id that was returned is an entry."""
    rng, returned = random.Random(1), 0
    for _ in range(TIMES):
        said = {int(number) for number in killed("put", tmp_path, 0.6, rng)}
        returned += len(said)
        assert said <= ids(tmp_path)
    assert returned > TIMES
    assert_sound(tmp_path)


@pytest.mark.slow
def test_merges(tmp_path: Path) -> None:
    """An index that is written anew without end, and killed: what stands is whole, and a search is exact."""
    filled(tmp_path, LARGE).close()
    rng = random.Random(2)
    for _ in range(TIMES):
        killed("merge", tmp_path, 0.1, rng)
        assert_sound(tmp_path)


@pytest.mark.slow
def test_imports(tmp_path: Path) -> None:
    """An import that was killed left whole entries only; run again it brings the rest."""
    lines = [json.loads(line) for line in _lines(tmp_path / "source")]
    made = [{**lines[0], "prompt": f"question {number}"} for number in range(3_000)]
    file = tmp_path / "lines.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in made))
    rng, in_time = random.Random(3), 0
    longest = long_enough("import", tmp_path / "none", str(file))
    for number in range(TIMES):
        folder = tmp_path / f"store{number}"
        in_time += "done" not in killed("import", folder, longest, rng, str(file))
        if (folder / FILE).exists():
            with maintained(folder) as store:
                assert store.problems() == []
                assert list(store.unreadable()) == []
    assert in_time >= IN_TIME
    for number in range(8):
        with maintained(tmp_path / f"store{number}") as store:
            total = store.add(enumerate(file.read_bytes().splitlines(), 1), refuse=lambda _, why: pytest.fail(why))
            assert (total.new + total.known, store.count()) == (3_000, 3_000)


@pytest.mark.slow
def test_prunes(tmp_path: Path) -> None:
    """Killed while it deletes and gives room back: what is left is whole, and pruning again comes to its end."""
    rng, in_time, longest = random.Random(4), 0, 0.0
    now = time.time()
    for number in range(TIMES):
        folder = tmp_path / f"store{number % 4}"
        connection = connect_to_write(folder)
        rows = unit(np.random.default_rng(number).standard_normal((600, 32), dtype=np.float32))
        insert(connection, b"part%d" % number, rows, created=now)
        newest = connection.execute("SELECT max(id) FROM entry").fetchone()[0]
        connection.execute("UPDATE entry SET cost = 1, last_used = ? WHERE id = ?", (now, newest))
        connection.close()
        longest = longest or long_enough("prune", folder, "0.0003")
        in_time += "done" not in killed("prune", folder, longest, rng, "0.0003")
        assert_sound(folder)
        assert newest in ids(folder)
    assert in_time >= IN_TIME
    with maintained(tmp_path / "store0", CacheSettings(max_size_gb=0.0003)) as store:
        store.prune()
        assert store.prune().evicted == 0


@pytest.mark.slow
def test_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older store, killed while it is brought up to date: it is of the one schema or the other, with all entries."""
    rng, in_time = random.Random(5), 0
    older = schema.MIGRATIONS[:2]
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", older)
        patched.setattr(schema, "LATEST", len(older))
        patched.setattr(schema.migrate, "__defaults__", (older,))
        filled(tmp_path / "older", 8_000).close()
    longest = long_enough("migrate", tmp_path / "older")
    for number in range(TIMES):
        folder = Path(shutil.copytree(tmp_path / "older", tmp_path / f"store{number}"))
        in_time += "done" not in killed("migrate", folder, longest, rng)
        with closing(sqlite3.connect(folder / FILE)) as connection:
            assert schema.version_of(connection) in {len(older), schema.LATEST}
        assert_sound(folder)
        with maintained(folder) as store:
            assert store.count() == 8_000
    assert in_time >= IN_TIME


@pytest.mark.slow
def test_rebuilds(tmp_path: Path) -> None:
    """An index of several scopes, killed while it is written anew: of each the old one or the new one stands."""
    connection = filled(tmp_path / "store", LARGE)
    for part in (b"second", b"third"):
        rows = unit(np.random.default_rng(4).standard_normal((LARGE, 32), dtype=np.float32))
        insert(connection, part, rows)
    assert Index(tmp_path / "store", NAME).rebuild(connection)
    connection.close()
    rng, in_time = random.Random(6), 0
    longest = long_enough("rebuild", tmp_path / "store")
    for _ in range(TIMES):
        in_time += "done" not in killed("rebuild", tmp_path / "store", longest, rng)
        assert_sound(tmp_path / "store")
    assert in_time >= IN_TIME
    with maintained(tmp_path / "store") as store:
        assert store.rebuild()
    assert not [path for path in (tmp_path / "store").rglob("*") if ".new" in path.name]
    assert len([*(tmp_path / "store").rglob("*.faiss")]) == 3


@pytest.mark.slow
def test_clears(tmp_path: Path) -> None:
    """Killed while everything is deleted: all of it is there or none, and what was taught stays."""
    connection = filled(tmp_path / "full", LARGE)
    assert Index(tmp_path / "full", NAME).rebuild(connection)
    connection.execute("INSERT INTO apart VALUES (x'01', 1)")
    connection.close()
    rng, in_time, counts = random.Random(7), 0, set()
    longest = long_enough("clear", tmp_path / "full")
    for number in range(TIMES):
        folder = Path(shutil.copytree(tmp_path / "full", tmp_path / f"store{number}"))
        in_time += "done" not in killed("clear", folder, longest, rng)
        assert_sound(folder)
        with maintained(folder) as store:
            counts.add(store.count())
            assert store._writer().execute("SELECT count(*) FROM apart").fetchone() == (1,)
            store.clear()
            assert (store.count(), store.problems()) == (0, [])
    assert in_time >= IN_TIME
    assert counts <= {0, LARGE}


def _lines(folder: Path) -> list[str]:
    """The line of one entry."""
    from optafly_cli.cache.embedder import Embedder
    from optafly_cli.cache.store import Store
    from optafly_cli.cache.types import Evidence, Question, Scope
    from tests.cache.support import answer, scattered

    with Store.open(folder, CacheSettings(), load_embedder=lambda: Embedder("s@1", 64, scattered)) as store:
        question = Question("x", "x", "x", Scope("/w", "d", "u", "m"), Evidence(), str, str)
        store.remember(question, answer(), evidence=Evidence(), cost=None)
    with maintained(folder) as care:
        return list(care.lines(lambda _, why: pytest.fail(why)))


def test_the_work_of_the_children_is_named_right() -> None:
    """The children know the embedder that the tests fill stores with."""
    assert f'"{NAME}"' in CHILD
