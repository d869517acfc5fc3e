"""A damaged store is refused as it is, byte for byte, and what can be read of it is saved; never a fault of ours."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from optafly_cli.cache.database import FILE, LOCK, connect_to_read, is_log_head
from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Evidence, Hit, Question, Scope
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import StoreError
from tests.cache.support import answer, maintained, scattered

COUNT, LOGGED = 60, 30
LOG = f"{FILE}-wal"


def question(number: int) -> Question:
    text = f"question number {number}"
    return Question(text, text, text, Scope("/w", "d", "u", "m"), Evidence(), str, str)


def opened(folder: Path) -> Store:
    return Store.open(folder, CacheSettings(), load_embedder=lambda: Embedder("scattered@1", 64, scattered))


@pytest.fixture(scope="session")
def worn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store as kill -9 leaves it: 60 entries in the database, 30 more in its log only."""
    place = tmp_path_factory.mktemp("worn")
    with opened(place / "used") as store:
        for number in range(COUNT + LOGGED):
            if number == COUNT:
                store._writer().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            store.remember(question(number), answer(f"answer {number} " * 90), evidence=Evidence(), cost=0.5)
        shutil.copytree(place / "used", place / "store", ignore=shutil.ignore_patterns("*-shm"))
    return place / "store"


@pytest.fixture
def folder(worn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(worn, tmp_path / "store"))


