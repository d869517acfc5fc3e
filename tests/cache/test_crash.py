"""kill -9 at random instants: the store opens, every answer that was returned is there, the index is right again."""

import json
import random
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
from tests.cache.test_index import NAME, by_hand, insert, unit

ROOT = Path(__file__).parents[2]
TIMES = 40
"""Kills of each kind of work: 200 in all."""
CHILD = """
import sys, time
from pathlib import Path
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
    say("ready")
    store.add(enumerate(lines, 1), refuse=lambda number, why: say(why))
elif work == "prune":
    store = maintained(folder, CacheSettings(max_size_gb=float(sys.argv[4])))
    say("ready")
    store.prune()
elif work == "migrate":
    say("ready")
    connect_to_write(folder)
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
            size = connection.execute("SELECT length(vector) / 4 FROM entry LIMIT 1").fetchone()[0]
            vector = unit(np.random.default_rng(1).standard_normal((1, size), dtype=np.float32))[0]
            found = index.nearest(connection, wanted, vector, 10)
            assert [candidate.id for candidate in found] == by_hand(connection, wanted, vector, 10)
    connection.close()
    with maintained(folder) as store:
        assert store.problems() == []


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
    filled(tmp_path, 2_500).close()
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
    rng = random.Random(3)
    for number in range(TIMES):
        folder = tmp_path / f"store{number % 8}"
        killed("import", folder, 1.2, rng, str(file))
        if (folder / FILE).exists():
            with maintained(folder) as store:
                assert store.problems() == []
                assert list(store.unreadable()) == []
    for number in range(8):
        with maintained(tmp_path / f"store{number}") as store:
            total = store.add(enumerate(file.read_bytes().splitlines(), 1), refuse=lambda _, why: pytest.fail(why))
            assert (total.new + total.known, store.count()) == (3_000, 3_000)


@pytest.mark.slow
def test_prunes(tmp_path: Path) -> None:
    """Killed while it deletes and gives room back: what is left is whole, and pruning again comes to its end."""
    rng = random.Random(4)
    now = time.time()
    for number in range(TIMES):
        folder = tmp_path / f"store{number % 4}"
        connection = connect_to_write(folder)
        rows = unit(np.random.default_rng(number).standard_normal((600, 32), dtype=np.float32))
        insert(connection, b"part%d" % number, rows, created=now)
        newest = connection.execute("SELECT max(id) FROM entry").fetchone()[0]
        connection.execute("UPDATE entry SET cost = 1, last_used = ? WHERE id = ?", (now, newest))
        connection.close()
        killed("prune", folder, 0.05, rng, "0.0003")
        assert_sound(folder)
        assert newest in ids(folder)
    with maintained(tmp_path / "store0", CacheSettings(max_size_gb=0.0003)) as store:
        store.prune()
        assert store.prune().evicted == 0


@pytest.mark.slow
def test_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older store, killed while it is brought up to date: it is of the one schema or the other, with all entries."""
    rng = random.Random(5)
    older = schema.MIGRATIONS[:2]
    for number in range(TIMES):
        folder = tmp_path / f"store{number}"
        with monkeypatch.context() as patched:
            patched.setattr(schema, "MIGRATIONS", older)
            patched.setattr(schema, "LATEST", len(older))
            patched.setattr(schema.migrate, "__defaults__", (older,))
            filled(folder, 400).close()
        killed("migrate", folder, 0.02, rng)
        with closing(sqlite3.connect(folder / FILE)) as connection:
            assert schema.version_of(connection) in {len(older), schema.LATEST}
        assert_sound(folder)
        with maintained(folder) as store:
            assert store.count() == 400


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
