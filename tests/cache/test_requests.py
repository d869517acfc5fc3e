"""The log of requests in the store: what is kept of them, for how long, and that no word is."""

import sqlite3
from pathlib import Path

import pytest

from optafly_cli.cache import requests, schema
from optafly_cli.cache.database import FILE, connect_to_write, transaction
from optafly_cli.cache.requests import RequestLog
from optafly_cli.errors import StoreError
from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.history import Account, Memory, Sent
from optafly_cli.route.shape import BlockShape, Marks, RequestShape, prefixes
from tests.cache.support import OpenStore, Project, keep, maintained


def sent(names: str, at: float, marks: Marks | None = None, *, tokens: int = 200, output: int = 7) -> Sent:
    """A request with a block for each letter; a capital one is a system block."""
    kind: dict[bool, BlockKind] = {True: "system", False: "conversation"}
    request = RequestShape("m", tuple(BlockShape(n, tokens, kind[n.isupper()]) for n in names), at)
    return Sent(request, prefixes(request), marks or {}, output, Account(10, 20, 30))


TRACE = [
    sent("Sab", 1_000.5, {0: "1h", 2: "5m"}),
    sent("Sabcd", 1_060, {4: "5m"}),
    sent("Sx", 1_100),
    sent("Sab", 1_700),
    sent("Sabq", 4_000),
]


def test_the_log_says_what_a_history_in_memory_says(tmp_path: Path) -> None:
    """Of every prefix, and of what was billed in the last hour; a log that is opened again, too."""
    memory = Memory()
    for one in TRACE:
        with RequestLog(tmp_path) as log:
            assert log.past(one.ends) == memory.past(one.ends)
            log.add(one)
        memory.add(one)
    with RequestLog(tmp_path) as log:
        for one in TRACE:
            assert log.past(one.ends) == memory.past(one.ends)
        assert log.past(sent("aSb", 0).ends) == []
        assert log.account(4_700) == memory.account(4_700)
        assert memory.account(4_700) == Account(20, 40, 60, sum(one.request.tokens for one in TRACE[-2:]))


def test_a_trace_comes_back_as_it_was(tmp_path: Path) -> None:
    """Times, models, kinds, tokens, breakpoints and answers; what began alike begins alike."""
    with RequestLog(tmp_path) as log:
        for one in reversed(TRACE):
            log.add(one)
        found = log.trace()
    assert [(shape.at, shape.model, output) for shape, output in found] == [(t.request.at, "m", 7) for t in TRACE]
    assert [[b.kind for b in shape.blocks] for shape, _ in found] == [[b.kind for b in t.request.blocks] for t in TRACE]
    assert [shape.own_marks for shape, _ in found] == [t.marks for t in TRACE]
    for mine, theirs in zip(found, TRACE, strict=True):
        for other, others in zip(found, TRACE, strict=True):
            alike = [a.key == b.key for a, b in zip(prefixes(mine[0]), prefixes(other[0]), strict=False)]
            assert alike == [a.key == b.key for a, b in zip(theirs.ends, others.ends, strict=False)]


def test_a_store_that_does_not_exist_is_an_empty_log(tmp_path: Path) -> None:
    """Asking creates nothing."""
    with RequestLog(tmp_path / "none") as log:
        assert (log.past(TRACE[0].ends), log.account(0), log.trace()) == ([], Account(), [])
    assert not (tmp_path / "none").exists()


def test_the_log_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By requests and by blocks; a prefix goes with the last request that began with it, and stays with a newer one."""
    monkeypatch.setattr(requests, "_TRIM_EVERY", 1)
    with RequestLog(tmp_path) as log:
        monkeypatch.setattr(requests.trim, "__defaults__", (3, 100))
        for i in range(10):
            log.add(sent(f"S{chr(97 + i)}", 100.0 * i))
        assert [shape.at for shape, _ in log.trace()] == [700, 800, 900]
        assert log.past(sent("Sa", 0).ends)[0].uses == 10
        assert len(log.past(sent("Sa", 0).ends)) == 1
        monkeypatch.setattr(requests.trim, "__defaults__", (3, 12))
        log.add(sent("Sabcdefghij", 2_000))
        assert [shape.at for shape, _ in log.trace()] == [2_000]
    with sqlite3.connect(tmp_path / FILE) as database:
        assert database.execute("SELECT count(*) FROM prefix").fetchone()[0] == 11
    database.close()


def test_of_an_endless_request_only_the_beginning_is_logged(tmp_path: Path) -> None:
    """Past a thousand blocks; the tokens of the whole are."""
    long = sent("".join(chr(0x4E00 + i) for i in range(1_500)), 5)
    with RequestLog(tmp_path) as log:
        log.add(long)
        assert len(log.past(long.ends)) == requests.LONGEST
        assert len(log.trace()[0][0].blocks) == requests.LONGEST


def test_no_word_is_in_the_log(project: Project, open_store: OpenStore, tmp_path: Path) -> None:
    """Of a block there are a digest, its tokens and its kind: its name is in no file of the store."""
    with RequestLog(tmp_path / "words") as log:
        shape = RequestShape("m", (BlockShape("SECRETWORD", 200, "system"),), 5)
        log.add(Sent(shape, prefixes(shape), {}, 0, Account()))
    files = [path.read_bytes() for path in (tmp_path / "words").rglob("*") if path.is_file()]
    assert files
    assert not any(b"SECRETWORD" in content for content in files)


def test_an_older_store_gets_the_log(project: Project, open_store: OpenStore) -> None:
    """Its entries stay; one that knows nothing of requests is an empty log until then."""
    store = open_store()
    keep(store, project.ask("fix this bug"))
    store.close()
    with sqlite3.connect(store.folder / FILE) as database:
        database.executescript(
            "DROP TABLE request; DROP TABLE prefix; DROP TABLE tally; DROP TABLE token_ratio; DROP TABLE previous;"
            "DELETE FROM migration WHERE number > 4; PRAGMA user_version = 4"
        )
    database.close()
    with RequestLog(store.folder) as log:
        assert log.trace() == []
        log.add(TRACE[0])
        assert len(log.trace()) == 1
    assert len(open_store().entries()) == 1
    connection = connect_to_write(store.folder)
    assert schema.version_of(connection) == schema.LATEST
    connection.close()


def test_clear_forgets_the_log(project: Project, open_store: OpenStore) -> None:
    """Requests and prefixes go with the entries."""
    store = open_store()
    keep(store, project.ask("fix this bug"))
    with RequestLog(store.folder) as log:
        log.add(TRACE[0])
    with maintained(store.folder) as maintenance:
        maintenance.clear()
    with RequestLog(store.folder) as log:
        assert (log.trace(), log.past(TRACE[0].ends)) == ([], [])


def test_a_request_is_logged_whole_or_not_at_all(tmp_path: Path) -> None:
    """Where the prefixes cannot be written the request is not, either."""
    with RequestLog(tmp_path) as log:
        log.add(TRACE[0])
    connection = connect_to_write(tmp_path)
    with transaction(connection):
        connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON prefix BEGIN SELECT raise(ABORT, 'no more'); END")
    connection.close()
    with RequestLog(tmp_path) as log:
        with pytest.raises(StoreError, match="no more"):
            log.add(TRACE[1])
        assert len(log.trace()) == 1
