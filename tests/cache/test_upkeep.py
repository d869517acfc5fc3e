"""What a write makes due is done: a little at once, much by a process that nobody waits for."""

import os
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from optafly_cli.cache import upkeep
from optafly_cli.cache.database import connect_to_write, try_lock
from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.index.index import MAX_TAIL, SCAN_LIMIT, Index
from optafly_cli.cache.store import Store
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import Project, keep, scattered
from tests.cache.test_index import NAME, insert, unit


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    return connect_to_write(tmp_path / "store")


def fill(connection: sqlite3.Connection, count: int) -> None:
    rng = np.random.default_rng(count)
    insert(connection, b"large", unit(rng.standard_normal((count, 32), dtype=np.float32)), created=time.time())


def test_a_little_is_done_at_once(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """For who has faiss, the first segment past scanning is there when the write returns; so is the next one."""
    pytest.importorskip("faiss")
    index = Index(tmp_path / "store", NAME)
    fill(connection, SCAN_LIMIT)
    upkeep.after_a_write(connection, tmp_path / "store", CacheSettings(), index, b"large")
    assert not index.folder.exists()
    fill(connection, 1)
    upkeep.after_a_write(connection, tmp_path / "store", CacheSettings(), index, b"large")
    assert not index.is_behind(connection, b"large")
    fill(connection, MAX_TAIL + 1)
    assert index.is_behind(connection, b"large")
    upkeep.after_a_write(connection, tmp_path / "store", CacheSettings(), index, b"large")
    assert not index.is_behind(connection, b"large")


def test_much_is_done_by_another_process(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """The write returns at once; some time later the index is there, and sound."""
    index = Index(tmp_path / "store", NAME)
    fill(connection, upkeep.AT_ONCE + 1)
    upkeep.after_a_write(connection, tmp_path / "store", CacheSettings(), index, b"large")
    give_up = time.monotonic() + 60
    while index.is_behind(connection, b"large"):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert index.problems(connection) == []


def test_one_at_a_time(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """While one process is at it another does nothing."""
    fill(connection, 10)
    handle = os.open(tmp_path / "store" / upkeep.LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    assert try_lock(handle)
    assert not upkeep.run(tmp_path / "store", CacheSettings())
    os.close(handle)
    assert upkeep.run(tmp_path / "store", CacheSettings())


def test_a_store_that_is_too_large_is_pruned(project: Project, tmp_path: Path) -> None:
    """Some writes after the limit was passed the least worthy are gone, and the newest answers."""
    settings = CacheSettings(max_size_gb=0.0005)
    folder = tmp_path / "store"
    with Store.open(folder, settings, load_embedder=lambda: Embedder("s@1", 64, scattered)) as store:
        for number in range(96):
            keep(store, project.ask(f"question {number}"), "word " * 4_000)
        give_up = time.monotonic() + 60
        while len(store.entries(limit=100)) == 96:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        assert store.entries(limit=1)[0].prompt == "question 95"
