"""What the store keeps, counts and forgets, and that it survives other processes and sudden deaths."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from optafly_cli.cache.database import FILE
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import Clock, OpenStore, Project, answer, keep, maintained

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Evidence, Question, Scope
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import answer, scattered

store = Store.open(Path(sys.argv[1]), CacheSettings(), load_embedder=lambda: Embedder("scattered@1", 64, scattered))
scope = Scope("/w", "demo", "user:1", "m")
for number in range(int(sys.argv[3])):
    text = f"prompt {sys.argv[2]} number {number}"
    question = Question(text, text, text, scope, Evidence(), lambda: "", lambda prompt: "")
    store.remember(question, answer(text), evidence=Evidence(), cost=0.5)
    print(text, flush=True)
"""
ROOT = Path(__file__).parents[2]


def writer(folder: Path, name: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count), str(ROOT)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def prompts(folder: Path) -> list[str]:
    with maintained(folder) as store:
        assert store.problems() == []
        assert list(store.unreadable()) == []
    with Store.open(folder, CacheSettings()) as store:
        return sorted(entry.prompt for entry in store.entries(limit=10_000))


def test_everything_comes_back(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """An entry holds the prompt, the instruction, the scope, the evidence and the whole answer as they were given."""
    question = project.ask("fix\n```\nx\n```", "src/main.rs:5", "src/lib.rs", system="Be brief.")
    number = keep(open_store(), question, "caf\u00e9 \U0001f600", cost=0.25)
    entry = open_store().entry(number)
    assert entry is not None
    assert (entry.prompt, entry.instruction) == (question.prompt, "fix")
    assert entry.evidence == question.named
    assert entry.answer == answer("caf\u00e9 \U0001f600")
    assert (entry.created, entry.last_used, entry.hits, entry.cost) == (clock.now, clock.now, 0, 0.25)
    assert entry.scope["model"] == question.scope.model
    assert entry.scope["named"] == [list(item) for item in question.scope.named]
    assert open_store().entry(number + 1) is None


def test_broken_text_is_kept(project: Project, open_store: OpenStore) -> None:
    """A prompt with undecodable bytes, and an answer with a lone surrogate or a NUL, are stored and found again."""
    store = open_store()
    keep(store, project.ask("fix \udce9"), "a\ud800\x00b")
    found = store.look_up(project.ask("fix \udce9"))
    assert isinstance(found, Hit)
    assert found.entry.answer.text == "a\ud800\x00b"
    assert not isinstance(store.look_up(project.ask("fix \udce8")), Hit)


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "tool_use", "pause_turn", ""])
def test_only_complete_answers(project: Project, open_store: OpenStore, reason: str) -> None:
    """An answer that did not end by itself is refused, and nothing is written."""
    store = open_store()
    with pytest.raises(ValueError, match="complete"):
        store.remember(project.ask("x"), answer(stop_reason=reason), evidence=project.ask("x").named, cost=None)
    with pytest.raises(ValueError, match="complete"):
        store.remember(project.ask("x"), answer("  \n"), evidence=project.ask("x").named, cost=None)
    assert not store.folder.exists()


def test_pages_are_newest_first(project: Project, open_store: OpenStore) -> None:
    """Entries come newest first; the next page begins after the last id of the one before."""
    store = open_store()
    for number in range(5):
        keep(store, project.ask(f"prompt number {number}"))
    first = store.entries(limit=3)
    second = store.entries(limit=3, before=first[-1].id)
    assert [entry.prompt[-1] for entry in (*first, *second)] == ["4", "3", "2", "1", "0"]
    assert store.entries(limit=3, before=second[-1].id) == []


