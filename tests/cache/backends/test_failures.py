"""What a shared store's failures cost: real servers are killed, fail over, stall and fill up."""

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
import pytest

from optafly_cli.cache import outbox
from optafly_cli.cache.backends import remote_schema
from optafly_cli.cache.backends.connecting import backend_of
from optafly_cli.cache.backends.postgres import PostgresBackend
from optafly_cli.cache.database import connect_to_read
from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit, Miss
from optafly_cli.errors import StoreError
from tests.cache.backends.test_conformance import digest, entry, vectors
from tests.cache.backends.test_shared import open_at, settings
from tests.cache.support import Clock, Project, keep, maintained
from tests.fakes.postgres_nodes import Node
from tests.fakes.stalling import StallingProxy

ROOT = str(Path(__file__).parents[3])
MakeNode = Callable[[], Node]


@pytest.fixture
def node(server: Any) -> Iterator[MakeNode]:
    """Servers that may be killed; `server` has prepared the user whom they run as."""
    made: list[Node] = []

    def make() -> Node:
        folder = Path(tempfile.mkdtemp(prefix="optafly-node-"))
        made.append(Node(folder, server.system_user))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        shutil.rmtree(one.folder, ignore_errors=True)


WRITER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from optafly_cli.cache.backends.connecting import backend_of
from optafly_cli.errors import StoreError
from tests.cache.backends.test_conformance import entry
from tests.cache.backends.test_shared import settings
backend = backend_of(settings(sys.argv[2]), 2_000)
stop = Path(sys.argv[4])
number = 0
while not stop.exists():
    try:
        backend.put([entry(f"from {sys.argv[3]} {number}")])
    except StoreError:
        time.sleep(0.05)
    else:
        print(number, flush=True)
        number += 1
