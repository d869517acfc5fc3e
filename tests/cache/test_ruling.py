"""A miss that the rules alone can tell is the miss that comparing gives, and costs no embedding."""

import math
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optafly_cli.cache import ruling
from optafly_cli.cache.embedder import Embedder, EmbedderUnavailable
from optafly_cli.cache.lookup import asked
from optafly_cli.cache.ruling import MOST, MOST_ALIKE, ruled_out
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit, Miss, Question
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import Clock, OpenStore, Project, keep, scattered

PROMPTS = (
    "explain what src/main.rs does",
    "what does src/main.rs do?",
    "explain what src/lib.rs does",
    "fix the bug in the parser",
    "please fix the parser's bug",
    "do not fix the bug in the parser",
    "add retries to the payment client",
    "remove retries from the payment client",
    "write 3 tests for the parser",
    "write 5 tests for the parser",
    "rename `total` to `sum`",
    "rename `sum` to `total`",
    "why is the login page slow?",
    "how do I make the login page faster?",
    "port the loader to Go",
    "port the loader to Rust",
    "write a poem on glaciers",
    "who invented clocks",
)
ANYTHING = CacheSettings(similarity=-1.0)
"""With no verifier either: whatever no rule is against is served."""
SCOPES = count()


def by_rules(store: Store, question: Question, clock: Clock, patience_s: float = math.inf) -> Miss | None:
    """What the rules say of it, given that time."""
    connection = store._reader()
    assert connection is not None
    return ruled_out(connection, asked(question, ANYTHING, clock.now), ANYTHING, patience_s)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes as long as it takes."""
    monkeypatch.setattr(ruling, "PATIENCE_S", math.inf)


@pytest.fixture
def scattering() -> Iterator[Embedder]:
    """An embedder that costs nothing: every cosine will do."""
    yield Embedder("scattered@test", 64, scattered)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    stored=st.lists(st.sampled_from(PROMPTS), min_size=1, max_size=MOST_ALIKE, unique=True),
    new=st.sampled_from(PROMPTS),
)
def test_what_the_rules_tell_is_what_comparing_gives(
    project: Project, open_store: OpenStore, clock: Clock, scattering: Embedder, stored: list[str], new: str
) -> None:
    """They say miss exactly where nothing would be served however near it is, and then nothing is nearly served."""
    store = open_store(ANYTHING, load_embedder=lambda: scattering)
    scope = f"scope {next(SCOPES)}"
    for prompt in stored:
        keep(store, project.ask(prompt, system=scope))
    question = project.ask(new, system=scope)
    said, found = by_rules(store, question, clock), store.look_up(question, serve=False)
    if new in stored:
        assert isinstance(found, Hit)
        assert found.tier == "exact"
    else:
        assert (said is None) is isinstance(found, Hit)
    if said is not None:
        assert said.reason.startswith("veto:")
        assert said.near is None
    if said is not None and isinstance(found, Miss):
        assert found.reason.startswith("veto:")
        assert found.near is None


def test_no_model_is_needed(project: Project, open_store: OpenStore) -> None:
    """The rules tell where the embedding model is gone; `look_up` cannot."""
    keep(open_store(), project.ask("write 3 tests for the parser"))

    def gone() -> Embedder:
        raise EmbedderUnavailable("it is gone")

    store = open_store(load_embedder=gone)
    question = project.ask("write 5 tests for the parser")
    said = store.ruled_out(question)
    assert said is not None
    assert said.reason == "veto:number"
    found = store.look_up(question)
    assert isinstance(found, Miss)
    assert found.reason == "no_embedder"


def test_the_same_words_in_another_form_are_compared(project: Project, open_store: OpenStore) -> None:
    """What differs by its case only is no miss by the rules: comparing decides."""
    store = open_store()
    keep(store, project.ask("fix this bug"))
    assert store.ruled_out(project.ask("Fix this bug")) is None
    assert store.ruled_out(project.ask("please fix this bug")) is None


def test_it_is_given_up(project: Project, open_store: OpenStore, clock: Clock, scattering: Embedder) -> None:
    """Without time, with too many entries, where nothing is stored, and where nothing is ever compared."""
    store = open_store(ANYTHING, load_embedder=lambda: scattering)
    question = project.ask("write 3 tests for the parser")
    assert store.ruled_out(question) is None
    for number in range(MOST + 1):
        keep(store, project.ask(f"write {number + 10} tests for the parser"))
        if number == MOST - 1:
            assert by_rules(store, question, clock) is not None
            assert by_rules(store, question, clock, patience_s=-1.0) is None
            exact = open_store(CacheSettings(max_error_rate=0.0))
            assert exact.ruled_out(question) is None
    assert by_rules(store, question, clock) is None


def test_expired_entries_say_nothing(project: Project, open_store: OpenStore, clock: Clock) -> None:
    """They could not be served anyway: what is left decides, and nothing left is no miss by the rules."""
    store = open_store(CacheSettings(ttl_days=1))
    keep(store, project.ask("write 3 tests for the parser"))
    assert store.ruled_out(project.ask("write 5 tests for the parser")) is not None
    clock.now += 2 * 86_400
    assert store.ruled_out(project.ask("write 5 tests for the parser")) is None
