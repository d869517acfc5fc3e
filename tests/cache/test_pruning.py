"""What goes when the store is too old or too large, and what stays."""

from pathlib import Path

from optafly_cli.cache.lookup import DAY
from optafly_cli.cache.pruning import used_bytes
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import Clock, OpenStore, Project, keep, maintained

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
        plan = care.prune()
        assert care.prune().evicted == 0
    left = ids(store)
    assert cheap not in left
    assert {dear, used, small} <= set(left)
    assert (idle in left) == (plan.evicted == 1)


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