backend.close()
"""


class Writers:
    """Processes that put one entry after the other; what each was told is there is in its file."""

    def __init__(self, folder: Path, dsn: str, count: int) -> None:
        self.stop = folder / "stop"
        self.files = [folder / f"writer-{number}" for number in range(count)]
        self.running = []
        for at, file in enumerate(self.files):
            with file.open("w") as told:
                command = [sys.executable, "-c", WRITER, ROOT, dsn, str(at), str(self.stop)]
                self.running.append(subprocess.Popen(command, stdout=told))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.running:
            process.kill()
            process.wait()

    def acknowledged(self) -> list[set[int]]:
        """What each was told so far."""
        return [{int(line) for line in file.read_text().splitlines()} for file in self.files]

    def until_each_has(self, more: int) -> None:
        """Wait until each was told of `more` others than now."""
        before = [len(told) for told in self.acknowledged()]
        give_up = time.monotonic() + 120
        while any(len(told) < then + more for told, then in zip(self.acknowledged(), before, strict=True)):
            assert time.monotonic() < give_up
            assert all(process.poll() is None for process in self.running)
            time.sleep(0.05)

    def end(self) -> set[str]:
        """Stop them; the instructions of all that was acknowledged."""
        self.stop.touch()
        assert [process.wait(timeout=60) for process in self.running] == [0] * len(self.running)
        return {f"from {at} {number}" for at, told in enumerate(self.acknowledged()) for number in told}


def everything(dsn: str) -> list[str]:
    backend = PostgresBackend(dsn, "team", timeout_ms=10_000)
    found = [item.instruction for item in backend.scan()]
    backend.close()
    return found


@pytest.mark.slow
def test_a_server_that_is_killed_loses_nothing(node: MakeNode, tmp_path: Path) -> None:
    """kill -9 twice while four processes write: every acknowledged entry is there, once, and the four go on."""
    one = node()
    one.create()
    with Writers(tmp_path, one.dsn, 4) as writers:
        for _ in range(2):
            writers.until_each_has(20)
            one.kill()
            one.start()
        writers.until_each_has(20)
        acknowledged = writers.end()
    found = everything(one.dsn)
    assert acknowledged <= set(found)
    assert len(found) == len(set(found))
    assert len(acknowledged) >= 4 * 60


@pytest.mark.slow
def test_a_failover_is_followed(node: MakeNode, tmp_path: Path) -> None:
    """The primary is killed and its replica promoted: the same backend goes on, and nothing acknowledged is missing.

    Replication is synchronous here, as where nothing may be lost; the prepared statements of before are made anew.
    """
    one, two = node(), node()
    one.create()
    two.follow(one)
    with psycopg.connect(one.dsn, autocommit=True) as owner:
        owner.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        owner.execute("SELECT pg_reload_conf()")
    both = f"host={one.sockets},{two.sockets} user=postgres dbname=postgres"
    backend = backend_of(settings(both), 5_000)
    before = entry("before")
    backend.put([before])
    for _ in range(3):
        assert backend.exact(before.partition, before.key) == [before]
    with Writers(tmp_path, both, 2) as writers:
        writers.until_each_has(20)
        one.kill()
        two.promote()
        writers.until_each_has(20)
        assert backend.exact(before.partition, before.key) == [before]
        after = entry("after the failover")
        backend.put([after])
        assert backend.exact(after.partition, after.key) == [after]
        backend.close()
        assert writers.end() <= set(everything(two.dsn))


@pytest.mark.slow
def test_a_read_replica_answers_and_may_be_away(
    node: MakeNode, tmp_path: Path, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """Look-ups go to the replica; what it has not, or when it is down, costs a miss or a detour, and no warning."""
    one, two = node(), node()
    one.create()
    two.follow(one)
    how = settings(one.dsn, dsn_read=two.dsn, remote_timeout_ms=4_000)
    with open_at(tmp_path / "writer", how, minilm, clock) as store:
        keep(store, project.ask("fix this bug", "src/main.rs"))
    give_up = time.monotonic() + 30
    while not everything(two.dsn):
        assert time.monotonic() < give_up
    counted = "SELECT idx_scan + seq_scan FROM pg_stat_user_tables WHERE relname = 'meta'"
    with psycopg.connect(one.dsn, autocommit=True) as owner:
        before = owner.execute(counted).fetchone()
        with open_at(tmp_path / "reader", how, minilm, clock) as store:
            assert isinstance(store.look_up(project.ask("fix this bug", "src/main.rs")), Hit)
        assert owner.execute(counted).fetchone() == before
    two.kill()
    with open_at(tmp_path / "detour", how, minilm, clock) as store:
        found = store.look_up(project.ask("fix this bug", "src/main.rs"))
        assert isinstance(found, Hit)
        assert found.notices == ()
        missed = store.look_up(project.ask("fix this bug", "src/lib.rs"))
        assert isinstance(missed, Miss)
        assert missed.warnings == ()


@pytest.mark.slow
def test_who_waited_asks_the_primary(
    node: MakeNode, tmp_path: Path, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """What another machine put just now is read where it was put: a replica that is behind hides it from nobody."""
    one, two = node(), node()
    one.create()
    two.follow(one)
    with psycopg.connect(two.dsn, autocommit=True) as replica:
        replica.execute("SELECT pg_wal_replay_pause()")
    how = settings(one.dsn, dsn_read=two.dsn)
    question = project.ask("fix this bug", "src/main.rs")
    leads, waits = threading.Event(), threading.Event()

    def first() -> None:
        with (
            open_at(tmp_path / "first", how, minilm, clock) as store,
            store.alone(question, patience_s=60, waiting=lambda: None),
        ):
            leads.set()
            assert waits.wait(60)
            keep(store, question)

    thread = threading.Thread(target=first)
    thread.start()
    assert leads.wait(60)
    with open_at(tmp_path / "second", how, minilm, clock) as store:
        assert isinstance(store.look_up(question), Miss)
        with store.alone(question, patience_s=60, waiting=waits.set) as waited:
            assert waited
            assert isinstance(store.look_up(question), Hit)
    thread.join()


def stalled_ask(store: Store, project: Project, prompt: str) -> tuple[list[str], float]:
    """One miss as `ask` makes it; its warnings, and the seconds that the shared store cost in all."""
    question = project.ask(prompt)
    start = time.monotonic()
    missed = store.look_up(question)
    assert isinstance(missed, Miss)
    with store.alone(question, patience_s=60, waiting=lambda: None):
        keep(store, question)
    spent = time.monotonic() - start
    said = [*missed.warnings, *store.warnings]
    store.warnings.clear()
    return said, spent


def test_a_server_that_stalls_costs_its_time_once(
    server: Any, database: str, tmp_path: Path, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """The network swallows everything: one warning a question, the time limit once, and no thread stays behind."""
    folder = Path(str(psycopg.conninfo.conninfo_to_dict(database)["host"]))
    with StallingProxy(folder / ".s.PGSQL.5432") as proxy:
        name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
        dsn = f"host=127.0.0.1 port={proxy.port} user=postgres dbname={name}"
        with open_at(tmp_path / "one", settings(dsn, remote_timeout_ms=600), minilm, clock) as store:
            said, _ = stalled_ask(store, project, "warm up")
            assert said == []
            proxy.stalled.set()
            said, spent = stalled_ask(store, project, "fix this bug")
            assert [sentence.split(":")[0] for sentence in said] == ["the shared store did not answer within 600 ms"]
            assert 0.5 < spent < 5
            said, _ = stalled_ask(store, project, "explain this")
            assert len(said) == 1
            give_up = time.monotonic() + 10
            while any(thread.name == "optafly-shared" for thread in threading.enumerate()):
                assert time.monotonic() < give_up
                time.sleep(0.05)


def test_a_lock_server_that_is_away_costs_nothing_more(
    tmp_path: Path, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """After a look-up that failed neither the flight nor the answer asks again."""
    how = settings("host=/nowhere dbname=x", remote_timeout_ms=400)
    with open_at(tmp_path / "one", how, minilm, clock) as store:
        said, spent = stalled_ask(store, project, "fix this bug")
    assert len(said) == 1
    assert spent < 2


FULL = f"""
    CREATE FUNCTION {remote_schema.SCHEMA}.no_room() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
