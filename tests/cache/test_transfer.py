"""Entries go out of a store and into another as they are; what is no entry is refused, line by line."""

import base64
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.cache.database import FILE, connect_to_write
from optafly_cli.cache.store import Store
from optafly_cli.cache.transfer import RefusedLineError, add, row_of
from optafly_cli.cache.types import Hit
from optafly_cli.errors import StoreError
from tests.cache.support import OpenStore, Project, answer, keep, maintained


def exported(folder: Path) -> list[str]:
    with maintained(folder) as store:
        return list(store.lines(lambda number, why: pytest.fail(f"entry {number}: {why}")))


def imported(folder: Path, lines: list[str]) -> tuple[tuple[int, int, int], dict[int, str]]:
    """New, known and refused, and the refusals by line."""
    refused: dict[int, str] = {}
    with maintained(folder) as store:
        numbered = [(number, line.encode("utf-8", "surrogatepass")) for number, line in enumerate(lines, 1)]
        total = store.add(numbered, refuse=refused.__setitem__)
    return (total.new, total.known, total.refused), refused


@pytest.fixture
def filled(project: Project, open_store: OpenStore) -> Store:
    """A store with entries of every sort: named files, ranges, code, other alphabets, about the moment."""
    store = open_store()
    keep(store, project.ask("fix this bug", "src/main.rs:5"), cost=0.25)
    keep(
        store, project.ask("explain\n```\nx = 1\n```", "src/lib.rs", system="Be brief."), "caf\u00e9 \U0001f600 \u2028"
    )
    keep(store, project.ask("what is the latest version"), cost=0.0)
    keep(store, project.ask("überprüfe das", piped="ключ"), 'line\n"two"\t\\')
    store.look_up(project.ask("fix this bug", "src/main.rs:5"))
    return store


def test_a_round_trip_changes_nothing(filled: Store, tmp_path: Path, project: Project, open_store: OpenStore) -> None:
    """Exported, imported elsewhere and exported again, the lines are the same, and the entries answer as before."""
    lines = exported(filled.folder)
    assert len(lines) == 4
    assert imported(tmp_path / "other", lines) == ((4, 0, 0), {})
    assert exported(tmp_path / "other") == lines
    with maintained(tmp_path / "other") as store:
        assert store.problems() == []
        assert list(store.unreadable()) == []
    with Store.open(tmp_path / "other", filled._settings, clock=filled._clock) as other:
        found = other.look_up(project.ask("fix this bug", "src/main.rs:5"))
    assert isinstance(found, Hit)
    assert found.entry.hits == 1


def test_importing_twice_adds_nothing(filled: Store, tmp_path: Path) -> None:
    """An import that was broken off is run again: what is there stays, the rest comes."""
    lines = exported(filled.folder)
    assert imported(tmp_path / "other", lines[:2])[0] == (2, 0, 0)
    assert imported(tmp_path / "other", lines)[0] == (2, 2, 0)
    assert exported(tmp_path / "other") == lines


def test_the_newer_of_two_answers_stays(filled: Store, tmp_path: Path, project: Project) -> None:
    """An older line does not replace a newer entry, a newer one does."""
    line = exported(filled.folder)[0]
    older = json.dumps({**json.loads(line), "created": json.loads(line)["created"] - 10})
    assert imported(tmp_path / "other", [older])[0] == (1, 0, 0)
    assert imported(tmp_path / "other", [line, older])[0] == (1, 1, 0)
    assert exported(tmp_path / "other") == [line]


def test_a_missing_vector_is_embedded(filled: Store, tmp_path: Path) -> None:
    """A line without a vector gets the one that it had; one about the moment gets none. Again, none is embedded."""
    lines = exported(filled.folder)
    bare = [json.dumps({**json.loads(line), "vector": None, "embedder": None}) for line in lines]
    assert imported(tmp_path / "other", bare)[0] == (4, 0, 0)
    for before, after in zip(lines, exported(tmp_path / "other"), strict=True):
        assert json.loads(after)["embedder"] == json.loads(before)["embedder"]
        assert (json.loads(after)["vector"] is None) == (json.loads(before)["vector"] is None)
    numbered = [(number, line.encode()) for number, line in enumerate(bare)]
    with closing(connect_to_write(tmp_path / "other")) as connection:
        again = add(
            connection,
            numbered,
            embedder="x",
            embed=lambda texts: pytest.fail(f"{texts}"),
            refuse=lambda _, why: pytest.fail(why),
        )
    assert (again.new, again.known) == (0, 4)


