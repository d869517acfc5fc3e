"""Each backend, empty, for the conformance tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from optafly_cli.cache.backends.local import LocalBackend
from optafly_cli.cache.backends.postgres import PostgresBackend
from optafly_cli.cache.backends.protocol import SemanticCacheBackend


@pytest.fixture(params=["local", "postgres"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SemanticCacheBackend]:
    """Each backend in turn, empty."""
    made: SemanticCacheBackend
    if request.param == "local":
        made = LocalBackend(tmp_path / "store")
    else:
        made = PostgresBackend(request.getfixturevalue("database"), "team", timeout_ms=10_000)
    yield made
    made.close()
