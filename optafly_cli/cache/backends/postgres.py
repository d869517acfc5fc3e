"""A store that a team shares: PostgreSQL with pgvector, through psycopg 3 (the extra `postgres`).

Everything is in one namespace, which the database's roles guard (remote_schema.py). A scope with up to 20,000 entries
is searched exactly through its index; a larger one by the HNSW index of its part of the table. Either way the cosine is
the exact one of the stored float32 vectors.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.backends import remote_schema
from optafly_cli.cache.backends.protocol import BackendStats, Stored
from optafly_cli.cache.backends.remote_schema import DIMENSION, EXACT_UP_TO, SCHEMA
from optafly_cli.errors import StoreError

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

    from optafly_cli.cache.vectors import Vector

_NAMES = [item.name for item in fields(Stored)]
_COLUMNS = ", ".join(_NAMES)
_PAGE = 500
_WIDER = 4
_INSERT = f"""
    INSERT INTO {SCHEMA}.entry (namespace, code, {_COLUMNS}) VALUES (%s, %s, {", ".join(["%s"] * len(_NAMES))})
    ON CONFLICT (namespace, partition, key, evidence_key) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in ("code", *_NAMES))}
    WHERE entry.created <= excluded.created
"""
_EXACT = f"""
    SELECT {_COLUMNS} FROM {SCHEMA}.entry WHERE namespace = %s AND partition = %s AND key = %s ORDER BY created DESC
"""
_INSIDE = "namespace = %s AND partition = %s AND embedder = %s AND created > %s AND code IS NOT NULL"
_SIZE = f"SELECT count(*) FROM (SELECT 1 FROM {SCHEMA}.entry WHERE {_INSIDE} LIMIT %s) AS inside"
_SCANNED = f"""
    WITH inside AS MATERIALIZED (SELECT code, {_COLUMNS} FROM {SCHEMA}.entry WHERE {_INSIDE})
    SELECT {_COLUMNS} FROM inside ORDER BY code <#> %s::halfvec LIMIT %s
