"""Fixtures of the cache's tests: real files, SQLite, FAISS and the bundled model; only the clock is ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.store import Store
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import MAIN_RS, Clock, OpenStore, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project")
    made.write("Cargo.toml", '[package]\nname = "demo"\n')
    made.write("src/main.rs", MAIN_RS)
    made.write("src/lib.rs", "pub fn one() -> u8 {\n    1\n}\n")
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def minilm() -> Embedder:
    """The bundled model, loaded once."""
    return Embedder.load()


@pytest.fixture
def open_store(tmp_path: Path, clock: Clock, minilm: Embedder) -> Iterator[OpenStore]:
    """Opens the one store of the test: with the bundled embedder, no verifier, and the clock that stands still."""
    opened: list[Store] = []

    def open_it(settings: CacheSettings | None = None, **options: object) -> Store:
        given = {"clock": clock, "load_embedder": lambda: minilm, "load_verifier": lambda: None, **options}
        store = Store.open(tmp_path / "home" / "store", settings or CacheSettings(), **given)  # type: ignore[arg-type]
        opened.append(store)
        return store

    yield open_it
    for store in opened:
        store.close()
