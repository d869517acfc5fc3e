"""What runs beside the commands on a full disk: opening, bringing up to date, upkeep, sending to the shared store."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from optafly_cli.cache import schema
from optafly_cli.cache.database import FILE, connect_to_write
from optafly_cli.cache.index.index import Index
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import StoreError
from tests.cache.support import answer, maintained
from tests.cache.test_damage import opened, question
from tests.cache.test_index import NAME, clustered, insert, unit
from tests.disks import Disk, small_disk

LARGE = 3_000
"""Entries of a scope whose index needs more room than is left."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", "16m") as made:
        yield made


@pytest.fixture
def folder(disk: Disk) -> Path:
    """A store with one entry."""
    with opened(disk.path / "store") as store:
        keep(store, 1)
    return disk.path / "store"


def keep(store: Store, number: int) -> int:
    return store.remember(question(number), answer(), evidence=question(number).named, cost=None)


def older(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of the schema before, with some entries."""
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        patched.setattr(schema, "LATEST", 2)
        patched.setattr(schema.migrate, "__defaults__", (schema.MIGRATIONS[:2],))
        connection = connect_to_write(folder)
        insert(connection, b"p", unit(np.random.default_rng(1).standard_normal((300, 32), dtype=np.float32)))
        connection.close()


@pytest.mark.parametrize("left", [0, 4_096, 40_960])
def test_an_older_store_is_brought_up_to_date_when_there_is_room(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """Until then one sentence says what is wrong, by the true cause; the entries are all there."""
    folder = disk.path / "store"
    older(folder, monkeypatch)
    before = (folder / FILE).read_bytes()
    disk.fill(left)
    for use in (lambda store: store.entries(), lambda store: keep(store, 1)):
        with opened(folder) as store, pytest.raises(StoreError, match="no room is left") as refused:
            use(store)
        assert refused.value.code == "store_full"
    assert (folder / FILE).read_bytes() == before
    disk.make_room()
    with maintained(folder) as care:
        assert (care.count(), care.problems()) == (300, [])


def test_the_first_answer_of_all(disk: Disk) -> None:
    """No store can be made: it is said so, and what was begun is cleared away by the next one."""
    disk.fill(8_192)
    with opened(disk.path / "store") as store:
        with pytest.raises(StoreError, match="no room is left"):
            keep(store, 1)
        disk.make_room()
        keep(store, 1)
    assert not [path for path in disk.path.rglob("*") if ".new" in path.name]


@pytest.mark.parametrize("left", [0, 4_096, 16_384, 65_536])
def test_puts_until_there_is_no_room(disk: Disk, folder: Path, left: int) -> None:
    """However little is left: an answer is kept whole or refused, and what was returned is there."""
    disk.fill(left)
    kept = [1]
    with opened(folder) as store:
        for number in range(2, 40):
            try:
                keep(store, number)
                kept.append(number)
            except StoreError as error:
                assert error.code == "store_full"
        assert isinstance(store.look_up(question(kept[-1])), Hit)
    disk.make_room()
    with opened(folder) as store:
        assert all(isinstance(store.look_up(question(number)), Hit) for number in kept)
        assert len(store.entries(limit=100)) == len(kept)
        keep(store, 99)
    with maintained(folder) as care:
        assert care.problems() == []


def upkeep(folder: Path, settings: CacheSettings) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "optafly_cli.cache.upkeep", str(folder)]
    return subprocess.run(command, input=json.dumps(asdict(settings)), capture_output=True, text=True, timeout=60)


def test_upkeep_without_room_is_quiet_and_leaves_no_more_than_it_found(disk: Disk) -> None:
    """No traceback, no half segment; with room the same call does its work."""
    folder = disk.path / "store"
    connection = connect_to_write(folder)
    insert(connection, b"large", clustered(np.random.default_rng(1), LARGE))
    connection.close()
    disk.fill(100_000)
    settings = CacheSettings(max_size_gb=10.0, ttl_days=10_000_000)
    for _ in range(2):
        done = upkeep(folder, settings)
        assert (done.stdout, done.stderr) == ("", "")
    assert [path.name for path in (folder / "index").rglob("*") if path.is_file()] == ["lock"]
    disk.make_room()
    assert upkeep(folder, settings).returncode == 0
    connection = connect_to_write(folder)
    assert not Index(folder, NAME).is_behind(connection, b"large")
    connection.close()


def test_what_is_indexed_already_is_searched_while_nothing_can_be_written(disk: Disk) -> None:
    """An index that is damaged on a full disk: the search is exact, and each try gives back the room it took."""
    from optafly_cli.cache.vectors import Wanted
    from tests.cache.test_index import by_hand

    folder = disk.path / "store"
    connection = connect_to_write(folder)
    rows = clustered(np.random.default_rng(1), LARGE)
    insert(connection, b"large", rows)
    index = Index(folder, NAME)
    assert index.rebuild(connection)
    (index.place(b"large") / "current.json").write_text("{")
    disk.fill(100_000)
    wanted = Wanted(b"large", NAME, 0.0, b"")
    for vector in rows[:3]:
        found = Index(folder, NAME).nearest(connection, wanted, vector, 5)
        assert [candidate.id for candidate in found] == by_hand(connection, wanted, vector, 5)
    assert not [*index.place(b"large").glob("*.new")]
    connection.close()