"""
_INDEXED = f"SELECT {_COLUMNS} FROM {SCHEMA}.entry WHERE {_INSIDE} ORDER BY code <#> %s::halfvec LIMIT %s"
_NAMED = "namespace = %s AND partition = %s AND key = %s AND evidence_key = %s"


class PostgresBackend:
    """The entries of one namespace in the database that a connection string names."""

    def __init__(self, conninfo: str, namespace: str, *, pool: int = 1, timeout_ms: int = 200) -> None:
        """Opens nothing yet. `timeout_ms`: how long one statement may take."""
        self._conninfo = conninfo
        self._namespace = namespace
        self._size = pool
        self._timeout_ms = timeout_ms
        self._pool: ConnectionPool[Connection[Any]] | None = None
        self._checked = False

    def exact(self, partition: bytes, key: bytes) -> list[Stored]:
        """The entries of that key, newest first."""
        with self._connection() as connection:
            rows = connection.execute(_EXACT, (self._namespace, partition, key), prepare=True).fetchall()
        return [Stored(*row) for row in rows]

    def candidates(
        self, partition: bytes, embedder: str, vector: Vector, since: float, limit: int
    ) -> list[tuple[Stored, float]]:
        """The entries of the partition made after `since` that are nearest to the vector, with their exact cosine."""
        inside = (self._namespace, partition, embedder, since)
        asked = "[" + ",".join(f"{value:.7g}" for value in vector.tolist()) + "]"
        with self._connection() as connection, connection.transaction():
            size = connection.execute(_SIZE, (*inside, EXACT_UP_TO + 1), prepare=True).fetchone()
            large = size is not None and size[0] > EXACT_UP_TO
            if large:
                connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")
                connection.execute("SET LOCAL hnsw.ef_search = 100")
            query = _INDEXED if large else _SCANNED
            rows = connection.execute(query, (*inside, asked, limit * _WIDER), prepare=True).fetchall()
        return _ranked([Stored(*row) for row in rows], vector, limit)

    def put(self, entries: Sequence[Stored]) -> None:
        """Keep them, all or none; each is there for everyone when this returns. An older one replaces no newer one."""
        rows = [(self._namespace, _code(entry.vector), *astuple(entry)) for entry in entries]
        with self._connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(_INSERT, rows)

    def touch(self, name: tuple[bytes, bytes, bytes], now: float) -> None:
        """Count a hit of that entry, if it is there."""
        query = f"""
            UPDATE {SCHEMA}.entry SET hits = hits + 1, last_used = greatest(last_used, %s) WHERE {_NAMED}
        """
        with self._connection() as connection:
            connection.execute(query, (now, self._namespace, *name))

    def delete(self, names: Sequence[tuple[bytes, bytes, bytes]]) -> int:
        """Delete those entries; how many there were."""
        query = f"DELETE FROM {SCHEMA}.entry WHERE {_NAMED}"
        with self._connection() as connection, connection.transaction():
            return sum(connection.execute(query, (self._namespace, *name)).rowcount for name in names)

    def scan(self) -> Iterator[Stored]:
        """Every entry, oldest first, in pages: what is put meanwhile comes too."""
        place: tuple[object, ...] = (-1.0, b"", b"", b"")
        query = f"""
            SELECT {_COLUMNS} FROM {SCHEMA}.entry
            WHERE namespace = %s AND (created, partition, key, evidence_key) > (%s, %s, %s, %s)
            ORDER BY created, partition, key, evidence_key LIMIT {_PAGE}
        """
        while True:
            with self._connection() as connection:
                page = [Stored(*row) for row in connection.execute(query, (self._namespace, *place)).fetchall()]
            if not page:
                return
            yield from page
            place = (page[-1].created, *page[-1].name)

    def stats(self) -> BackendStats:
        """The entries of the namespace, and the bytes of the whole table with its indexes."""
        counted = f"SELECT count(*) FROM {SCHEMA}.entry WHERE namespace = %s"
        sized = (
            "SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0) FROM pg_inherits WHERE inhparent = %s::regclass"
        )
        with self._connection() as connection:
            count = connection.execute(counted, (self._namespace,)).fetchone()
            size = connection.execute(sized, (f"{SCHEMA}.entry",)).fetchone()
        return BackendStats(int(count[0]) if count else 0, int(size[0]) if size else 0)

    def close(self) -> None:
        """Let go of the connections. It can be used again afterwards."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    @contextmanager
    def _connection(self) -> Iterator[Connection[Any]]:
        import psycopg
        from psycopg_pool import ConnectionPool, PoolTimeout

        if self._pool is None:
            # What goes wrong is raised here; the pool would also say it on stderr
            logging.getLogger("psycopg").addHandler(logging.NullHandler())
            self._pool = ConnectionPool(
                self._conninfo,
                min_size=1,
                max_size=self._size,
                open=True,
                timeout=self._timeout_ms / 1000,
                kwargs={"autocommit": True, "options": f"-c statement_timeout={self._timeout_ms}"},
                name="optafly",
            )
        try:
            with self._pool.connection() as connection:
                if not self._checked:
                    _check(connection)
                    self._checked = True
                yield connection
        except PoolTimeout as error:
            raise StoreError(
                "the shared store does not answer", remedy="see [cache] dsn", code="remote_unavailable"
            ) from error
        except psycopg.Error as error:
            said = str(error).strip().split("\n")[0]
            raise StoreError(
                f"the shared store cannot be used: {said}", remedy="see [cache] dsn", code="remote_unavailable"
            ) from error


def _check(connection: Connection[Any]) -> None:
    version = remote_schema.version_of(connection)
    if version == 0:
        raise StoreError("there is no shared store in this database", remedy="run `optafly cache init-remote`")
    if version > len(remote_schema.MIGRATIONS):
        raise StoreError(
            f"the shared store is of a newer optafly (schema {version})", remedy="upgrade optafly", code="store_future"
        )


def _code(vector: bytes | None) -> str | None:
    """What pgvector orders by: the vector in half precision; None for one of another length."""
    import numpy as np

    if vector is None or len(vector) != DIMENSION * 4:
        return None
    values = np.frombuffer(vector, dtype="<f4").tolist()
    return "[" + ",".join(f"{value:.6g}" for value in values) + "]"


def _ranked(entries: Sequence[Stored], vector: Vector, limit: int) -> list[tuple[Stored, float]]:
    import numpy as np

    scored = [
        (entry, float(np.frombuffer(entry.vector, dtype="<f4") @ vector))
        for entry in entries
        if entry.vector is not None and len(entry.vector) == vector.nbytes
    ]
    return sorted(scored, key=lambda pair: (-pair[1], -pair[0].created))[:limit]
