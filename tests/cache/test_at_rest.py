"""What lies on the disk is the user's alone, and holds no secret: neither in entries nor in anything beside them."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from optafly_cli.cache.database import FILE
from optafly_cli.cache.types import Hit
from optafly_cli.cache.writing import count_hit
from optafly_cli.config.settings import CacheSettings, Settings
from optafly_cli.pipeline.ask import Outcome, ask
from optafly_cli.pipeline.job import Job, Voice
from optafly_cli.pipeline.session import Session
from tests.cache.support import OpenStore, Project, keep, maintained
from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Reply

AWS = "AKIAQ3XZ7PLM2VN4KD8T"
PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx\nq83hA\n-----END RSA PRIVATE KEY-----"
SHARED = CacheSettings(backend="postgres", dsn="host=/nowhere dbname=x", namespace="team", remote_timeout_ms=200)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesApi]:
    with MessagesApi(reply="Use `?` instead of unwrap.") as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", server.key)
        yield server


def asked(project: Project, folder: Path, prompt: str, cache: CacheSettings) -> tuple[Outcome, list[str]]:
    """What came of it, and what the user was told."""
    said: list[str] = []
    voice = Voice(warn=said.append, status=lambda _: None, text=lambda _: None)
    settings = replace(Settings(), cache=cache)
    return ask(Session(Job(prompt, project.root, files=("src/main.rs",)), settings), voice, folder), said


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


WITH_A_SECRET = {
    "an AWS key in the answer": ("fix this", Reply(f"Set the key to {AWS} and run it.")),
    "a private key in the answer": ("fix this", Reply(f"Save this:\n{PRIVATE}\nand run it.")),
    "a key in what a tool found": (
        "fix this",
        Reply("Done.", extra_blocks=({"type": "server_tool_result", "content": [{"type": "note", "found": AWS}]},)),
    ),
    "a key in the prompt": (f"fix this with {AWS}", Reply("Done.")),
    "a password in the prompt": ("connect to postgres://me:kq8vT1xw@db.corp.net/x", Reply("Done.")),
}


@pytest.mark.parametrize("cache", [CacheSettings(), SHARED], ids=["alone", "shared"])
@pytest.mark.parametrize("prompt_and_reply", WITH_A_SECRET.values(), ids=WITH_A_SECRET)
def test_what_has_a_secret_is_answered_and_not_kept(
    project: Project, tmp_path: Path, api: MessagesApi, prompt_and_reply: tuple[str, Reply], cache: CacheSettings
) -> None:
    """On either side, in any part of the message: one line says so, and no byte of it is in the store or its outbox."""
    prompt, reply = prompt_and_reply
    folder = tmp_path / "store"
    api.script(Reply("Use `?`."), reply)
    asked(project, folder, "fix this bug", cache)
    outcome, said = asked(project, folder, prompt, cache)
    assert outcome.answer is not None
    assert (outcome.entry, outcome.store_problem) == (None, None)
    assert [line for line in said if "not stored" in line] == [
        "the answer was not stored: a secret is in what was sent or answered"
    ]
    content = on_disk(folder)
    assert not [secret for secret in (AWS, "MIIEowIBAAKCAQEAx", "kq8vT1xw") if secret.encode() in content]
    with closing(sqlite3.connect(folder / FILE)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (int(cache is SHARED),)


def test_a_record_of_a_hit_keeps_no_secret(project: Project, open_store: OpenStore) -> None:
    """Other words that are answered are written down for `cache reject`: without what looks like a key in them."""
    store = open_store()
    keep(store, project.ask("fix this bug"))
    found = store.look_up(project.ask("please fix this bug"))
    assert isinstance(found, Hit)
    connection = store._writer()
    count_hit(connection, replace(found, tier="semantic"), f"please fix this bug {AWS}", 1.0)
    texts = [row[0] for row in connection.execute("SELECT instruction FROM hit ORDER BY id")]
    assert texts == ["please fix this bug", "please fix this bug [redacted: AWS access key]"]


def test_an_import_keeps_what_the_file_has_and_shares_nothing(project: Project, open_store: OpenStore) -> None:
    """A backup comes back whole, also one from before a shape of secrets was known; none of it is sent to a team."""
    store = open_store()
    keep(store, project.ask("fix this bug"), f"the key is {AWS}")
    with maintained(store.folder) as care:
        lines = [line.encode() for line in care.lines(lambda _, why: pytest.fail(why))]
    other = store.folder.parent / "other"
    with maintained(other, SHARED) as care:
        assert care.add(enumerate(lines, 1), refuse=lambda _, why: pytest.fail(why)).new == 1
        assert [line.encode() for line in care.lines(lambda _, why: pytest.fail(why))] == lines
        assert care._writer().execute("SELECT count(*) FROM outbox").fetchone() == (0,)


def test_what_is_deleted_is_overwritten(project: Project, open_store: OpenStore) -> None:
    """Deleted, cleared or replaced, no word is left in the files, however SQLite was built."""
    store = open_store()
    for number, word in enumerate(("xylophone", "marimba", "glockenspiel")):
        keep(store, project.ask(f"question {number}"), f"{word} " * 2_000)
    keep(store, project.ask("question 2"), "short")
    store.close()
    assert b"xylophone" in on_disk(store.folder)
    assert b"glockenspiel" not in on_disk(store.folder)
    with maintained(store.folder) as care:
        care.delete([1])
    assert b"xylophone" not in on_disk(store.folder)
    with maintained(store.folder) as care:
        care.clear()
    assert b"marimba" not in on_disk(store.folder)


LOG = """
import os, sys
os.umask(0)
from optafly_cli.cli import crash_log
print(crash_log.write(["ask"], ValueError("x")))
"""


def test_a_log_and_all_above_it_are_private(tmp_path: Path) -> None:
    """The first thing that ever happens is a fault of ours: what is made for its log is nobody else's."""
    home = tmp_path / "some" / "where"
    env = {**os.environ, "OPTAFLY_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", LOG], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(home))
    assert open_to_others(tmp_path / "some") == []


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.rglob("*")) if path.exists() and path.lstat().st_mode & 0o077]