def files(folder: Path) -> dict[str, bytes]:
    """What must not change; the -shm file is scratch paper of SQLite's."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def _text(folder: Path) -> None:
    (folder / FILE).write_bytes(b"this is a text file\n" * 400)


def _text_alone(folder: Path) -> None:
    (folder / LOG).unlink()
    _text(folder)


def _empty(folder: Path) -> None:
    (folder / FILE).write_bytes(b"")


def _empty_alone(folder: Path) -> None:
    (folder / LOG).unlink()
    _empty(folder)


def _half(folder: Path) -> None:
    (folder / LOG).unlink()
    content = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(content[: len(content) // 6])


def _log_of_text(folder: Path) -> None:
    (folder / LOG).write_bytes(b"this is a text file\n" * 400)


def _log_head(folder: Path) -> None:
    content = bytearray((folder / LOG).read_bytes())
    content[17] ^= 4
    (folder / LOG).write_bytes(bytes(content))


HARMS = [_text, _text_alone, _empty, _empty_alone, _half, _log_of_text, _log_head]


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_what_is_damaged_is_refused_untouched(folder: Path, harm: Callable[[Path], None]) -> None:
    """Reading and writing refuse with the way to salvage, and no byte of the database or its log changes."""
    harm(folder)
    before = files(folder)
    with opened(folder) as store:
        for use in (
            lambda: store.look_up(question(3)),
            lambda: store.entries(limit=200),
            lambda: store.remember(question(99), answer(), evidence=Evidence(), cost=None),
        ):
            with pytest.raises(StoreError) as refused:
                use()
            assert refused.value.code == "store_damaged"
            assert "cache export --salvage" in (refused.value.remedy or "")
    assert {name: content for name, content in files(folder).items() if content} == {
        name: content for name, content in before.items() if content
    }


def _spoilt(folder: Path, rng: random.Random) -> str:
    name = rng.choice([FILE, FILE, LOG])
    content = bytearray((folder / name).read_bytes())
    how = rng.choice(["bit", "bits", "page", "cut", "head"])
    if how == "cut":
        del content[rng.randrange(1, len(content)) :]
    elif how == "page":
        at = rng.randrange(len(content) // 4096) * 4096
        content[at : at + 4096] = rng.randbytes(4096)
    else:
        for _ in range(60 if how == "bits" else 1):
            content[rng.randrange(100 if how == "head" else len(content))] ^= 1 << rng.randrange(8)
    (folder / name).write_bytes(bytes(content))
    return f"{how} of {name}"


@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12, 400))])
def test_random_damage_never_gives_a_wrong_answer(folder: Path, seed: int) -> None:
    """Bits, pages and cuts anywhere: what is served is what was stored, what is refused is refused as damage
    and stays as it is, and nothing ends in a fault of ours."""
    rng = random.Random(seed)
    what = _spoilt(folder, rng)
    before = files(folder)
    codes: list[str] = []

    def use(work: Callable[[], object]) -> object:
        try:
            return work()
        except StoreError as error:
            codes.append(error.code)
            return None

    number = rng.randrange(COUNT + LOGGED)
    with opened(folder) as store:
        found = use(lambda: store.look_up(question(number)))
    if isinstance(found, Hit) and "bit" not in what:  # SQLite has no digests: a bit inside of a text is not seen
        assert found.entry.answer.text == f"answer {number} " * 90, what
    if codes:
        assert files(folder).items() >= before.items(), what
    with maintained(folder) as care:
        saved = list(care.salvaged(lambda number, why: None))
        assert LOGGED / 2 < len(saved) <= COUNT + LOGGED, what
        assert files(folder).items() >= before.items() or not codes, what
        for work in (care.problems, lambda: list(care.lines(lambda number, why: None)), care.rebuild, care.count):
            use(work)
        use(lambda: list(care.unreadable()))
    with opened(folder) as store:
        for reading in (store.stats, lambda: store.entries(limit=200)):
            use(reading)
        use(lambda: store.remember(question(99), answer(), evidence=Evidence(), cost=None))
    with maintained(folder) as care:
        use(care.prune)
        use(lambda: care.delete([3, 4]))
        use(care.clear)
    assert set(codes) <= {"store_damaged"}, what


def test_salvage_then_import_brings_back_what_can_be_read(folder: Path) -> None:
    """As the refusal says: save, move the database aside, import; the old log is kept, not replayed."""
    _log_of_text(folder)
    with maintained(folder) as care:
        saved = list(care.salvaged(lambda number, why: pytest.fail(why)))
    assert len(saved) == COUNT
    (folder / FILE).rename(folder / "aside")
    with maintained(folder) as care:
        total = care.add(enumerate((line.encode() for line in saved), 1), refuse=lambda _, why: pytest.fail(why))
        assert (total.new, care.problems(), list(care.unreadable())) == (COUNT, [], [])
    with opened(folder) as store:
        assert isinstance(store.look_up(question(COUNT - 1)), Hit)
    assert [path.read_bytes()[:4] for path in folder.glob("*orphan*")] == [b"this"]


def test_a_log_head_is_told_from_another(worn: Path) -> None:
    """SQLite's own head passes, each changed bit of it does not; nothing, a part of one and zeros may be there."""
    head = (worn / LOG).read_bytes()[:32]
    assert is_log_head(head)
    for at in range(32 * 8):
        changed = bytearray(head)
        changed[at // 8] ^= 1 << at % 8
        assert not is_log_head(bytes(changed))
    assert is_log_head(b"")
    assert is_log_head(head[:20])
    assert is_log_head(bytes(32))


def test_a_future_store_is_left_with_its_log(folder: Path) -> None:
    """A refusal by the schema's number writes nothing either: what is in the log stays there."""
    with sqlite3.connect(folder / FILE) as database:
        keeper = sqlite3.connect(folder / FILE)
        keeper.execute("SELECT count(*) FROM entry").fetchone()
        database.execute("PRAGMA user_version = 99")
        database.commit()
        for name in (FILE, LOG):
            shutil.copy(folder / name, folder / f"{name}.kept")
    database.close()
    keeper.close()
    for name in (FILE, LOG):
        (folder / f"{name}.kept").replace(folder / name)
    before = files(folder)
    with pytest.raises(StoreError, match="schema 99"):
        connect_to_read(folder)
    assert files(folder) == before


def test_a_lock_alone_is_no_store(tmp_path: Path) -> None:
    """Who died before the database was there left a lock only: the next one creates it."""
    (tmp_path / LOCK).touch()
    assert connect_to_read(tmp_path) is None
    with opened(tmp_path) as store:
        assert store.remember(question(1), answer(), evidence=Evidence(), cost=None) == 1


@pytest.mark.parametrize("value", [3e38, 700.0, float("nan"), float("inf")])
def test_a_damaged_vector_is_near_nothing(folder: Path, value: float) -> None:
    """A number of a vector that became huge, or none, makes no entry the nearest one, and no warning on stderr."""
    with maintained(folder) as care:
        vector = np.zeros(64, dtype=np.float32)
        vector[:] = value
        care._writer().execute("UPDATE entry SET vector = ? WHERE id = 7", (vector.tobytes(),))
        assert [said.split(":")[0] for said in care.unreadable()] == ["entry 7"]
    asked = Question("another", "another", "another", Scope("/w", "d", "u", "m"), Evidence(), str, str)
    with opened(folder) as store:
        found = store.look_up(asked)
    assert not isinstance(found, Hit)
    assert found.nearest not in {None, 7}
