"""Stores that cannot be used: each is refused with its own code and sentence, and nothing in it is touched."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optafly_cli._version import __version__
from optafly_cli.cache import schema
from optafly_cli.cache.database import FILE, LOCK, connect_to_read, connect_to_write, transaction
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import StoreError
from tests.cache.support import OpenStore, Project, answer, keep, maintained

ROOT = Path(__file__).parents[2]


@pytest.fixture
def filled(project: Project, open_store: OpenStore) -> Path:
    """The folder of a store with one entry, closed."""
    store = open_store()
    keep(store, project.ask("fix this bug"))
    store.close()
    return store.folder


def _from_the_future(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.execute("UPDATE meta SET value = '9.9.9' WHERE key = 'written_by'")
    database.commit()
    database.close()


def _of_another_program(path: Path) -> None:
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE bookmarks (url TEXT)")
    database.close()


def _no_database(path: Path) -> None:
    path.write_bytes(b"this is a text file, not a database\n" * 200)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def _overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("harm", "code", "words"),
    [
        (_from_the_future, "store_future", ["9.9.9", __version__, "nothing in it was touched"]),
        (_of_another_program, "store", ["another program", "nothing in it was touched"]),
        (_no_database, "store_damaged", ["damaged", "nothing in it was touched"]),
        (_cut, "store_damaged", ["damaged", "nothing in it was touched"]),
        (_overwritten, "store_damaged", ["damaged", "nothing in it was touched"]),
    ],
)
def test_unusable_stores_are_refused(
    project: Project, open_store: OpenStore, filled: Path, harm: Callable[[Path], None], code: str, words: list[str]
) -> None:
    """Reading and writing both refuse, say what is wrong, offer a remedy, and leave every byte in place."""
    harm(filled / FILE)
    before = (filled / FILE).read_bytes()
    store = open_store()
    for use in (lambda: store.look_up(project.ask("fix this bug")), lambda: keep(store, project.ask("another"))):
        with pytest.raises(StoreError) as refused:
            use()
        assert refused.value.code == code
        assert all(word in refused.value.message for word in words), refused.value.message
        assert str(filled) in refused.value.message
        assert refused.value.remedy
        assert refused.value.exit_code == 5
    store.close()
    assert (filled / FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("column", "content"),
    [
        *((column, content) for column in ("answer", "scope", "evidence") for content in ("{", "[1]", '"x"')),
        *((column, '{"text": 1}') for column in ("answer", "evidence")),
    ],
)
def test_a_row_that_was_tampered_with_is_damage(
    project: Project, open_store: OpenStore, filled: Path, column: str, content: str
) -> None:
    """A row that does not hold what optafly writes is reported as damage, not as a fault of ours."""
    with sqlite3.connect(filled / FILE) as database:
        database.execute(f"UPDATE entry SET {column} = ?", (content,))
    database.close()
    with pytest.raises(StoreError) as refused:
        open_store().look_up(project.ask("fix this bug"))
    assert refused.value.code == "store_damaged"


def test_a_store_in_the_way(project: Project, tmp_path: Path) -> None:
    """A file where the folder should be, and a folder where the database should be, are one clear sentence each."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder" / FILE).mkdir(parents=True)
    for folder in (tmp_path / "file", tmp_path / "folder"):
        with pytest.raises(StoreError) as refused:
            keep(Store.open(folder, CacheSettings()), project.ask("x"))
        assert refused.value.code == "store"
    assert (tmp_path / "file").read_text() == "x"


def test_a_busy_store_is_said_to_be_busy(filled: Path) -> None:
    """A writer that never lets go gives `store_busy` once the wait is over."""
    holder, other = connect_to_write(filled), connect_to_write(filled)
    holder.execute("BEGIN IMMEDIATE")
    other.execute("PRAGMA busy_timeout = 1")
    from optafly_cli.cache.failures import reported

    with pytest.raises(StoreError) as refused, reported(filled, "written"), transaction(other):
        pass
    assert refused.value.code == "store_busy"
    holder.close()
    other.close()


def test_an_empty_file_is_no_store(project: Project, open_store: OpenStore, tmp_path: Path) -> None:
    """A database file of no bytes reads as an empty store, and is replaced by the first answer."""
    folder = tmp_path / "home" / "store"
    folder.mkdir(parents=True)
    (folder / FILE).touch()
    store = open_store()
    assert not isinstance(store.look_up(project.ask("fix this bug")), Hit)
    keep(store, project.ask("fix this bug"))
    assert isinstance(store.look_up(project.ask("fix this bug")), Hit)


def test_a_log_without_its_database_is_kept_aside(filled: Path) -> None:
    """When only entries.sqlite was taken away, its old log is renamed, not replayed into the new database."""
    (filled / FILE).unlink()
    (filled / f"{FILE}-wal").write_bytes(b"old log")
    connect_to_write(filled).close()
    assert [path.read_bytes() for path in filled.glob("*orphan*")] == [b"old log"]


