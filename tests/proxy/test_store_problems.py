"""A store that cannot be used is said so, once, and spoils no answer."""

from pathlib import Path

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.proxy.conftest import QUESTION, RunningProxy, StartProxy


@pytest.mark.parametrize("stream", [False, True])
def test_a_damaged_store_lets_answers_through(start: StartProxy, tmp_path: Path, stream: bool) -> None:
    """`bypass; reason=store`, one line in the log, and the file is left as it is."""
    (tmp_path / "store").mkdir()
    path = tmp_path / "store" / "entries.sqlite"
    path.write_bytes(b"this is no database" * 100)
    proxy = start()
    for _ in range(3):
        got = proxy.ask({**QUESTION, "stream": stream})
        assert (got.status, got.cache) == (200, "bypass; reason=store")
    assert len(proxy.lines) == 1
    assert "damaged" in proxy.lines[0]
    assert path.read_bytes() == b"this is no database" * 100


def test_a_store_that_cannot_be_written_is_named_after_the_first_answer(
    start: StartProxy, tmp_path: Path, api: MessagesApi
) -> None:
    """The answer comes through; a whole reply says so at once, a stream from the next on; mended, it goes on."""
    (tmp_path / "store").write_bytes(b"a file, and no folder")
    proxy = start()
    assert proxy.ask(QUESTION).cache == "bypass; reason=store"
    assert proxy.ask({**QUESTION, "stream": True}).cache == "bypass; reason=store"
    assert len(proxy.lines) == 1
    (tmp_path / "store").unlink()
    assert proxy.ask(QUESTION).status == 200
    assert proxy.ask(QUESTION).cache == "hit; tier=exact"


def test_a_database_that_was_moved_aside_is_let_go(proxy: RunningProxy, api: MessagesApi, start: StartProxy) -> None:
    """What the remedy for a damaged store says works while the proxy runs."""
    own = start()
    own.ask(QUESTION)
    assert own.ask(QUESTION).cache == "hit; tier=exact"
    for path in own.made_from.folder.glob("entries.sqlite*"):
        path.rename(path.with_name("old-" + path.name))
    assert own.ask(QUESTION).cache == "miss; reason=empty"
    assert own.ask(QUESTION).cache == "hit; tier=exact"


def test_without_a_cache_it_is_a_proxy(start: StartProxy, api: MessagesApi) -> None:
    """`[cache] enabled = false`: nothing is looked up and nothing kept."""
    proxy = start(cache={"enabled": False})
    for _ in range(2):
        assert proxy.ask(QUESTION).cache == "bypass; reason=disabled"
    assert not proxy.made_from.folder.exists()


def test_a_shared_store_that_is_named_wrongly_is_no_fault(start: StartProxy, api: MessagesApi) -> None:
    """A backend without an address: one line that says so, and answers."""
    proxy = start(cache={"backend": "postgres"})
    for _ in range(2):
        got = proxy.ask(QUESTION)
        assert (got.status, got.cache) == (200, "bypass; reason=store")
    assert len(proxy.lines) == 1
    assert "[cache] backend is postgres" in proxy.lines[0]


def test_a_shared_store_that_is_away_is_named_once(start: StartProxy, api: MessagesApi) -> None:
    """The local one answers alone."""
    dsn = "postgresql://nobody@127.0.0.1:1/none"
    proxy = start(cache={"backend": "postgres", "dsn": dsn, "namespace": "team"})
    assert proxy.ask(QUESTION).status == 200
    assert proxy.ask(QUESTION).cache == "hit; tier=exact"
    assert proxy.ask({**QUESTION, "max_tokens": 201}).status == 200
    assert len(proxy.lines) <= 2
    assert "nobody" not in "".join(proxy.lines)
