"""Two people with a clone each, and a store that they share: as typed."""

from pathlib import Path

import psycopg
import pytest

from tests.cli.conftest import Cli, git, lookup

ASK = ("ask", "fix this bug", "--file", "src/main.rs")


def arrived(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM optafly.entry").fetchone()
    return row[0] if row else 0


def test_what_one_asked_the_other_need_not(cli: Cli, team: dict[str, str], database: str, tmp_path: Path) -> None:
    """In another clone, with another home: answered; not outside of the team, nor about changed code."""
    git(cli.cwd, "add", "-A")
    git(cli.cwd, "commit", "-qm", "all", "--allow-empty")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(cli.cwd), str(clone))
    assert "is ready" in cli("cache", "init-remote", env=team).err
    cli(*ASK, env=team)
    for _ in range(600):
        if arrived(database):
            break
        cli("cache", "path", env=team)
    assert arrived(database) == 1
    other = {**team, "OPTAFLY_HOME": str(tmp_path / "other")}
    found = cli(*ASK, "--cache-only", "--json", env=other, cwd=clone).json["cache"]
    assert (found["status"], found["tier"]) == ("hit", "exact")
    alone = {"OPTAFLY_HOME": str(tmp_path / "alone")}
    assert cli(*ASK, "--cache-only", "--json", env=alone, cwd=clone, code=1).json["cache"]["status"] == "miss"
    (clone / "src" / "main.rs").write_text("fn main() {}\n")
    third = {**team, "OPTAFLY_HOME": str(tmp_path / "third")}
    assert (
        cli(*ASK, "--cache-only", "--json", env=third, cwd=clone, code=1).json["cache"]["reason"].startswith("evidence")
    )


def test_away_it_is_one_warning(cli: Cli, team: dict[str, str]) -> None:
    """The answer comes, the exit code is 0, one line says that the shared store is away; no password is in it."""
    nowhere = {
        **team,
        "OPTAFLY_CACHE_DSN": "postgresql://me:hunter2@127.0.0.1:1/x",
        "OPTAFLY_CACHE_REMOTE_TIMEOUT_MS": "300",
    }
    done = cli(*ASK, env=nowhere)
    assert done.out.strip()
    assert done.err.count("shared store") == 1
    assert "hunter2" not in done.err + done.out
    assert lookup(cli, *ASK, env=nowhere)["status"] == "hit"


@pytest.mark.parametrize(("name", "value"), [("OPTAFLY_CACHE_DSN", ""), ("OPTAFLY_CACHE_NAMESPACE", "")])
def test_what_is_not_configured_is_said(cli: Cli, team: dict[str, str], name: str, value: str) -> None:
    """Exit 4 and what to set, for ask and for init-remote."""
    for command in (ASK, ("cache", "init-remote")):
        assert "[cache] backend is postgres" in cli(*command, env={**team, name: value}, code=4).err


def test_who_shares_nothing_is_told_so(cli: Cli) -> None:
    """init-remote with the default backend names what to set first."""
    assert "cache.backend postgres" in cli("cache", "init-remote", code=4).err
