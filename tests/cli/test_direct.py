"""The same command again is answered by the launcher alone, and never when anything that it hung on has changed."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optafly_cli import direct
from optafly_cli.cache import schema
from optafly_cli.config.paths import store_folder
from optafly_cli.config.settings import CacheSettings
from tests.cli.conftest import MAIN_RS, Cli, git
from tests.cli.terminal import on_a_terminal, plain_lines
from tests.fakes.messages_api import MessagesApi

# The clock of files ticks slowly: without a pause nothing that was just written is trusted. No test waits for that.
HARNESS = """
import os, sys
sys.argv[0] = "optafly"
os._exit = sys.exit
import optafly_cli.direct
optafly_cli.direct.SETTLED_S = -1e9
from optafly_cli.__main__ import main
try:
    main()
finally:
    sys.stdout.flush()
    print("by the", "application" if "typer" in sys.modules else "launcher", file=sys.stderr)
"""
WORDS = ("ask", "what does this do?", "--file", "src/main.rs:12", "--file", "src/lib.rs")
ASKED = (*WORDS, "--cache-only")
ENDPOINT = ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY")
ALONE = {"OPTAFLY_SERVICE_ENABLED": "false"}
"""Who answers is told by what was imported, which a service would do for the application."""
ROOT = Path(__file__).parents[2]
HERE = {"PYTHONPATH": str(ROOT)}


def run(
    cli: Cli, *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None, stdin: str | None = None
) -> tuple[int, str, str, str]:
    """Exit code, stdout, stderr, and who answered."""
    done = subprocess.run(
        [sys.executable, "-c", HARNESS, *arguments],
        input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
        cwd=cwd or cli.cwd, env={**cli.env, "PYTHONPATH": str(ROOT), **(env or {})},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    told, _, who = done.stderr.rpartition("by the ")
    return done.returncode, done.stdout, told, who.strip()


def make_repository(root: Path) -> None:
    (root / "src").mkdir(parents=True)
    (root / "Cargo.toml").write_text('[package]\nname = "unwrap"\n')
    (root / "src" / "main.rs").write_text(MAIN_RS)
    (root / "src" / "lib.rs").write_text("pub fn double(n: u32) -> u32 {\n    n * 3\n}\n")
    git(root, "init", "-q")


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A question that was asked and answered once, for all tests: asking takes seconds."""
    with MessagesApi(reply="Use `?` instead of unwrap.") as api:
        root = tmp_path_factory.mktemp("direct")
        (root / "home").mkdir()
        make_repository(root / "unwrap")
        env = {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": api.key, **ALONE}
        cli = Cli(root / "unwrap", root / "home", env)
        assert run(cli, *WORDS)[::3] == (0, "application")
        yield cli


@pytest.fixture
def asked(answered: Cli, tmp_path: Path) -> Cli:
    """The same repository made anew, and a copy of the store; asked again, the launcher answers."""
    shutil.rmtree(answered.cwd)
    make_repository(answered.cwd)
    shutil.copytree(answered.home, tmp_path / "home")
    cli = Cli(answered.cwd, tmp_path / "home", {**{name: answered.env[name] for name in ENDPOINT}, **ALONE})
    assert run(cli, *ASKED)[::3] == (0, "application")
    assert run(cli, *ASKED) == (0, "Use `?` instead of unwrap.\n", "", "launcher")
    return cli


def test_what_it_needs_to_know_is_what_the_application_knows(tmp_path: Path) -> None:
    """The schema and the place of the store are literals here, and true."""
    assert direct.SCHEMA == schema.LATEST
    for environ in (
        {"HOME": "/home/x"},
        {"HOME": "/home/x", "XDG_DATA_HOME": "/data"},
        {"HOME": "/home/x", "XDG_DATA_HOME": "data"},
        {"HOME": "/home/x", "OPTAFLY_HOME": "~/o"},
        {"HOME": "/home/x", "OPTAFLY_HOME": "~"},
        {"HOME": "/home/x", "OPTAFLY_HOME": "o/../p"},
    ):
        assert direct.store_folder(environ) == str(store_folder(CacheSettings(), environ))
    assert direct.store_folder({"OPTAFLY_CACHE_PATH": str(tmp_path)}) == str(tmp_path)


def test_every_hit_is_counted(asked: Cli) -> None:
    """Hits of the launcher are hits: for `cache stats`, for pruning, for `reject`."""
    run(asked, *ASKED)
    with sqlite3.connect(asked.store / direct.FILE) as connection:
        hits = connection.execute("SELECT entry, tier, similarity, tokens, cost, seconds FROM hit").fetchall()
        entry = connection.execute("SELECT id, hits, last_used > created, cost, seconds FROM entry").fetchone()
    connection.close()
    assert entry[:3] == (1, 3, 1)
    assert hits == [(1, "exact", 1.0, hits[0][3], entry[3], entry[4])] * 3
    assert hits[0][3] > 0
    assert asked("cache", "stats", "--json", env=HERE).json["hits"]["exact"] == 3
    asked("cache", "reject", env=HERE)
    assert run(asked, *ASKED)[::3] == (1, "application")


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        ((*ASKED, "--json"), {}),
        ((*ASKED, "-v"), {}),
        ((*ASKED, "--model", "claude-haiku-4-5"), {}),
        ((*ASKED[:2], *ASKED[4:]), {}),
        (("ask", "what does this do", *ASKED[2:]), {}),
        (ASKED, {"OPTAFLY_PROVIDER_MAX_TOKENS": "77"}),
        (ASKED, {"OPTAFLY_CACHE_ENABLED": "false"}),
        (ASKED, {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}),
        (ASKED, {"ANTHROPIC_CUSTOM_HEADERS": "x: y"}),
        (ASKED, {"OPTAFLY_NONSENSE": "1"}),
    ],
    ids=lambda value: " ".join(value) if value else "",
)  # fmt: skip
def test_another_command_is_another_question(asked: Cli, arguments: tuple[str, ...], env: dict[str, str]) -> None:
    """Other words, options or settings: the application is asked."""
    assert run(asked, *arguments, env=env)[3] == "application"
    assert run(asked, *ASKED)[3] == "launcher"