def test_stats_count_what_was_saved(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """Stats count entries by model, hits by tier, and what the answers that were served again had cost."""
    store = open_store()
    assert store.stats().entries == 0
    keep(store, project.ask("fix this bug"), cost=0.25)
    clock.now += 5
    store.remember(
        project.ask("explain this"), replace(answer(), model="other"), evidence=project.ask("x").named, cost=None
    )
    for prompt in ("fix this bug", "fix this bug", "please fix this bug", "nothing like it"):
        store.look_up(project.ask(prompt))
    stats = store.stats()
    assert (stats.entries, dict(stats.models)) == (2, {"claude-sonnet-5": 1, "other": 1})
    assert dict(stats.hits) == {"exact": 2, "semantic": 1}
    assert (stats.saved_usd, stats.saved_s, stats.saved_tokens) == (0.75, 12.0, 45)
    assert (stats.oldest, stats.newest) == (clock.now - 5, clock.now)
    assert stats.bytes >= (store.folder / FILE).stat().st_size
    entry = store.entry(1)
    assert entry is not None
    assert (entry.hits, entry.last_used) == (3, clock.now)


def test_clear_forgets_everything(project: Project, open_store: OpenStore) -> None:
    """After `clear` nothing hits, nothing is counted, and ids are not used again; it says how many entries went."""
    store = open_store()
    with maintained(store.folder) as care:
        assert care.clear() == 0
    first = keep(store, project.ask("fix this bug"))
    keep(store, project.ask("explain this"))
    store.look_up(project.ask("fix this bug"))
    with maintained(store.folder) as care:
        assert care.clear() == 2
    assert not isinstance(store.look_up(project.ask("fix this bug")), Hit)
    assert (store.stats().entries, dict(store.stats().hits)) == (0, {})
    assert keep(store, project.ask("fix this bug")) > first


def test_everything_is_private(project: Project, open_store: OpenStore, tmp_path: Path) -> None:
    """The folder and what is above it are 0700 and every file 0600, whatever the umask, -wal and -shm too."""
    old = os.umask(0)
    try:
        store = open_store()
        keep(store, project.ask("fix this bug"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.folder.iterdir()}
    finally:
        os.umask(old)
    assert {f"{FILE}-wal", f"{FILE}-shm", FILE} <= set(modes)
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_another_process_sees_an_entry_at_once(project: Project, open_store: OpenStore) -> None:
    """What one open store remembered, another one hits while both are open."""
    reader, writing = open_store(), open_store()
    assert not isinstance(reader.look_up(project.ask("fix this bug")), Hit)
    keep(writing, project.ask("fix this bug"))
    assert isinstance(reader.look_up(project.ask("fix this bug")), Hit)


def test_a_hit_is_served_while_another_process_writes(project: Project, open_store: OpenStore) -> None:
    """A write transaction that is open elsewhere holds no hit back: only the counting of it is left out."""
    store = open_store()
    keep(store, project.ask("fix this bug"))
    other = sqlite3.connect(store.folder / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert isinstance(store.look_up(project.ask("fix this bug")), Hit)
    other.execute("ROLLBACK")
    other.close()
    assert dict(store.stats().hits) == {}


def test_a_miss_writes_nothing(project: Project, open_store: OpenStore) -> None:
    """Look-ups that miss leave the database and its log byte for byte as they were."""
    store = open_store()
    keep(store, project.ask("fix this bug"))
    files = [store.folder / FILE, store.folder / f"{FILE}-wal"]
    before = [path.read_bytes() for path in files]
    store.look_up(project.ask("write a poem"))
    store.look_up(project.ask("fix this bug", "src/main.rs"))
    assert [path.read_bytes() for path in files] == before


def test_eight_processes_write_at_once(tmp_path: Path) -> None:
    """Eight processes that create and fill one store at the same time lose nothing and store nothing twice."""
    running = [writer(tmp_path / "store", str(name), 25) for name in range(8)]
    outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 8
    told = sorted(line for output in outputs for line in output.splitlines())
    assert len(told) == 200
    assert prompts(tmp_path / "store") == told


def test_kill_at_any_moment_loses_nothing_that_was_returned(tmp_path: Path) -> None:
    """After kill -9 in the middle of writing, the store opens, is sound, and has every answer that was returned."""
    told: list[str] = []
    for attempt in range(6):
        process = writer(tmp_path / "store", f"run{attempt}", 10_000)
        assert process.stdout is not None
        told += [process.stdout.readline().strip() for _ in range(3 * attempt + 1)]
        time.sleep(0.003 * attempt)
        process.send_signal(signal.SIGKILL)
        told += process.stdout.read().split("\n")[:-1]
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        assert set(told) <= set(prompts(tmp_path / "store"))
    assert len(told) > 20
