"""What goes when the store is too old or too large, and what stays."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.cache.database import connect_to_write
from optafly_cli.cache.index.index import SCAN_LIMIT, Index
from optafly_cli.cache.lookup import DAY
from optafly_cli.cache.pruning import UNKNOWN_COST, plan, used_bytes
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import Clock, OpenStore, Project, keep, maintained
from tests.cache.test_index import NAME, insert, unit

LONG = "word " * 4_000


def noise(seed: int) -> str:
    return f"{seed} {LONG}"


def ids(store: Store) -> list[int]:
    return sorted(entry.id for entry in store.entries(limit=1_000))


def test_nothing_goes_from_a_store_within_its_limits(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """No expired entry, enough room: nothing happens; nor in a store that does not exist."""
    with maintained(open_store().folder, clock=clock) as care:
        assert care.prune().expired == 0
    assert not open_store().folder.exists()
    keep(open_store(), project.ask("fix this bug"))
    with maintained(open_store().folder, clock=clock) as care:
        assert (care.prune().expired, care.prune().evicted) == (0, 0)


def test_what_expired_goes(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """Entries older than ttl_days, and only those; a dry run says the same and deletes nothing."""
    store = open_store()
    keep(store, project.ask("fix this bug"))
    clock.now += 20 * DAY
    young = keep(store, project.ask("explain this"))
    clock.now += 15 * DAY
    with maintained(store.folder, clock=clock) as care:
        said = care.prune(dry_run=True)
        assert (said.expired, said.evicted) == (1, 0)
        assert len(ids(store)) == 2
        assert care.prune() == said
    assert ids(store) == [young]
    assert isinstance(store.look_up(project.ask("explain this")), Hit)


def test_what_waits_to_be_written_back_does_not_count(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """While others have the store open its write-ahead log is as large as the entries: only these are counted."""
    store = open_store()
    for number in range(20):
        keep(store, project.ask(f"question {number}"), noise(number))
    assert (store.folder / "entries.sqlite-wal").stat().st_size > 800_000
    with maintained(store.folder, CacheSettings(max_size_gb=0.0012), clock=clock) as care:
        assert care.prune().evicted == 0
    with maintained(store.folder, CacheSettings(max_size_gb=0.0006), clock=clock) as care:
        assert 5 < care.prune().evicted < 12


def test_the_least_worth_goes_first(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """Over max_size_gb the cheap, the unused and the large go before the dear, the used and the small."""
    store = open_store()
    cheap = keep(store, project.ask("cheap"), noise(1), cost=0.001)
    dear = keep(store, project.ask("dear"), noise(2), cost=1.0)
    used = keep(store, project.ask("used"), noise(3), cost=0.01)
    idle = keep(store, project.ask("idle"), noise(4), cost=0.01)
    small = keep(store, project.ask("small"), "short", cost=0.001)
    for _ in range(3):
        store.look_up(project.ask("used"))
    store.close()
    with maintained(store.folder, clock=clock) as care:
        taken = used_bytes(care._writer(), store.folder)
    settings = CacheSettings(max_size_gb=(taken - 10_000) / 1e9)
    with maintained(store.folder, settings, clock=clock) as care:
        assert care.prune(dry_run=True).evicted >= 1
        pruned = care.prune()
        assert care.prune().evicted == 0
    left = ids(store)
    assert cheap not in left
    assert {dear, used, small} <= set(left)
    assert (idle in left) == (pruned.evicted == 1)


def test_pruning_brings_the_store_under_its_limit(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """Afterwards the files are as small as the limit, and what is left answers."""
    store = open_store()
    for number in range(60):
        clock.now += 60
        keep(store, project.ask(f"question {number}"), noise(number))
    store.close()
    limit = 600_000
    with maintained(store.folder, CacheSettings(max_size_gb=limit / 1e9), clock=clock) as care:
        assert care.prune().evicted > 0
        assert care.problems() == []
    size = sum(path.stat().st_size for path in Path(store.folder).rglob("*") if path.is_file())
    assert size <= limit
    newest = max(ids(store))
    assert newest == 60
    assert isinstance(store.look_up(project.ask("question 59")), Hit)


def test_a_reader_that_stays_costs_no_entry(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """While someone reads, the log cannot be given back and grows with each deletion: no more goes for that."""
    store = open_store()
    for number in range(60):
        keep(store, project.ask(f"question {number}"), noise(number))
    with maintained(store.folder, clock=clock) as care:
        limit = used_bytes(care._writer(), store.folder) * 0.95 / 1e9
    reading = store._writer().execute("SELECT * FROM entry")
    reading.fetchone()
    with maintained(store.folder, CacheSettings(max_size_gb=limit), clock=clock) as care:
        said = care.prune(dry_run=True)
        assert 0 < said.evicted < 15
        assert care.prune().evicted == said.evicted
    reading.close()


def test_a_long_log_costs_no_entry(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """What was written again and again stands in the log many times, and in the store once."""
    store = open_store()
    for _ in range(40):
        keep(store, project.ask("question"), noise(1))
    log = (store.folder / "entries.sqlite-wal").stat().st_size
    with maintained(store.folder, CacheSettings(max_size_gb=log / 2 / 1e9), clock=clock) as care:
        assert care.prune().evicted == 0


def test_an_index_shrinks_with_its_entries(tmp_path: Path, clock: Clock) -> None:
    """A limit far below what is there: the index of what has gone goes, too, before more entries do."""
    connection = connect_to_write(tmp_path)
    rows = unit(np.random.default_rng(1).standard_normal((3 * SCAN_LIMIT, 256), dtype=np.float32))
    insert(connection, b"large", rows, created=clock.now)
    assert Index(tmp_path, NAME).rebuild(connection)
    used = used_bytes(connection, tmp_path)
    connection.close()
    with maintained(tmp_path, CacheSettings(max_size_gb=used * 0.6 / 1e9), clock=clock) as care:
        care.prune()
        assert care.count() > 3 * SCAN_LIMIT * 0.45
        assert used_bytes(care._writer(), tmp_path) <= used * 0.6
        assert care.problems() == []


CHANGE = "UPDATE entry SET cost = ?, hits = ?, last_used = ?, answer = ?, created = ? WHERE id = ?"
Made = st.tuples(
    st.floats(0.0001, 2) | st.none(), st.integers(0, 50), st.floats(0, 400), st.integers(1, 20_000), st.floats(0, 60)
)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for one store, filled anew for each example."""
    return tmp_path_factory.mktemp("bare")


