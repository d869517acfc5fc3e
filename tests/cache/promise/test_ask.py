"""ask as a source of labels: the pipeline with a real endpoint and store, and the verifier of these tests."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from optafly_cli.cache.database import FILE
from optafly_cli.cache.store import Store
from optafly_cli.config.settings import CacheSettings, Settings
from optafly_cli.pipeline.ask import Outcome, ask
from optafly_cli.pipeline.job import CacheMode, Job, Voice
from optafly_cli.pipeline.session import Session
from tests.cache.promise.conftest import WordVerifier, calibration, labels
from tests.cache.support import Project
from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Reply

SETTINGS = replace(Settings(), cache=CacheSettings(similarity=0.5, shadow_rate=1.0))


class Asker:
    """Asks in the project, and shows what was learnt."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self.folder = folder

    def __call__(self, prompt: str, cache: CacheMode = "use", settings: Settings = SETTINGS) -> Outcome:
        silent = Voice(warn=lambda _: None, status=lambda _: None, text=lambda _: None)
        job = Job(prompt, self.project.root, files=("src/main.rs",), cache=cache)
        return ask(Session(job, settings), silent, self.folder, self._open)

    @property
    def labels(self) -> list[tuple[str, float, int]]:
        """Source, probability and whether it was right."""
        with sqlite3.connect(self.folder / FILE) as connection:
            return connection.execute("SELECT source, probability, right FROM label ORDER BY id").fetchall()

    @staticmethod
    def _open(folder: Path, settings: CacheSettings) -> Store:
        return Store.open(folder, settings, load_verifier=WordVerifier, calibration=calibration(labels(5000)))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesApi]:
    with MessagesApi(reply="Use `?` instead of unwrap.") as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", server.key)
        yield server


@pytest.fixture
def asker(project: Project, tmp_path: Path) -> Asker:
    return Asker(project, tmp_path / "store")


def test_a_near_miss_that_was_asked_anyway_gives_a_label(asker: Asker, api: MessagesApi) -> None:
    """The endpoint's answer says the same as the one that was not served: right, at no request more than without."""
    asker("fix this bug")
    outcome = asker("repair this bug")
    assert outcome.lookup is not None
    assert outcome.status == "miss"
    assert asker.labels == [("shadow", 0.5, 1)]
    assert len(api.messages) == 2


def test_refresh_labels_what_would_have_been_served(asker: Asker, api: MessagesApi) -> None:
    """Another answer than the stored one: wrong; no hit is counted, and the new answer is kept."""
    asker("fix this bug")
    api.script(Reply("Drop the table of customers, then restore it."))
    assert asker("please fix this bug", "refresh").lookup is None
    assert asker.labels == [("refresh", 1.0, 0)]
    found = asker("please fix this bug")
    assert found.answer is not None
    assert (found.status, found.answer.text) == ("hit", "Drop the table of customers, then restore it.")
    assert len(api.messages) == 2


def test_refreshing_an_exact_hit_says_nothing_about_the_verifier(asker: Asker, api: MessagesApi) -> None:
    """The very same words were never the verifier's to judge."""
    asker("fix this bug")
    asker("fix this bug", "refresh")
    assert asker.labels == []


def test_an_answer_that_is_not_kept_gives_no_label(asker: Asker, api: MessagesApi) -> None:
    """With a secret in it nothing is stored, and nothing is learnt."""
    asker("fix this bug")
    api.script(Reply("Use sk-ant-api03-" + "a1B2" * 24 + " here."))
    assert asker("repair this bug").entry is None
    assert asker.labels == []


def test_without_the_cache_nothing_is_compared(asker: Asker, api: MessagesApi) -> None:
    """--no-cache neither looks nor learns."""
    asker("fix this bug")
    asker("repair this bug", "off")
    assert asker.labels == []


def test_a_store_that_cannot_keep_the_label_spoils_nothing(asker: Asker, api: MessagesApi) -> None:
    """The table of labels is gone: the answer is there, stored, and no problem is reported."""
    asker("fix this bug")
    with sqlite3.connect(asker.folder / FILE) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON label BEGIN SELECT RAISE(ABORT, 'full'); END")
    outcome = asker("repair this bug")
    assert outcome.answer is not None
    assert outcome.entry is not None
    assert outcome.store_problem is None
