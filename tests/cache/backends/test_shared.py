"""A team's store beside the local one: what one asked another is answered, and nothing is lost when it is away."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optafly_cli.cache.backends import remote_schema
from optafly_cli.cache.backends.connecting import conninfo, conninfo_of
from optafly_cli.cache.backends.postgres import PostgresBackend
from optafly_cli.cache.backends.remote_schema import EXACT_UP_TO
from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.shared import SharedStore
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit, Miss
from optafly_cli.config.settings import CacheSettings, ServiceSettings
from optafly_cli.errors import ConfigError, StoreError
from tests.cache.backends.test_conformance import EMBEDDER, digest, entry, vectors
from tests.cache.support import Clock, Project, keep, maintained

NOWHERE = "host=/nowhere dbname=x"


def settings(where: str, **changes: object) -> CacheSettings:
    given: dict[str, Any] = {"backend": "postgres", "dsn": where, "namespace": "team", "remote_timeout_ms": 5_000}
    return CacheSettings(**{**given, **changes})


def open_at(folder: Path, how: CacheSettings, minilm: Embedder, clock: Clock) -> Store:
    return Store.open(folder, how, clock=clock, load_embedder=lambda: minilm, load_verifier=lambda: None)


def ask_and_send(folder: Path, how: CacheSettings, project: Project, minilm: Embedder, clock: Clock) -> None:
    """One member of the team has an answer, and it is in the shared store."""
    with open_at(folder, how, minilm, clock) as one:
        keep(one, project.ask("fix this bug", "src/main.rs"))
    with maintained(folder, how) as care:
        care.send()


def test_one_asks_and_another_is_answered(
    tmp_path: Path, database: str, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """The same words, and other words with the same meaning, from a machine whose own store is empty."""
    how = settings(database)
    ask_and_send(tmp_path / "one", how, project, minilm, clock)
    with maintained(tmp_path / "one", how) as care:
        assert care.send() == 0
    for words, tier in (("fix this bug", "exact"), ("please fix this bug", "semantic")):
        with open_at(tmp_path / tier, how, minilm, clock) as other:
            found = other.look_up(project.ask(words, "src/main.rs"))
            assert isinstance(found, Hit)
            assert (found.tier, found.entry.answer.text) == (tier, "Use `?` instead of unwrap.")
            assert isinstance(other.look_up(project.ask("fix this bug", "src/lib.rs")), Miss)
    with open_at(tmp_path / "third", settings(database, namespace="others"), minilm, clock) as stranger:
        assert isinstance(stranger.look_up(project.ask("fix this bug", "src/main.rs")), Miss)


def test_evidence_is_checked_here(
    tmp_path: Path, database: str, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """What the other's answer was drawn from has changed on this machine: no hit."""
    how = settings(database)
    ask_and_send(tmp_path / "one", how, project, minilm, clock)
    project.write("src/main.rs", "fn main() {}\n")
    with open_at(tmp_path / "two", how, minilm, clock) as other:
        found = other.look_up(project.ask("fix this bug", "src/main.rs"))
    assert isinstance(found, Miss)
    assert found.reason == "evidence"


def test_what_was_rejected_does_not_come_back(
    tmp_path: Path, database: str, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """The answer of a wrong exact hit goes from the team's store too; while that is away nothing is rejected."""
    how = settings(database)
    question = project.ask("fix this bug", "src/main.rs")
    with open_at(tmp_path / "one", how, minilm, clock) as one:
        keep(one, question)
        assert isinstance(one.look_up(question), Hit)
    with open_at(tmp_path / "one", settings(NOWHERE), minilm, clock) as away, pytest.raises(StoreError):
        away.reject()
    with open_at(tmp_path / "one", how, minilm, clock) as one:
        assert one.reject().deleted
        assert isinstance(one.look_up(question), Miss)


def test_a_process_that_lives_long_shares_one_among_its_threads(
    tmp_path: Path, database: str, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """Stores in four threads, each with its own flight, over `connection_pool` connections; none goes without."""
    how = settings(database)
    shared = SharedStore.of(how, connections=ServiceSettings().connection_pool)
    given = {"clock": clock, "load_embedder": lambda: minilm, "load_verifier": lambda: None, "shared": shared}

    def ask(number: int) -> list[str]:
        question = project.ask(f"what does line {number} do")
        with Store.open(tmp_path / f"store-{number}", how, **given) as store:  # type: ignore[arg-type]
            missed = store.look_up(question)
            assert isinstance(missed, Miss)
            with store.alone(question, patience_s=30, waiting=lambda: None):
                keep(store, question)
            return [*missed.warnings, *store.warnings]

    assert shared is not None
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, range(12))) == [[]] * 12
    assert len(shared.newest(20)) == 12
    with psycopg.connect(database) as owner:
        row = owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        ).fetchone()
    assert row is not None
    assert 1 <= row[0] <= 4
    shared.close()