def test_what_a_killed_creator_left_is_cleared(tmp_path: Path) -> None:
    """A half-built database of a process that died is removed when the store is created, and only then."""
    (tmp_path / f"{FILE}.new").write_bytes(b"half")
    (tmp_path / f"{FILE}.new-wal").write_bytes(b"half")
    connect_to_write(tmp_path).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", FILE, LOCK]


def test_migrations_run_once_and_as_a_whole(tmp_path: Path) -> None:
    """A newer schema is reached in one transaction; a step that fails leaves the old schema and every row."""
    connection = connect_to_write(tmp_path)
    more = (*schema.MIGRATIONS, schema.Migration("notes", ("ALTER TABLE entry ADD COLUMN note TEXT",)))
    broken = (*more, schema.Migration("broken", ("CREATE TABLE fine (x)", "CREATE TABEL typo (x)")))
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(connection, broken)
    assert schema.version_of(connection) == schema.LATEST
    schema.migrate(connection, more)
    schema.migrate(connection, more)
    names = [row[0] for row in connection.execute("SELECT name FROM migration ORDER BY number")]
    assert names == [*(step.name for step in schema.MIGRATIONS), "notes"]
    assert schema.version_of(connection) == len(more)
    assert schema.written_by(connection) == __version__
    connection.close()


def test_durability_is_asked_of_sqlite(tmp_path: Path) -> None:
    """A writing connection has a write-ahead log and waits for the disk at each commit."""
    connection = connect_to_write(tmp_path)
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    connection.close()


def test_reading_creates_nothing(tmp_path: Path) -> None:
    """Looking for a store where there is none gives nothing and leaves nothing."""
    assert connect_to_read(tmp_path / "store") is None
    assert list(tmp_path.iterdir()) == []


def _limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


FILL = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Evidence, Question, Scope
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import StoreError
from tests.cache.support import answer, scattered

store = Store.open(Path(sys.argv[1]), CacheSettings(), load_embedder=lambda: Embedder("scattered@1", 64, scattered))
for number in range(1000):
    text = f"prompt {number}"
    question = Question(text, text, text, Scope("/w", "d", "u", "m"), Evidence(), lambda: "", lambda prompt: "")
    try:
        store.remember(question, answer(text * 500), evidence=Evidence(), cost=None)
    except StoreError as error:
        print(error.code, number)
        print(error.message)
        break
"""


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """At a file size limit the answer is refused with `store_full`, and everything stored before is there."""
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path / "store"), str(ROOT)],
        preexec_fn=_limit_files,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    head, sentence = done.stdout.splitlines()
    code, stored = head.split()
    assert (code, done.stderr) == ("store_full", "")
    assert "no room is left" in sentence
    with maintained(tmp_path / "store") as care:
        assert care.problems() == []
    with Store.open(tmp_path / "store", CacheSettings()) as store:
        assert len(store.entries(limit=5000)) == int(stored) > 0


READ_ONLY = """
import os, sys, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Evidence, Hit, Question, Scope
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import StoreError
from tests.cache.support import answer

question = Question("fix", "fix", "fix", Scope("/w", "d", "u", "m"), Evidence(), lambda: "", lambda prompt: "")

def use(folder):
    with Store.open(folder, CacheSettings()) as store:
        found = store.look_up(question)
        told = [isinstance(found, Hit) and found.entry.answer.text, store.stats().entries]
        try:
            store.remember(question, answer(), evidence=Evidence(), cost=None)
        except StoreError as error:
            told += [error.code, error.message]
    return told

use(Path(tempfile.mkdtemp()))  # imports everything while the interpreter's own files can be read
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
print(*use(Path(sys.argv[1])), sep="\\n")
"""


@pytest.fixture
def open_to_nobody() -> Iterator[Path]:
    """A folder that a process without any rights can enter: tests may run as root."""
    folder = Path(tempfile.mkdtemp(prefix="optafly-readonly-"))
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        path.chmod(0o755)
    shutil.rmtree(folder)


def test_a_read_only_store_still_answers(open_to_nobody: Path) -> None:
    """In a folder that cannot be written a hit is served, and remembering fails with `store_readonly`."""
    from optafly_cli.cache.types import Evidence, Question, Scope

    folder = open_to_nobody / "store"
    with Store.open(folder, CacheSettings()) as store:
        question = Question("fix", "fix", "fix", Scope("/w", "d", "u", "m"), Evidence(), str, str)
        store.remember(question, answer("kept"), evidence=Evidence(), cost=None)
    (folder / FILE).chmod(0o444)
    folder.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[:3] == ["kept", "1", "store_readonly"]
    assert "permission denied" in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", FILE, LOCK]