def test_what_nobody_kept_needs_no_database(asked: Cli) -> None:
    """The map says so. Where there is none, or it cannot be read, the database is asked."""
    place = asked.store / direct.MAP
    assert place.stat().st_mode & 0o777 == 0o600
    kept = place.read_bytes()
    place.write_bytes(bytes(len(kept)))
    assert run(asked, *ASKED)[::3] == (0, "application")
    noted = place.read_bytes()
    assert noted.count(1) == 1
    assert all(one <= other for one, other in zip(noted, kept, strict=False))
    assert run(asked, *ASKED)[::3] == (0, "launcher")
    place.unlink()
    assert run(asked, *ASKED)[::3] == (0, "launcher")
    place.mkdir()
    assert run(asked, *ASKED)[::3] == (0, "launcher")


def test_piped_text_is_read(asked: Cli) -> None:
    """Something on stdin is context, which the launcher does not read."""
    assert run(asked, *ASKED, stdin="a log")[3] == "application"


def _edit(repo: Path) -> None:
    (repo / "src/lib.rs").write_text((repo / "src/lib.rs").read_text().replace("3", "2"))


def _same_size_and_time(repo: Path) -> None:
    path = repo / "src/lib.rs"
    before = path.stat()
    path.write_text(path.read_text().replace("3", "2"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replace_by_a_link(repo: Path) -> None:
    (repo / "other.rs").write_bytes((repo / "src/lib.rs").read_bytes().replace(b"3", b"2"))
    (repo / "src/lib.rs").unlink()
    (repo / "src/lib.rs").symlink_to(repo / "other.rs")


def _project_file(repo: Path) -> None:
    (repo / ".optafly.toml").write_text("[provider]\nmax_tokens = 77\n")


def _a_file_named_like_the_range(repo: Path) -> None:
    (repo / "src/main.rs:12").write_text("another file\n")


def _another_language(repo: Path) -> None:
    (repo / "pyproject.toml").write_text('[project]\nname = "x"\n')


def _no_repository(repo: Path) -> None:
    (repo / ".git").rename(repo.parent / "git")


def _delete(repo: Path) -> None:
    (repo / "src/lib.rs").unlink()


CHANGES = [
    _edit,
    _same_size_and_time,
    _replace_by_a_link,
    _project_file,
    _a_file_named_like_the_range,
    _another_language,
    _no_repository,
    _delete,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whatever_it_hung_on_is_looked_at(asked: Cli, change: Callable[[Path], None]) -> None:
    """A file was edited, even unseen by size and time; settings, the root or the kind of project are others now."""
    change(asked.cwd)
    code, _, _, who = run(asked, *ASKED)
    # Without its repository the folder is still a project, and the same one: the application finds the answer
    assert (who, code == 0) == ("application", change is _no_repository)


def test_settings_of_the_user_are_looked_at(asked: Cli) -> None:
    """A configuration that appears, and one that changes."""
    path = Path(asked.env["OPTAFLY_HOME"]) / "config.toml"
    for days in (20, 21):
        path.write_text(f"[cache]\nttl_days = {days}\n")
        assert run(asked, *ASKED)[3] == "application"
        assert run(asked, *ASKED)[3] == "launcher"
    path.write_text("[provider]\nmax_tokens = 77\n")
    assert run(asked, *ASKED)[::3] == (1, "application")


def test_a_repository_inside_is_another_workspace(asked: Cli) -> None:
    """Where the command was typed in a folder that has become a repository of its own."""
    inside = asked.cwd / "src"
    words = ("ask", "what does this do?", "--file", "main.rs:12", "--file", "lib.rs", "--cache-only")
    assert run(asked, *words, cwd=inside)[::3] == (0, "application")
    assert run(asked, *words, cwd=inside)[::3] == (0, "launcher")
    git(inside, "init", "-q")
    assert run(asked, *words, cwd=inside)[::3] == (1, "application")


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM entry",
        "UPDATE direct SET expires = 1",
        "UPDATE entry SET created = 1",
        f"PRAGMA user_version = {schema.LATEST + 1}",
        "UPDATE entry SET answer = '{'",
        "UPDATE entry SET answer = '{}'",
    ],
)
def test_the_entry_is_looked_at(asked: Cli, change: str) -> None:
    """Deleted, expired, of another schema, unreadable: the application says what is to be said."""
    with sqlite3.connect(asked.store / direct.FILE) as connection:
        connection.execute(change)
    connection.close()
    if "created" in change:
        # What has expired is in `expires`; the age is only said
        assert run(asked, *ASKED)[3] == "launcher"
    else:
        assert run(asked, *ASKED)[3] == "application"


def test_a_newer_answer_takes_its_place(asked: Cli) -> None:
    """After --refresh the new answer is given."""
    assert run(asked, *WORDS, "--refresh")[::3] == (0, "application")
    assert run(asked, *ASKED)[3] == "application"
    assert run(asked, *ASKED)[3] == "launcher"


def test_what_was_only_just_written_is_not_trusted(asked: Cli) -> None:
    """Within a second after an edit the application is asked: the next edit might have the same time."""
    (asked.cwd / "src/lib.rs").touch()
    asked(*ASKED, env=HERE)
    assert run(asked, *ASKED)[3] == "application"


def test_a_pattern_is_left_to_the_application(asked: Cli) -> None:
    """What it matches can change without a file that was named."""
    words = ("ask", "what does this do?", "--file", "src/main.rs:12", "--file", "src/li*.rs", "--cache-only")
    assert {run(asked, *words)[::3] for _ in range(2)} == {(0, "application")}


def test_what_the_user_was_told_besides_is_told_again(asked: Cli) -> None:
    """A command that warns is never answered without the warning."""
    for _ in range(3):
        _, _, told, who = run(asked, *ASKED, env={"OPTAFLY_NONSENSE": "1"})
        assert (who, "OPTAFLY_NONSENSE" in told) == ("application", True)


@pytest.fixture
def on_terminal(asked: Cli) -> Iterator[Cli]:
    """Asked on a terminal twice: the second time by the launcher."""
    time.sleep(direct.SETTLED_S + 0.1)
    on_a_terminal(asked, *ASKED, env=HERE)
    yield asked


def test_on_a_terminal_it_looks_the_same(on_terminal: Cli) -> None:
    """The answer and the line about it, in colour or not; who answered can only be told by how long it took."""
    with sqlite3.connect(on_terminal.store / direct.FILE) as connection:
        before = connection.execute("SELECT count(*) FROM direct").fetchone()[0]
    connection.close()
    assert before == 3
    code, written = on_a_terminal(on_terminal, *ASKED, env=HERE)
    assert code == 0
    first, second, *_ = plain_lines(written)
    assert first == "Use `?` instead of unwrap."
    assert second.startswith("optafly: exact hit · ")
    assert b"\x1b[2moptafly: exact hit" in written
    assert b"\x1b[" not in on_a_terminal(on_terminal, *ASKED, env={**HERE, "NO_COLOR": "1"})[1]
    narrow = plain_lines(on_a_terminal(on_terminal, *ASKED, columns=30, env=HERE)[1])
    assert max(map(len, narrow)) <= 30


def test_a_reader_that_is_gone_and_a_full_disk(asked: Cli) -> None:
    """As the application: no error for `| head`, a sentence and 2 for what cannot be written."""
    command = [sys.executable, "-c", HARNESS, *ASKED]
    env = {**asked.env, "PYTHONPATH": str(ROOT)}
    reading, writing = os.pipe()
    os.close(reading)
    gone = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE, cwd=asked.cwd, env=env, check=False
    )
    os.close(writing)
    assert gone.returncode == 0
    with Path("/dev/full").open("w") as full:
        lost = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, cwd=asked.cwd, env=env, check=False
        )
    assert lost.returncode == 2
    assert b"could not be written to stdout" in lost.stderr