def test_entries_go_by_themselves(
    tmp_path: Path, database: str, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """Nobody sends anything by hand: some time after an answer was kept it is there."""
    how = settings(database)
    with open_at(tmp_path / "one", how, minilm, clock) as one:
        keep(one, project.ask("fix this bug"))
        backend = PostgresBackend(database, "team", timeout_ms=5_000)
        give_up = time.monotonic() + 60
        while backend.stats().entries == 0:
            assert time.monotonic() < give_up
            time.sleep(0.1)
        backend.close()


def test_away_it_costs_a_warning_and_nothing_is_lost(
    tmp_path: Path, database: str, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """Look-ups go on locally, entries wait, and go when it is back."""
    with open_at(tmp_path / "one", settings(NOWHERE, remote_timeout_ms=300), minilm, clock) as one:
        missed = one.look_up(project.ask("fix this bug"))
        assert isinstance(missed, Miss)
        assert len(missed.warnings) == 1
        assert "the local one alone" in missed.warnings[0]
        keep(one, project.ask("fix this bug"))
        found = one.look_up(project.ask("fix this bug"))
        assert isinstance(found, Hit)
        assert found.notices == ()
    with maintained(tmp_path / "one", settings(NOWHERE)) as care, pytest.raises(StoreError):
        care.send()
    with maintained(tmp_path / "one", settings(database)) as care:
        assert care.send() == 1


def test_slow_it_is_not_waited_for(
    tmp_path: Path, database: str, project: Project, minilm: Embedder, clock: Clock
) -> None:
    """Someone holds the table: after remote_timeout_ms the look-up ends without it."""
    with psycopg.connect(database) as holder:
        holder.execute(f"LOCK TABLE {remote_schema.SCHEMA}.entry IN ACCESS EXCLUSIVE MODE")
        with open_at(tmp_path / "one", settings(database, remote_timeout_ms=200), minilm, clock) as one:
            one.look_up(project.ask("warm up"))
            missed = one.look_up(project.ask("fix this bug"))
        assert isinstance(missed, Miss)
        assert len(missed.warnings) == 1
        holder.rollback()


@pytest.fixture
def tenants(database: str) -> Iterator[dict[str, str]]:
    """Two roles, each with a namespace of its own, as connection strings."""
    found = {}
    with psycopg.connect(database, autocommit=True) as owner:
        for name in ("alice", "bob"):
            owner.execute(f"DROP ROLE IF EXISTS {name}")
            owner.execute(f"CREATE ROLE {name} LOGIN")
            remote_schema.grant(owner, f"team-{name}", name)
            found[name] = psycopg.conninfo.make_conninfo(database, user=name)
    yield found
    with psycopg.connect(database, autocommit=True) as owner:
        for name in ("alice", "bob"):
            owner.execute(f"DROP OWNED BY {name}")
            owner.execute(f"DROP ROLE {name}")


def test_tenants_do_not_meet(database: str, tenants: dict[str, str]) -> None:
    """A role reads and writes its own namespace; another's is empty to it, and closed."""
    alice = PostgresBackend(tenants["alice"], "team-alice", timeout_ms=5_000)
    alice.put([entry("secret of alice")])
    thief = PostgresBackend(tenants["bob"], "team-alice", timeout_ms=5_000)
    secret = entry("secret of alice")
    assert list(thief.scan()) == thief.newest(5) == thief.exact(secret.partition, secret.key) == []
    assert thief.candidates(secret.partition, EMBEDDER, vectors(1, seed=15)[0], 0.0, 5) == []
    assert thief.stats().entries == thief.expire(dry_run=True) == 0
    assert thief.delete([secret.name]) == 0
    thief.touch(secret.name, 9e9)
    refused = []
    for planted in (entry("planted"), replace(secret, created=9e9, answer='{"text":"forged"}')):
        with pytest.raises(StoreError, match="row-level security") as refusal:
            thief.put([planted])
        refused.append(str(refusal.value))
    assert refused[0] == refused[1], "what is refused tells whether there is one to be replaced"
    assert list(alice.scan()) == [secret]
    for backend in (alice, thief):
        backend.close()


def test_a_tenant_sees_no_names_and_no_side_door(database: str, tenants: dict[str, str]) -> None:
    """Names of other namespaces and roles are hidden; parts of the table are closed even to who was given rights."""
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {remote_schema.SCHEMA} TO bob")
    alice = PostgresBackend(tenants["alice"], "team-alice", timeout_ms=5_000)
    alice.put([entry("secret of alice")])
    alice.close()
    schema = remote_schema.SCHEMA
    with psycopg.connect(tenants["bob"], autocommit=True) as bob:
        assert bob.execute(f"SELECT namespace, role FROM {schema}.member").fetchall() == [("team-bob", "bob")]
        for part in range(remote_schema.PARTS):
            assert bob.execute(f"SELECT * FROM {schema}.entry_{part}").fetchall() == []
        # The namespace of a row of one's own cannot be changed into another's, nor membership be claimed
        own = PostgresBackend(tenants["bob"], "team-bob", timeout_ms=5_000)
        own.put([entry("mine")])
        own.close()
        for forged in (
            f"UPDATE {schema}.entry SET namespace = 'team-alice'",
            f"INSERT INTO {schema}.member VALUES ('team-alice', 'bob')",
            f"UPDATE {schema}.meta SET value = '0'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                bob.execute(forged)


def test_large_scopes_are_searched_by_their_index(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit the part of the table has an HNSW index; near questions find the nearest of their scope."""
    monkeypatch.setattr(remote_schema, "EXACT_UP_TO", 1_000)
    monkeypatch.setattr("optafly_cli.cache.backends.postgres.EXACT_UP_TO", 1_000)
    assert EXACT_UP_TO == 20_000
    rows = vectors(2_000)
    backend = PostgresBackend(database, "team", timeout_ms=60_000)
    backend.put([entry(f"q{at}", vector=row.tobytes()) for at, row in enumerate(rows)])
    backend.put([entry(f"q{at}", "two", vector=row.tobytes()) for at, row in enumerate(rows[:200])])
    with psycopg.connect(database, autocommit=True) as owner:
        assert len(remote_schema.index_large(owner)) == 1
        assert remote_schema.index_large(owner) == []
    noise = vectors(50, seed=8)
    for at in range(50):
        query = rows[at] + noise[at] * 0.3
        found = backend.candidates(digest("one"), EMBEDDER, query, 0.0, 5)
        assert found[0][0].instruction == f"q{at}"
        assert {item.partition for item, _ in found} == {digest("one")}
    backend.close()


WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from optafly_cli.cache.backends.postgres import PostgresBackend
from tests.cache.backends.test_conformance import entry
backend = PostgresBackend(sys.argv[2], "team", timeout_ms=60_000)
for number in range(100):
    backend.put([entry(f"from {sys.argv[3]} {number}")])
    backend.put([entry(f"same {number}", created=float(sys.argv[3]) + 1)])
backend.close()
"""


def test_four_write_at_once(database: str) -> None:
    """400 of their own and 100 of all: every one is there, none twice, and of the same the newest."""
    root = str(Path(__file__).parents[3])
    running = [subprocess.Popen([sys.executable, "-c", WRITER, root, database, str(number)]) for number in range(4)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0, 0]
    backend = PostgresBackend(database, "team", timeout_ms=5_000)
    found = list(backend.scan())
    backend.close()
    assert len(found) == len({item.name for item in found}) == 500
    assert {item.created for item in found if item.instruction.startswith("same")} == {4.0}


def test_a_database_without_the_schema_is_named(server: Any) -> None:
    """The sentence says what to run."""
    backend = PostgresBackend(server.get_uri(), "team", timeout_ms=5_000)
    with pytest.raises(StoreError, match="no shared store"):
        backend.stats()
    backend.close()


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("host=db.example.com dbname=x sslmode=require", "sslmode=require"),
        ("postgresql://db.example.com/x?sslmode=disable", "sslmode=disable"),
        ("host=localhost,db.example.com sslmode=prefer", "sslmode=prefer"),
        ("hostaddr=198.51.100.7 dbname=x sslmode=prefer", "sslmode=prefer"),
        ("host=localhost hostaddr=198.51.100.7 sslmode=allow", "sslmode=allow"),
        ("service=example sslmode=require", "sslmode=require"),
        ("what is this", "no PostgreSQL connection string"),
    ],
)
def test_what_could_be_listened_to_is_refused(dsn: str, said: str) -> None:
    """Other machines are spoken to by TLS with a verified name only; no part of the string is in the message."""
    with pytest.raises(ConfigError, match=said) as refused:
        conninfo(dsn)
    assert "example" not in str(refused.value)


def test_tls_is_asked_for_where_nothing_is_said() -> None:
    """verify-full with the system's certificates; on this machine the string stays as it is."""
    assert "sslmode=verify-full" in conninfo("postgresql://db.example.com/x")
    assert "sslrootcert=system" in conninfo("postgresql://db.example.com/x")
    assert conninfo("host=/run/pg dbname=x") == "host=/run/pg dbname=x"


@pytest.mark.parametrize("variable", ["PGHOST", "PGHOSTADDR", "PGSERVICE"])
def test_hosts_from_elsewhere_need_tls_too(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """What libpq takes from its own variables is a network address as well."""
    assert conninfo("dbname=x") == "dbname=x"
    monkeypatch.setenv(variable, "198.51.100.7")
    assert "sslmode=verify-full" in conninfo("dbname=x")


def test_of_several_hosts_the_one_that_can_be_written_to_is_meant() -> None:
    """Unless the connection string says otherwise."""
    assert "target_session_attrs=read-write" in conninfo_of(settings("host=/one,/two dbname=x"))
    assert conninfo_of(settings("host=/one dbname=x")) == "host=/one dbname=x"
    other = "host=/one,/two dbname=x target_session_attrs=any"
    assert conninfo_of(settings(other)) == other


@pytest.mark.parametrize(("missing", "said"), [("dsn", "no dsn"), ("namespace", "no namespace")])
def test_what_has_to_be_configured(tmp_path: Path, project: Project, missing: str, said: str) -> None:
    """Without a connection string or a namespace it is a configuration error that says what to do."""
    with (
        Store.open(tmp_path / "one", settings("host=/x", **{missing: ""})) as store,
        pytest.raises(ConfigError, match=said),
    ):
        store.look_up(project.ask("fix this bug"))