Change = Callable[[dict[str, Any]], object]
BAD: list[tuple[Change, str]] = [
    (lambda plain: plain.pop("prompt"), "'prompt' is missing"),
    (lambda plain: plain.update(schema="optafly.entry/9"), "another version"),
    (lambda plain: plain.update(schema="other/1"), "it is no entry"),
    (lambda plain: plain.update(prompt=7), "'prompt' is no text"),
    (lambda plain: plain.update(prompt="\ud800"), "'prompt' is no text"),
    (lambda plain: plain.update(created="yesterday"), "'created' is no number"),
    (lambda plain: plain.update(created=-1), "'created' is no number"),
    (lambda plain: plain.update(hits=1.5), "'hits' is no count"),
    (lambda plain: plain.update(cost=True), "'cost' is no number"),
    (lambda plain: plain["scope"].pop("model"), "'model' is missing"),
    (lambda plain: plain["scope"].update(colour="red"), "'colour'"),
    (lambda plain: plain["scope"].update(named="src"), ""),
    (lambda plain: plain.update(evidence={}), "evidence"),
    (lambda plain: plain["answer"].update(stop_reason="max_tokens"), "not complete"),
    (lambda plain: plain["answer"].update(text=" "), "not complete"),
    (lambda plain: plain["answer"].update(message=[]), "message"),
    (lambda plain: plain.update(vector="!!"), ""),
    (lambda plain: plain.update(vector=base64.b64encode(b"abc").decode()), "not of float32"),
    (lambda plain: plain.update(vector=base64.b64encode(bytes(1536)).decode()), "has the length 0"),
    (lambda plain: plain.update(embedder=None), "not both"),
]


@pytest.mark.parametrize(("change", "why"), BAD)
def test_a_bad_line_is_refused_alone(filled: Store, tmp_path: Path, change: Change, why: str) -> None:
    """The line's number and what is wrong are told; the lines around it are kept."""
    lines = exported(filled.folder)
    plain = json.loads(lines[1])
    change(plain)
    counts, refused = imported(tmp_path / "other", [lines[0], json.dumps(plain), lines[2]])
    assert counts == (2, 0, 1)
    assert list(refused) == [2]
    assert why in refused[2]


@pytest.mark.parametrize("line", ["{", "[]", "null", "\ud800", '"x"', "1", "{}"])
def test_what_is_no_object_is_refused(line: str) -> None:
    """No JSON, or not an object with the schema."""
    with pytest.raises(RefusedLineError):
        row_of(line.encode("utf-8", "surrogatepass"))


@given(st.text(max_size=200))
def test_no_line_breaks_an_import(text: str) -> None:
    """Whatever stands in a line, it is a row or it is refused with a sentence."""
    try:
        row_of(text.encode("utf-8", "surrogatepass"))
    except RefusedLineError as why:
        assert str(why)


def test_a_prompt_that_is_no_text_is_left_out(project: Project, open_store: OpenStore) -> None:
    """Its bytes cannot be written as JSON, and another prompt must not get its answer."""
    store = open_store()
    keep(store, project.ask("fix \udcff this"))
    keep(store, project.ask("fix this"))
    left_out: list[int] = []
    with maintained(store.folder) as care:
        assert len(list(care.lines(lambda number, why: left_out.append(number)))) == 1
    assert left_out == [1]


def test_an_answer_with_a_tool_is_never_embedded(project: Project, open_store: OpenStore, tmp_path: Path) -> None:
    """It has no vector, and an import gives it none."""
    store = open_store()
    used = answer()
    message = {**used.message, "content": [{"type": "server_tool_use"}, {"type": "text", "text": used.text}]}
    store.remember(project.ask("fix this"), replace(used, message=message), evidence=project.ask("x").named, cost=None)
    assert imported(tmp_path / "other", exported(store.folder))[0] == (1, 0, 0)
    assert json.loads(exported(tmp_path / "other")[0])["vector"] is None


def test_verify_finds_what_was_changed_from_outside(filled: Store) -> None:
    """Another scope, prompt, evidence, vector or answer than the digests say: a sentence with the entry's number."""
    connection = filled._writer()
    connection.execute("UPDATE entry SET prompt = 'another' WHERE id = 1")
    connection.execute("UPDATE entry SET scope = replace(scope, 'sonnet', 'opus') WHERE id = 2")
    connection.execute("UPDATE entry SET answer = '{' WHERE id = 3")
    connection.execute("UPDATE entry SET vector = zeroblob(1536) WHERE id = 4")
    with maintained(filled.folder) as store:
        said = list(store.unreadable())
    assert [sentence.split(":")[0] for sentence in said] == ["entry 1", "entry 2", "entry 3", "entry 4"]


def test_what_can_be_read_of_a_damaged_store_is_saved(project: Project, open_store: OpenStore) -> None:
    """Some pages are overwritten: the store is refused, not touched, and the entries on other pages are saved."""
    store = open_store()
    for number in range(200):
        keep(store, project.ask(f"question {number}"), "word " * 300)
    store._writer().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    path = store.folder / FILE
    content = bytearray(path.read_bytes())
    for page in range(40, 60):
        content[page * 4096 : (page + 1) * 4096] = b"\xff" * 4096
    path.write_bytes(bytes(content))
    with maintained(store.folder) as care, pytest.raises(StoreError, match="damaged"):
        list(care.lines(lambda number, why: None))
    assert path.read_bytes() == bytes(content)
    lost: list[int] = []
    with maintained(store.folder) as care:
        saved = list(care.salvaged(lambda number, why: lost.append(number)))
    assert len(saved) > 150
    assert len(saved) + len(lost) == 200
    assert imported(store.folder.parent / "other", saved)[0] == (len(saved), 0, 0)
    path.write_bytes(b"\xff" * 8192)
    with maintained(store.folder) as care, pytest.raises(StoreError, match="nothing can be saved"):
        list(care.salvaged(lambda number, why: None))
