"""What every backend holds to, run against each."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import numpy.typing as npt
import pytest

from optafly_cli.cache.backends.protocol import SemanticCacheBackend, Stored

DIMENSION = 384
EMBEDDER = "test/model@1"


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def vectors(count: int, seed: int = 1) -> npt.NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION), dtype=np.float32)
    unit: npt.NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def entry(name: str, partition: str = "one", **changes: object) -> Stored:
    made = Stored(
        key=digest(f"{partition} {name}"),
        partition=digest(partition),
        evidence_key=digest("nothing"),
        asked=digest(name),
        created=1_000.0,
        last_used=1_000.0,
        hits=0,
        cost=0.25,
        seconds=None,
        model="claude-sonnet-5",
        embedder=EMBEDDER,
        vector=vectors(1, seed=len(name))[0].tobytes(),
        instruction=name,
        evidence='{"files":[],"units":[],"auto":null}',
        prompt=f"{name} caf\u00e9 \U0001f600 \u2028\n\\x00",
        scope="{}",
        answer='{"text":"42"}',
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_an_empty_one_has_nothing(backend: SemanticCacheBackend) -> None:
    """Every question to an empty backend has an answer."""
    assert backend.exact(digest("one"), digest("x")) == []
    assert backend.candidates(digest("one"), EMBEDDER, vectors(1)[0], 0.0, 5) == []
    assert backend.delete([entry("x").name]) == 0
    backend.touch(entry("x").name, 5.0)
    assert list(backend.scan()) == []
    assert backend.stats().entries == 0


def test_what_was_put_comes_back_as_it_was(backend: SemanticCacheBackend) -> None:
    """Every column, byte for byte, whatever the alphabet; without a vector too."""
    whole, bare = entry("fix this"), entry("what is the time", embedder=None, vector=None, cost=None, seconds=3.5)
    backend.put([whole, bare])
    assert backend.exact(whole.partition, whole.key) == [whole]
    assert backend.exact(bare.partition, bare.key) == [bare]
    assert sorted(backend.scan(), key=lambda item: item.instruction) == [whole, bare]
    stats = backend.stats()
    assert stats.entries == 2
    assert stats.bytes > 0


def test_the_same_again_replaces(backend: SemanticCacheBackend) -> None:
    """Same key and evidence: the newer stays, whichever came last; other evidence is another entry, newest first."""
    first = entry("fix this")
    second = replace(first, created=2_000.0, answer='{"text":"43"}')
    backend.put([first])
    backend.put([second])
    backend.put([first])
    assert backend.exact(first.partition, first.key) == [second]
    other = replace(first, evidence_key=digest("a file"), created=1_500.0)
    backend.put([other])
    assert backend.exact(first.partition, first.key) == [second, other]
    assert backend.stats().entries == 2


def test_all_or_none(backend: SemanticCacheBackend) -> None:
    """One that cannot be kept keeps the others out."""
    bad = replace(entry("b"), answer=None)  # type: ignore[arg-type]
    with pytest.raises(Exception):  # noqa: B017 (each engine has its own)
        backend.put([entry("a"), bad])
    assert backend.stats().entries == 0


def test_candidates_are_the_nearest_inside_the_partition(backend: SemanticCacheBackend) -> None:
    """As exact search finds them, with the exact cosine; other partitions, embedders and older entries are not seen."""
    rows = vectors(300)
    backend.put([entry(f"q{at}", vector=row.tobytes()) for at, row in enumerate(rows)])
    backend.put([entry(f"q{at}", "two", vector=row.tobytes()) for at, row in enumerate(rows)])
    backend.put([entry("other", embedder="another@1", vector=rows[0].tobytes())])
    backend.put([entry("old", created=10.0, vector=rows[0].tobytes())])
    for query in vectors(5, seed=9):
        found = backend.candidates(digest("one"), EMBEDDER, query, 500.0, 7)
        best = np.argsort(-(rows @ query))[:7]
        assert [item.instruction for item, _ in found] == [f"q{at}" for at in best]
        assert [similarity for _, similarity in found] == pytest.approx((rows @ query)[best].tolist(), abs=1e-6)
        assert {item.partition for item, _ in found} == {digest("one")}


def test_a_hit_is_counted(backend: SemanticCacheBackend) -> None:
    """The count grows, and the time of use never goes back."""
    backend.put([entry("x")])
    for now in (3_000.0, 2_000.0):
        backend.touch(entry("x").name, now)
    found = backend.exact(entry("x").partition, entry("x").key)[0]
    assert (found.hits, found.last_used) == (2, 3_000.0)


def test_deleted_entries_vanish_at_once(backend: SemanticCacheBackend) -> None:
    """From exact look-ups, candidates, scans and counts."""
    gone, kept = entry("gone"), entry("kept kept")
    backend.put([gone, kept])
    assert backend.delete([gone.name, entry("never").name]) == 1
    assert backend.exact(gone.partition, gone.key) == []
    found = backend.candidates(gone.partition, EMBEDDER, vectors(1, seed=4)[0], 0.0, 5)
    assert [item for item, _ in found] == [kept]
    assert list(backend.scan()) == [kept]


def test_the_newest_come_first(backend: SemanticCacheBackend) -> None:
    """As many as were asked for."""
    backend.put([entry(f"q{at}", created=1_000.0 + at) for at in range(5)])
    assert [item.instruction for item in backend.newest(3)] == ["q4", "q3", "q2"]


def test_a_scan_goes_through_everything_once(backend: SemanticCacheBackend) -> None:
    """More than a page, oldest first."""
    entries = [entry(f"q{at}", created=1_000.0 + at % 7) for at in range(1_234)]
    backend.put(entries)
    scanned = list(backend.scan())
    assert sorted(item.instruction for item in scanned) == sorted(item.instruction for item in entries)


def test_it_can_be_used_again_after_closing(backend: SemanticCacheBackend) -> None:
    """Closing lets go and forgets nothing."""
    backend.put([entry("x")])
    backend.close()
    assert backend.stats().entries == 1
