"""Two machines of a team ask the same at once: one request, and both get its answer; when one dies the other asks."""

import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from optafly_cli.cache.backends import remote_schema
from tests.cli.conftest import Cli, git
from tests.cli.test_shared_store import ASK, arrived
from tests.cli.test_single_flight import HELD, started, until, waits
from tests.fakes.messages_api import MessagesApi

Machine = Callable[[str], Cli]


@pytest.fixture
def machine(cli: Cli, team: dict[str, str], tmp_path: Path) -> Machine:
    """Another machine of the team: a clone and a home of its own."""

    def made(name: str) -> Cli:
        clone = tmp_path / name
        git(tmp_path, "clone", "-q", str(cli.cwd), str(clone))
        home = tmp_path / f"home-{name}"
        home.mkdir()
        keys = {key: value for key, value in cli.env.items() if key.startswith("ANTHROPIC_")}
        return Cli(clone, home, {**keys, **team})

    return made


def test_two_machines_make_one_request(machine: Machine, api: MessagesApi, database: str) -> None:
    """The second says that it waits, and prints the first's answer, which is in the shared store by then."""
    api.script(HELD)
    one, two = machine("one"), machine("two")
    first = started(one, *ASK)
    until(lambda: len(api.messages) == 1)
    second = started(two, *ASK)
    assert waits(second)
    api.release.set()
    told = [process.communicate(timeout=120) for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0], told
    assert len(api.messages) == 1
    assert told[0][0] == told[1][0]
    assert "another optafly" not in told[1][1]
    assert "shared store" not in told[0][1] + told[1][1]
    assert arrived(database) == 1


@pytest.mark.slow
def test_another_machine_takes_over_from_one_that_died(machine: Machine, api: MessagesApi, database: str) -> None:
    """kill -9 while the answer streams: the server ends the session and the lock with it, and the other asks."""
    api.script(HELD)
    first = started(machine("one"), *ASK)
    until(lambda: len(api.messages) == 1)
    second = started(machine("two"), *ASK)
    assert waits(second)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    out, _ = second.communicate(timeout=120)
    assert (second.returncode, len(api.messages)) == (0, 2)
    assert out.strip()
    assert arrived(database) == 1


@pytest.mark.slow
def test_a_slow_shared_store_holds_nobody_up(machine: Machine, api: MessagesApi, database: str) -> None:
    """Someone holds the table: both ask by themselves, each with one warning; the entries go when it is free again."""
    one, two = machine("one"), machine("two")
    slow = {"OPTAFLY_CACHE_REMOTE_TIMEOUT_MS": "300"}
    with psycopg.connect(database) as holder:
        holder.execute(f"LOCK TABLE {remote_schema.SCHEMA}.entry IN ACCESS EXCLUSIVE MODE")
        for who in (one, two):
            assert who(*ASK, env=slow).err.count("shared store") == 1
        holder.rollback()
    assert len(api.messages) == 2
    one(*ASK[:2], "--no-context")
    until(lambda: arrived(database) >= 2)


def test_stats_say_what_waits(machine: Machine) -> None:
    """How many entries the team has, and how many of this machine wait while it is away, and why."""
    one = machine("one")
    one(*ASK)
    found = one("cache", "stats", "--json").json["shared"]
    assert found == {"namespace": "team", "reachable": True, "entries": 1, "waiting": 0, "problem": None}
    assert "shared    1 entry (namespace 'team')" in one("cache", "stats").out
    away = {"OPTAFLY_CACHE_DSN": "postgresql://me:hunter2@127.0.0.1:1/x", "OPTAFLY_CACHE_REMOTE_TIMEOUT_MS": "300"}
    one("ask", "explain this", "--file", "src/lib.rs", env=away)
    said = one("cache", "stats", env=away).out
    assert "shared    cannot be reached" in said
    assert "outbox    1 entry to be sent" in said
    assert "hunter2" not in said


def test_what_the_team_has_is_listed(machine: Machine, api: MessagesApi) -> None:
    """`list --shared` shows what another put there; `search --shared` compares with it, and asks nobody."""
    one, two = machine("one"), machine("two")
    one(*ASK)
    listed = two("cache", "list", "--shared", "--json").json["entries"]
    assert [(entry["id"], entry["instruction"]) for entry in listed] == [(None, "fix this bug")]
    assert "fix this bug" in two("cache", "list", "--shared").out
    assert two("cache", "list", "--json").json["entries"] == []
    found = two("cache", "search", "please fix this bug", "--file", "src/main.rs", "--shared")
    assert "fix this bug" in found.out
    assert len(api.messages) == 1


def test_doctor_looks_at_it(machine: Machine, database: str) -> None:
    """Server, schema, TLS and role; a role without rights, and a server that is away, are faults with exit code 5."""
    one = machine("one")
    found = {check["name"]: check for check in one("doctor", "--json").json["checks"]}["shared"]
    assert found["level"] == "missing"
    for part in ("PostgreSQL 18", "pgvector 0.", "schema 2", "no TLS (socket or loopback)", "sees every namespace"):
        assert part in found["text"]
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS nobody_here")
        owner.execute("CREATE ROLE nobody_here LOGIN")
        stranger = {"OPTAFLY_CACHE_DSN": psycopg.conninfo.make_conninfo(database, user="nobody_here")}
        assert "shared" in one("doctor", env=stranger, code=5).out
        remote_schema.grant(owner, "other", "nobody_here")
        assert "may not use namespace 'team'" in one("doctor", env=stranger, code=5).out
        remote_schema.grant(owner, "team", "nobody_here")
        assert "role nobody_here" in one("doctor", env=stranger).out
        owner.execute("DROP OWNED BY nobody_here")
        owner.execute("DROP ROLE nobody_here")
    away = {"OPTAFLY_CACHE_DSN": "postgresql://me:hunter2@127.0.0.1:1/x"}
    said = one("doctor", env=away, code=5)
    assert "cannot be reached" in said.out
    assert "hunter2" not in said.out + said.err


def test_what_was_kept_for_long_goes(machine: Machine, database: str) -> None:
    """The limit is the shared store's own: `prune` says what would go, and deletes it."""
    one = machine("one")
    one(*ASK)
    assert one("cache", "init-remote", "--keep-days", "90", "--json").json["keep_days"] == 90
    with psycopg.connect(database) as owner:
        owner.execute(f"UPDATE {remote_schema.SCHEMA}.entry SET created = created - 91 * 86400")
    assert "would delete 1 entry from the shared store" in one("cache", "prune", "--dry-run").out
    assert arrived(database) == 1
    assert one("cache", "prune", "--json").json["shared"] == 1
    assert arrived(database) == 0
    assert one("cache", "prune", "--json").json["shared"] == 0
