"""The search inside a partition equals exact search, and an index that is lost or wrong is made anew from the truth."""

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from optafly_cli import durable
from optafly_cli.cache.database import connect_to_write, transaction, try_lock
from optafly_cli.cache.index import manifest as manifests
from optafly_cli.cache.index.index import MAX_TAIL, SCAN_LIMIT, Index
from optafly_cli.cache.vectors import Candidate, Wanted

Rows = npt.NDArray[np.float32]
NAME = "test/model@1"
PARTS = {b"large": 3_000, b"small": 120, b"other": SCAN_LIMIT}
DIMENSION = 384


def unit(rows: Rows) -> Rows:
    lengths: Rows = np.linalg.norm(rows, axis=-1, keepdims=True).astype(np.float32)
    return (rows / lengths).astype(np.float32)


def clustered(rng: np.random.Generator, count: int) -> Rows:
    """Vectors of which about twelve at a time are near each other (cosine 0.96), as rewordings are."""
    centres = unit(rng.standard_normal((count // 12, DIMENSION), dtype=np.float32))
    return moved(rng, centres[rng.integers(0, len(centres), count)])


def moved(rng: np.random.Generator, rows: Rows) -> Rows:
    """The vectors, each moved a little."""
    noise = rng.standard_normal(rows.shape, dtype=np.float32) / np.sqrt(DIMENSION, dtype=np.float32)
    return unit(rows + np.float32(0.2) * noise)


def insert(connection: sqlite3.Connection, partition: bytes, vectors: Rows, created: float = 100.0) -> None:
    start = connection.execute("SELECT coalesce(max(id), 0) FROM entry").fetchone()[0]
    rows = [
        (
            b"%d" % (start + at),
            partition,
            b"e",
            b"",
            created,
            0.0,
            "m",
            NAME,
            vector.tobytes(),
            "i",
            "{}",
            "p",
            "{}",
            "{}",
        )
        for at, vector in enumerate(vectors)
    ]
    with transaction(connection):
        connection.executemany(
            "INSERT INTO entry (key, partition, evidence_key, asked, created, last_used, model, embedder, vector,"
            " instruction, evidence, prompt, scope, answer) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            rows,
        )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def store(tmp_path: Path, rng: np.random.Generator) -> Iterator[sqlite3.Connection]:
    """Three partitions whose rows are mixed; the same vectors stand in all of them, so a filter afterwards fails."""
    connection = connect_to_write(tmp_path)
    base = clustered(rng, max(PARTS.values()))
    for start in range(0, max(PARTS.values()), 100):
        for partition, size in PARTS.items():
            insert(connection, partition, base[start : min(start + 100, size)])
    yield connection
    connection.close()


def wanted(partition: bytes, since: float = 0.0, but: bytes = b"") -> Wanted:
    return Wanted(partition, NAME, since, but)


def by_hand(connection: sqlite3.Connection, asked: Wanted, vector: Rows, limit: int) -> list[int]:
    """The ids of the nearest, by looking at every row."""
    rows = connection.execute(
        "SELECT id, vector FROM entry WHERE partition = ? AND created > ? AND key <> ?",
        (asked.partition, asked.since, asked.but),
    ).fetchall()
    scored = [(-float(np.frombuffer(blob, np.float32) @ vector), -number) for number, blob in rows]
    return [-number for _, number in sorted(scored)[:limit]]


def near(found: list[Candidate]) -> list[int]:
    """The ids of those that may answer."""
    return [candidate.id for candidate in found if candidate.similarity >= 0.85]


def near_by_hand(connection: sqlite3.Connection, asked: Wanted, vector: Rows) -> list[int]:
    """The same, by looking at every row."""
    vectors = dict(connection.execute("SELECT id, vector FROM entry"))
    ids = by_hand(connection, asked, vector, 64)
    return [number for number in ids if np.frombuffer(vectors[number], np.float32) @ vector >= 0.85]


@pytest.mark.parametrize("partition", PARTS)
def test_search_finds_what_exact_search_finds(
    store: sqlite3.Connection, tmp_path: Path, rng: np.random.Generator, partition: bytes
) -> None:
    """For scanned and for indexed partitions, near questions find what looking at every row finds, in that order."""
    index = Index(tmp_path, NAME)
    rows = store.execute("SELECT vector FROM entry WHERE partition = ? LIMIT 40", (partition,)).fetchall()
    for vector in moved(rng, np.stack([np.frombuffer(row[0], np.float32) for row in rows])):
        found = index.nearest(store, wanted(partition), vector, 64)
        assert near(found) == near_by_hand(store, wanted(partition), vector)
        assert len(found) == 64
        assert found[0].similarity == pytest.approx(
            float(np.frombuffer(_vector(store, found[0].id), np.float32) @ vector), abs=1e-6
        )
    assert index.place(partition).exists() == (partition == b"large")


@pytest.mark.parametrize("partition", [b"small", b"other"])
def test_a_scan_is_exact_for_far_questions_too(
    store: sqlite3.Connection, tmp_path: Path, rng: np.random.Generator, partition: bytes
) -> None:
    """A partition without an index gives the nearest whatever is asked."""
    for vector in unit(rng.standard_normal((20, DIMENSION), dtype=np.float32)):
        found = Index(tmp_path, NAME).nearest(store, wanted(partition), vector, 10)
        assert [candidate.id for candidate in found] == by_hand(store, wanted(partition), vector, 10)


def test_entries_after_the_index_are_found(store: sqlite3.Connection, tmp_path: Path, rng: np.random.Generator) -> None:
    """Entries stored after the index was written are found without writing it again."""
    index = Index(tmp_path, NAME)
    assert index.rebuild(store)
    written = _manifest(index)
    vector = unit(rng.standard_normal((1, DIMENSION), dtype=np.float32))
    insert(store, b"large", vector)
    found = index.nearest(store, wanted(b"large"), vector[0], 3)
    assert found[0].similarity == pytest.approx(1.0, abs=1e-6)
    assert _manifest(index) == written
    assert index.notices == []


def test_deleted_expired_and_excluded_entries_vanish_at_once(store: sqlite3.Connection, tmp_path: Path) -> None:
    """An entry that was deleted, is too old, or has the key that is left out, is no candidate, index or not."""
    index = Index(tmp_path, NAME)
    assert index.rebuild(store)
    rows = store.execute("SELECT id, key, vector FROM entry WHERE partition = ? LIMIT 3", (b"large",))
    (gone, _, first), (old, _, second), (_, key, third) = rows.fetchall()
    store.execute("DELETE FROM entry WHERE id = ?", (gone,))
    store.execute("UPDATE entry SET created = 1 WHERE id = ?", (old,))
    for blob in (first, second, third):
        asked = wanted(b"large", since=50.0, but=key)
        vector = np.frombuffer(blob, np.float32)
        found = index.nearest(store, asked, vector, 64)
        assert near(found) == near_by_hand(store, asked, vector)
        assert found[0].similarity < 0.99
    assert index.notices == []


def _remove_all(index: Index) -> None:
    for path in index.place(b"large").iterdir():
        path.unlink()


def _remove_vectors(index: Index) -> None:
    next(index.place(b"large").glob("*.faiss")).unlink()


def _truncate(index: Index) -> None:
    path = next(index.place(b"large").glob("*.faiss"))
    path.write_bytes(path.read_bytes()[:1000])


def _scramble(index: Index) -> None:
    path = next(index.place(b"large").glob("*.faiss"))
    content = bytearray(path.read_bytes())
    content[200:] = (
        np.random.default_rng(1)
        .standard_normal((len(content) - 200) // 4 + 1, dtype=np.float32)
        .tobytes()[: len(content) - 200]
    )
    path.write_bytes(bytes(content))


def _wrong_ids(index: Index) -> None:
    path = next(index.place(b"large").glob("*.ids"))
    path.write_bytes(np.zeros(path.stat().st_size // 8, dtype=np.int64).tobytes())


def _no_manifest(index: Index) -> None:
    (index.place(b"large") / "current.json").write_text("{")


def _of_another_store(index: Index) -> None:
    path = index.place(b"large") / "current.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "store": "another"}))


HARMS = [_remove_all, _remove_vectors, _truncate, _scramble, _wrong_ids, _no_manifest, _of_another_store]


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_a_harmed_index_is_made_anew(store: sqlite3.Connection, tmp_path: Path, harm: Callable[[Index], None]) -> None:
    """Whatever happened to the files: the search is exact, the index is whole again, and one notice says so."""
    index = Index(tmp_path, NAME)
    assert index.rebuild(store)
    assert index.problems(store) == []
    harm(index)
    vector = np.frombuffer(_vector(store, 1), np.float32)
    found = index.nearest(store, wanted(b"large"), vector, 64)
    assert near(found) == near_by_hand(store, wanted(b"large"), vector)
    assert len(index.notices) == 1
    assert "rebuilt" in index.notices[0]
    assert index.problems(store) == []
    assert sum(path.suffix == ".faiss" for path in index.place(b"large").iterdir()) == 1


def _garbage(manifest: dict[str, Any]) -> Iterator[bytes]:
    """Manifests that are none, each field of a real one with each kind of value among them."""
    yield from (b"", b"7", b'"x"', b"null", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"format": 2}', b"NaN")
    values: tuple[object, ...] = (None, -1, "x", [], 1e300, 2**70)
    for value in values:
        for name in manifest:
            yield json.dumps({**manifest, name: value}).encode()
        for name in manifest["segments"][0]:
            yield json.dumps({**manifest, "segments": [{**manifest["segments"][0], name: value}]}).encode()


def test_any_manifest_is_searched_exactly(store: sqlite3.Connection, tmp_path: Path) -> None:
    """Whatever stands in it: the search is exact, with one notice at most and none the next time; so is every check."""
    index = Index(tmp_path, NAME)
    assert index.rebuild(store)
    place = index.place(b"large")
    good = {path.name: path.read_bytes() for path in place.iterdir()}
    vector = np.frombuffer(_vector(store, 1), np.float32)
    expected = near_by_hand(store, wanted(b"large"), vector)
    for content in _garbage(json.loads(good["current.json"])):
        for path in place.iterdir():
            path.unlink()
        for name, data in good.items():
            (place / name).write_bytes(data)
        (place / "current.json").write_bytes(content)
        fresh, again = Index(tmp_path, NAME), Index(tmp_path, NAME)
        fresh.is_behind(store, b"large")
        fresh.to_write(store, b"large")
        fresh.problems(store)
        for one in (fresh, again):
            assert near(one.nearest(store, wanted(b"large"), vector, 64)) == expected, content[:99]
        assert len(fresh.notices) <= 1
        assert again.notices == []


@pytest.mark.parametrize("seed", [*range(10), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 200))])
def test_a_file_of_an_index_cut_or_changed_anywhere(store: sqlite3.Connection, tmp_path: Path, seed: int) -> None:
    """A cut or a lost file is noticed once and made good; a changed bit costs at most a candidate, never an error."""
    rng = random.Random(seed)
    index = Index(tmp_path, NAME)
    assert index.rebuild(store)
    path = rng.choice(sorted(path for path in index.place(b"large").iterdir() if path.name != "lock"))
    content = bytearray(path.read_bytes())
    how = rng.choice(["cut", "bits", "gone"])
    if how == "gone":
        path.unlink()
    else:
        if how == "cut":
            del content[rng.randrange(len(content)) :]
        for _ in range(rng.choice([1, 40]) if how == "bits" else 0):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(content))
    vector = np.frombuffer(_vector(store, rng.randrange(1, 100)), np.float32)
    expected = near_by_hand(store, wanted(b"large"), vector)
    fresh, again = Index(tmp_path, NAME), Index(tmp_path, NAME)
    found = near(fresh.nearest(store, wanted(b"large"), vector, 64))
    if how == "bits":
        # A digest of 64 blocks does not see every bit, and 40 may lie in the codes of as many entries
        assert len(set(found) & set(expected)) >= len(expected) - 2
    else:
        assert (found, len(fresh.notices)) == (expected, 1)
    again.nearest(store, wanted(b"large"), vector, 10)
    assert again.notices == []


def test_changed_bytes_are_reported(store: sqlite3.Connection, tmp_path: Path) -> None:
    """`problems` compares digests: a single changed byte is found."""
    index = Index(tmp_path, NAME)
    assert index.rebuild(store)
    path = next(index.place(b"large").glob("*.faiss"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    assert len(index.problems(store)) == 1


def test_while_another_process_rebuilds_the_rows_are_scanned(store: sqlite3.Connection, tmp_path: Path) -> None:
    """When someone else holds the lock, nothing is waited for: the search reads SQLite and is exact."""
    index = Index(tmp_path, NAME)
    assert index.rebuild(store)
    _truncate(index)
    with (index.place(b"large") / "lock").open("rb") as holder:
        assert try_lock(holder.fileno())
        vector = np.frombuffer(_vector(store, 1), np.float32)
        found = index.nearest(store, wanted(b"large"), vector, 64)
        assert near(found) == near_by_hand(store, wanted(b"large"), vector)
        assert index.notices == []
        assert not index.rebuild(store)


def test_a_death_while_writing_leaves_the_old_index(
    store: sqlite3.Connection, tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild that dies before the manifest is renamed changes nothing for who searches."""
    index = Index(tmp_path, NAME)
    assert index.rebuild(store)
    before = _manifest(index)
    insert(store, b"large", unit(rng.standard_normal((5, DIMENSION), dtype=np.float32)))

    def die(path: Path, content: bytes) -> None:
        if path.suffix == ".json":
            raise OSError(28, "No space left on device")
        durable.replace(path, content)

    monkeypatch.setattr(manifests, "replace", die)
    assert not index.merge(store, b"large", anew=True)
    with pytest.raises(OSError, match="No space"):
        index.rebuild(store)
    assert sorted(path.name for path in index.place(b"large").iterdir()) == ["1.faiss", "1.ids", "current.json", "lock"]
    assert _manifest(index) == before
    vector = np.frombuffer(_vector(store, 1), np.float32)
    found = index.nearest(store, wanted(b"large"), vector, 64)
    assert near(found) == near_by_hand(store, wanted(b"large"), vector)
    assert index.notices == []
    monkeypatch.undo()
    assert index.rebuild(store)
    assert sum(path.suffix == ".faiss" for path in index.place(b"large").iterdir()) == 1


def test_a_rebuild_pays_only_for_large_partitions_with_a_long_tail(
    store: sqlite3.Connection, tmp_path: Path, rng: np.random.Generator
) -> None:
    """The index is behind when a partition is past scanning and over MAX_TAIL entries came after it."""
    index = Index(tmp_path, NAME)
    assert not index.is_behind(store, b"small")
    assert index.is_behind(store, b"large")
    assert index.rebuild(store)
    insert(store, b"large", unit(rng.standard_normal((MAX_TAIL, DIMENSION), dtype=np.float32)))
    assert not index.is_behind(store, b"large")
    insert(store, b"large", unit(rng.standard_normal((1, DIMENSION), dtype=np.float32)))
    assert index.is_behind(store, b"large")


def test_segments_grow_with_what_they_hold(store: sqlite3.Connection, tmp_path: Path, rng: np.random.Generator) -> None:
    """New entries get small segments of their own; one that is not several times as large is merged with them."""
    index = Index(tmp_path, NAME)
    assert index.rebuild(store)
    sizes = []
    for _ in range(5):
        insert(store, b"large", unit(rng.standard_normal((600, DIMENSION), dtype=np.float32)))
        assert index.merge(store, b"large")
        sizes.append([segment["count"] for segment in _manifest(index)["segments"]])
        assert index.problems(store) == []
    assert sizes == [[3000, 600], [4200], [4200, 600], [4200, 1200], [6000]]
    assert not index.merge(store, b"large")
    vector = np.frombuffer(_vector(store, 1), np.float32)
    found = index.nearest(store, wanted(b"large"), vector, 64)
    assert near(found) == near_by_hand(store, wanted(b"large"), vector)


def test_when_many_are_gone_more_are_asked_for(store: sqlite3.Connection, tmp_path: Path) -> None:
    """A segment that proposes mostly deleted entries is asked for more, up to all that is left."""
    index = Index(tmp_path, NAME)
    assert index.rebuild(store)
    vector = np.frombuffer(_vector(store, 1), np.float32)
    ids = by_hand(store, wanted(b"large"), vector, PARTS[b"large"])
    store.executemany("DELETE FROM entry WHERE id = ?", [(number,) for number in ids[:2_200]])
    found = index.nearest(store, wanted(b"large"), vector, 200)
    assert [candidate.id for candidate in found] == ids[2_200:2_400]
    assert index.notices == []


def test_damaged_codes_are_noticed(tmp_path: Path, rng: np.random.Generator) -> None:
    """A file of the same size with other content is noticed when it is opened, and made anew."""
    connection = connect_to_write(tmp_path)
    base = unit(rng.standard_normal((4_000, 384), dtype=np.float32))
    insert(connection, b"large", base)
    index = Index(tmp_path, NAME)
    assert index.rebuild(connection)
    path = next(index.place(b"large").glob("*.faiss"))
    content = path.read_bytes()
    path.write_bytes(content[:500] + content[600:] + content[500:600])
    found = index.nearest(connection, wanted(b"large"), base[7], 8)
    assert found[0].id == 8
    assert len(index.notices) == 1
    assert index.problems(connection) == []
    connection.close()


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    """An embedder's name becomes one folder of its own, whatever it holds."""
    names = ["../../x", "a/b@1", "a_b@1", "..", "a b@1"]
    folders = [Index(tmp_path, name).folder for name in names]
    assert all(folder.parent == tmp_path / "index" for folder in folders)
    assert len(set(folders)) == len(names)


def _vector(connection: sqlite3.Connection, number: int) -> bytes:
    return bytes(connection.execute("SELECT vector FROM entry WHERE id = ?", (number,)).fetchone()[0])


def _manifest(index: Index) -> Any:
    return json.loads((index.place(b"large") / "current.json").read_text())
