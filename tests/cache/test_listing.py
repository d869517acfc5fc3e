"""Which entries a list has, in which order, and what it says of each."""

import dataclasses
from pathlib import Path

import pytest

from optafly_cli.cache.listing import Filter, Order, Place
from optafly_cli.cache.store import Store
from optafly_cli.config.settings import CacheSettings
from optafly_cli.provider.result import Answer
from tests.cache.support import Clock, OpenStore, Project, answer

DAY = 86_400.0


def of_model(model: str, text: str = "Yes.") -> Answer:
    return dataclasses.replace(answer(text), model=model)


@pytest.fixture
def place(project: Project) -> Place:
    return Place(str(project.root.resolve()))


@pytest.fixture
def store(open_store: OpenStore, project: Project, clock: Clock, tmp_path: Path) -> Store:
    """Four entries, a day between them; the first was served twice, the last is of another workspace."""
    made = open_store()

    def ask(asker: Project, prompt: str, *files: str, reply: Answer, piped: str | None = None) -> None:
        question = asker.ask(prompt, *files, piped=piped)
        made.remember(question, reply, evidence=question.named, cost=0.01)
        clock.now += DAY

    ask(project, "fix this bug", "src/main.rs:9", reply=of_model("claude-sonnet-5"))
    ask(project, "explain it", "src/lib.rs", "src/main.rs:3-6", reply=of_model("claude-opus-5-20260901", "Y" * 9000))
    ask(project, "say it nicely", piped="hello", reply=of_model("claude-sonnet-5"))
    other = Project(tmp_path / "other")
    other.write("Makefile", "all:\n")
    other.write("src/main.rs", "fn main() {}\n")
    ask(other, "fix this bug", "src/main.rs", reply=of_model("claude-sonnet-5"))
    for _ in range(2):
        made.look_up(project.ask("fix this bug", "src/main.rs:9"))
    return made


def test_what_is_said_of_an_entry(store: Store, place: Place, clock: Clock) -> None:
    """Files as they were typed, what else was in the question, when it expires."""
    fourth, third, second, first = store.listing(Filter(), place).entries
    assert second.files == ("src/lib.rs", "src/main.rs:3-6")
    assert (first.files, first.hits, first.reworded) == (("src/main.rs:9",), 2, True)
    assert (third.files, third.besides) == ((), ("stdin",))
    assert (first.last_used, first.expires) == (clock.now, first.created + CacheSettings().ttl_days * DAY)
    assert fourth.workspace.endswith("/other")


@pytest.mark.parametrize(
    ("order", "ids"), [("created", [4, 3, 2, 1]), ("used", [1, 4, 3, 2]), ("hits", [1, 4, 3, 2]), ("size", [2])]
)
def test_the_order(store: Store, place: Place, order: Order, ids: list[int]) -> None:
    """Newest, last used, most used, largest first."""
    assert [entry.id for entry in store.listing(Filter(), place, order=order).entries][: len(ids)] == ids


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Filter(number=2), [2]),
        (Filter(here=True), [3, 2, 1]),
        (Filter(model="claude-opus-5"), [2]),
        (Filter(model="claude-opus"), [2]),
        (Filter(model="claude-op"), []),
        (Filter(since=1_800_000_000.0 + 2 * DAY), [4, 3]),
        (Filter(path="{project}/src/main.rs"), [2, 1]),
        (Filter(path="{project}/src/main.rs:9"), [1]),
        (Filter(path="{project}/src"), [2, 1]),
        (Filter(path="{project}/sr"), []),
        (Filter(path="{other}/src/main.rs"), [4]),
        (Filter(path="{other}/src/main.rs", here=True), []),
    ],
    ids=str,
)
def test_what_is_chosen(
    store: Store, place: Place, project: Project, tmp_path: Path, wanted: Filter, ids: list[int]
) -> None:
    """By number, workspace, model, age, and by a file or a folder wherever it lies."""
    if wanted.path:
        path = wanted.path.format(project=place.root, other=(tmp_path / "other").resolve())
        wanted = dataclasses.replace(wanted, path=path)
    found = store.listing(wanted, place, limit=None)
    assert ([entry.id for entry in found.entries], found.total) == (ids, len(ids))
    assert len(store.listing(wanted, place, limit=1).entries) == min(len(ids), 1)


def test_the_total_counts_what_the_limit_leaves_out(store: Store, place: Place) -> None:
    """A list can say that there is more."""
    assert [store.listing(one, place, limit=1).total for one in (Filter(), Filter(here=True))] == [4, 3]


def test_a_workspace_that_a_team_shares_has_another_name(store: Store, project: Project, place: Place) -> None:
    """Entries from before it was shared, and since, are of the same place."""
    assert Place(place.root, "git:1234").is_of("git:1234")
    assert Place(place.root, "git:1234").is_of(place.root)
    assert not place.is_of("git:1234")