"""


def test_a_full_server_keeps_nobody_from_answers(
    database: str, tmp_path: Path, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """It says disk_full to every put: one warning, the entry waits, and goes when there is room again."""
    table = f"{remote_schema.SCHEMA}.entry"
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(FULL)
        owner.execute(
            f"CREATE TRIGGER full_now BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION optafly.no_room()"
        )
        with open_at(tmp_path / "one", settings(database), minilm, clock) as store:
            said, _ = stalled_ask(store, project, "fix this bug")
            assert said == ["the shared store has no room left: the answer is in the local store, and is sent later"]
            assert isinstance(store.look_up(project.ask("fix this bug")), Hit)
        reading = connect_to_read(tmp_path / "one")
        assert reading is not None
        assert outbox.waiting(reading) == 1
        with maintained(tmp_path / "one", settings(database)) as care, pytest.raises(StoreError, match="no room"):
            care.send()
        owner.execute(f"DROP TRIGGER full_now ON {table}")
    with maintained(tmp_path / "one", settings(database)) as care:
        assert care.send() == 1
    assert outbox.waiting(reading) == 0
    reading.close()
    assert everything(database) == ["fix this bug"]


@pytest.fixture
def small_disk(server: Any, tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 24 MB, for the server to write to."""
    folder = Path(tempfile.mkdtemp(prefix="optafly-full-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("nothing can be mounted here")
    place = folder / "space"
    place.mkdir()
    if server.system_user:
        shutil.chown(place, server.system_user, server.system_user)
    yield place
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


@pytest.mark.slow
def test_a_full_disk_of_the_server(server: Any, database: str, small_disk: Path, tmp_path: Path) -> None:
    """Entries are put until the disk is full: what was acknowledged is there, the rest waits, and goes later."""
    from optafly_cli.cache.backends.local import LocalBackend

    count = 400
    local = LocalBackend(tmp_path / "store")
    noise = vectors(count * 64).tobytes().hex()
    long = len(noise) // count
    local.put([entry(f"q{at}", prompt=noise[at * long : (at + 1) * long]) for at in range(count)])
    connection = local._writer()
    for number in range(1, count + 1):
        outbox.add(connection, number)
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
        for part in range(remote_schema.PARTS):
            owner.execute(f"ALTER TABLE {remote_schema.SCHEMA}.entry_{part} SET TABLESPACE small")
        backend = PostgresBackend(database, "team", timeout_ms=10_000)
        with pytest.raises(StoreError, match="no room left"):
            outbox.send(connection, backend)
        there, waiting = backend.stats().entries, outbox.waiting(connection)
        assert there + waiting >= count
        assert 0 < waiting < count
        subprocess.run(["mount", "-o", "remount,size=256m", str(small_disk.parent)], check=True)
        outbox.send(connection, backend)
        assert outbox.waiting(connection) == 0
        assert backend.stats().entries == count
        backend.close()
        local.close()
        owner.execute(f"DROP SCHEMA {remote_schema.SCHEMA} CASCADE")
        owner.execute("DROP TABLESPACE small")


def test_what_the_server_never_takes_stops_nothing(database: str, tmp_path: Path) -> None:
    """A text that PostgreSQL cannot hold stays in the local store; the entries around it go."""
    from optafly_cli.cache.backends.local import LocalBackend

    local = LocalBackend(tmp_path / "store")
    local.put([entry("good"), entry("bad \x00"), entry("good, too")])
    connection = local._writer()
    for number in (1, 2, 3):
        outbox.add(connection, number)
    backend = PostgresBackend(database, "team", timeout_ms=5_000)
    assert outbox.send(connection, backend) == 2
    assert outbox.waiting(connection) == 0
    assert sorted(item.instruction for item in backend.scan()) == ["good", "good, too"]
    backend.close()
    local.close()


def test_statements_are_prepared(database: str) -> None:
    """What look-ups ask is parsed once for each connection, and again on a connection that replaced a dead one."""
    backend = PostgresBackend(database, "team", timeout_ms=5_000)
    backend.put([entry("x")])

    def prepared() -> str:
        query, said = "SELECT statement FROM pg_prepared_statements", ""
        for _ in range(4):
            backend.exact(digest("one"), entry("x").key)
            backend.candidates(digest("one"), "test/model@1", vectors(1)[0], 0.0, 5)
            for row in backend.pool.run(lambda connection: connection.execute(query).fetchall()):
                said += row[0]
        return said

    for _ in range(2):
        said = prepared()
        assert "AND key = $3 ORDER BY created" in said
        assert "<#>" in said
        with psycopg.connect(database, autocommit=True) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
    backend.close()


def test_a_pool_is_shared_by_threads(database: str) -> None:
    """Eight threads ask at once over three connections, and no more are open."""
    backend = PostgresBackend(database, "team", pool=3, timeout_ms=10_000)
    backend.put([entry("x")])
    failed: list[Exception] = []

    def ask() -> None:
        try:
            for _ in range(20):
                assert len(backend.exact(digest("one"), entry("x").key)) == 1
        except (AssertionError, StoreError) as error:
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    with psycopg.connect(database, autocommit=True) as owner:
        row = owner.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchone()
    for thread in threads:
        thread.join()
    assert failed == []
    assert row is not None
    assert row[0] <= 3
    backend.close()


def test_a_pool_that_was_closed_keeps_no_connection_from_before(database: str) -> None:
    """A statement under way ends as it would; its connection is closed when it is given back, and the next is kept."""
    backend = PostgresBackend(database, "team", pool=3, timeout_ms=10_000)
    connection = backend.pool.take()
    backend.close()
    assert connection.execute("SELECT 1").fetchone() == (1,)
    backend.pool.give(connection)
    assert connection.closed
    after = backend.pool.take()
    backend.pool.give(after)
    assert not after.closed
    assert backend.pool.take() is after
    backend.pool.give(after)
    backend.close()
    assert after.closed