@hypothesis.settings(max_examples=40)
@given(made=st.lists(Made, min_size=1, max_size=25), share=st.floats(0.02, 1.2))
def test_what_goes_is_worth_least_for_its_room(
    bare: Path, made: list[tuple[float | None, int, float, int, float]], share: float
) -> None:
    """The expired go, then in order of cost saved x recency for each byte, and no one more than has to."""
    now = 1_800_000_000.0
    with closing(connect_to_write(bare)) as connection:
        connection.executescript("PRAGMA synchronous = OFF; DELETE FROM entry; DELETE FROM sqlite_sequence")
        rows = np.ones((len(made), 1), dtype=np.float32)
        insert(connection, b"p", rows, created=now)
        for number, (cost, hits, idle, size, age) in enumerate(made, 1):
            values = (cost, hits, now - min(idle, age) * DAY, "x" * size, now - age * DAY, number)
            connection.execute(CHANGE, values)
        limit = int(used_bytes(connection, bare) * share)
        chosen = plan(connection, bare, now - 30 * DAY, limit, now)
        used = used_bytes(connection, bare)
    bytes_of = {number: row[3] + 4 + len("i{}p{}") + 600 for number, row in enumerate(made, 1)}
    sizes = {number: int(size * used / sum(bytes_of.values())) for number, size in bytes_of.items()}
    expired = [number for number, row in enumerate(made, 1) if row[4] >= 30]
    assert list(chosen.ids[: len(expired)]) == expired

    def worth(number: int) -> float:
        cost, hits, idle, _, age = made[number - 1]
        halved = float(0.5 ** (min(idle, age) / 7))
        return (UNKNOWN_COST if cost is None else cost) * (1 + hits) * halved / sizes[number]

    gone = chosen.ids[len(expired) :]
    assert len(made) not in gone
    left = set(sizes) - {*chosen.ids, len(made)}
    order = [worth(number) for number in gone]
    assert order == pytest.approx(sorted(order), rel=1e-3)
    assert not left or not gone or max(order) <= min(map(worth, left)) * (1 + 1e-3)
    freed = sum(sizes[number] for number in expired)
    over = used - limit - freed
    if over <= 0:
        assert not gone
    elif gone:
        goal = over + int(limit * 0.1)
        assert sum(sizes[number] for number in gone[:-1]) < goal + len(made)
        assert not left or sum(sizes[number] for number in gone) >= goal - len(made)


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from optafly_cli.cache.types import Evidence, Hit
from tests.cache.support import answer
from tests.cache.test_damage import opened, question
with opened(Path(sys.argv[2])) as store:
    for number in range(int(sys.argv[3]), int(sys.argv[3]) + 60):
        kept = store.remember(question(number), answer("word " * 400), evidence=Evidence(), cost=1.0)
        found = store.look_up(question(number), serve=False)
        print(kept, isinstance(found, Hit) and found.entry.id == kept, flush=True)
"""


def test_what_is_being_written_is_never_evicted(tmp_path: Path) -> None:
    """Two processes write while the store is pruned all the time: each finds what it has just put, none fails."""
    command = [sys.executable, "-c", WRITER, str(Path(__file__).parents[2]), str(tmp_path)]
    writers = [
        subprocess.Popen([*command, str(start)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for start in (0, 1_000)
    ]
    evicted = 0
    while any(writer.poll() is None for writer in writers):
        with maintained(tmp_path, CacheSettings(max_size_gb=0.0003)) as care:
            evicted += care.prune().evicted
    newest = 0
    for writer in writers:
        said, errors = writer.communicate()
        assert (writer.returncode, errors) == (0, "")
        lines = [line.split() for line in said.splitlines()]
        assert [line[1] for line in lines] == ["True"] * 60
        newest = max(newest, int(lines[-1][0]))
    assert evicted > 30
    with maintained(tmp_path, CacheSettings(max_size_gb=0.0003)) as care:
        care.prune()
        assert care.problems() == []
        left = [row[0] for row in care._writer().execute("SELECT id FROM entry ORDER BY id")]
    assert left
    assert left[-1] == newest == 120


def test_deleting_forgets_the_words(project: Project, open_store: OpenStore) -> None:
    """A deleted entry answers no more, what it saved still counts, and no word of it is left."""
    store = open_store()
    keep(store, project.ask("fix the xylophone"))
    store.look_up(project.ask("please fix the xylophone"))
    with maintained(store.folder) as care:
        assert care.delete([1, 7]) == [1]
        assert care.delete([1]) == []
    assert not isinstance(store.look_up(project.ask("fix the xylophone")), Hit)
    assert sum(store.stats().hits.values()) == 1
    connection = store._writer()
    texts = connection.execute("SELECT coalesce(instruction, '') FROM hit UNION ALL SELECT instruction FROM label")
    assert all("xylophone" not in row[0] for row in texts)
