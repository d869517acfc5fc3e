"""0700 and 0600 for everything that any command makes, with a umask that forbids nothing."""

from pathlib import Path

from tests.cache.test_at_rest import open_to_others
from tests.cli.conftest import Cli
from tests.cli.test_full_disk import MANY, lines

ASK = ("ask", "fix this bug", "--file", "src/main.rs")


def test_whatever_is_made_is_private(cli: Cli, tmp_path: Path) -> None:
    """Settings, store, index, locks, exports; a team's command, which writes before there is a store, comes first."""
    home = cli.store.parent
    cli.env["OPTAFLY_HOME"] = str(home)
    nowhere = {
        "OPTAFLY_CACHE_BACKEND": "postgres",
        "OPTAFLY_CACHE_DSN": "host=/nowhere dbname=x",
        "OPTAFLY_CACHE_NAMESPACE": "team",
        "OPTAFLY_CACHE_REMOTE_TIMEOUT_MS": "200",
    }
    (cli.cwd / "many.jsonl").write_text("\n".join(lines(MANY)))
    cli(*ASK, "--cache-only", env=nowhere, code=None, umask=0)
    assert (cli.store / "workspaces.json").exists()
    for arguments in (
        ("config", "set", "cache.ttl_days", "30000"),
        ("cache", "import", "many.jsonl"),
        ("cache", "export", str(home / "out.jsonl")),
        ("cache", "delete", "1"),
        ("cache", "rebuild"),
    ):
        cli(*arguments, umask=0)
    made = {path.name for path in home.rglob("*")}
    assert {"config.toml", "entries.sqlite", "store.lock", "current.json", "lock", "out.jsonl"} <= made
    assert open_to_others(home) == []
