"""A store that a team shares: PostgreSQL with pgvector, through psycopg 3 (the extra `postgres`).

Everything is in one namespace, which the database's roles guard (remote_schema.py). A scope with up to 20,000 entries
is searched exactly through its index; a larger one by the HNSW index of its part of the table. Either way the cosine is
the exact one of the stored float32 vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from typing import TYPE_CHECKING, Any, LiteralString

from optafly_cli.cache.backends import remote_schema
from optafly_cli.cache.backends.pool import Pool
from optafly_cli.cache.backends.protocol import BackendStats, Stored
from optafly_cli.cache.backends.remote_schema import DIMENSION, EXACT_UP_TO, SCHEMA
from optafly_cli.errors import StoreError

if TYPE_CHECKING:
    from psycopg import Connection

    from optafly_cli.cache.vectors import Vector

_NAMES = [item.name for item in fields(Stored)]
_COLUMNS = ", ".join(_NAMES)
_PAGE = 500
_WIDER = 2
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
_LARGE = f"""
    SELECT CASE WHEN EXISTS (
        SELECT 1 FROM (SELECT tableoid FROM {SCHEMA}.entry WHERE namespace = %s AND partition = %s LIMIT 1) AS part
        JOIN pg_index ON indrelid = part.tableoid AND indisvalid JOIN pg_class ON pg_class.oid = indexrelid
        JOIN pg_am ON pg_am.oid = relam AND amname = 'hnsw'
    ) THEN (
        SELECT count(*) > %s FROM (
            SELECT 1 FROM {SCHEMA}.entry WHERE namespace = %s AND partition = %s AND embedder = %s LIMIT %s
        ) AS inside
    ) ELSE false END
"""
# "+ 0": the distance itself would be looked for in the HNSW index of all scopes of that part
_SCANNED = f"""
    SELECT {_COLUMNS} FROM {SCHEMA}.entry WHERE {_INSIDE} ORDER BY (code <#> %s::halfvec) + 0 LIMIT %s
"""
_INDEXED = f"SELECT {_COLUMNS} FROM {SCHEMA}.entry WHERE {_INSIDE} ORDER BY code <#> %s::halfvec LIMIT %s"
_NEWEST = f"SELECT {_COLUMNS} FROM {SCHEMA}.entry WHERE namespace = %s ORDER BY created DESC LIMIT %s"
_NEXT_PAGE = f"""
    SELECT {_COLUMNS} FROM {SCHEMA}.entry
    WHERE namespace = %s AND (created, partition, key, evidence_key) > (%s, %s, %s, %s)
    ORDER BY created, partition, key, evidence_key LIMIT {_PAGE}
"""
_OLD = f"""
    FROM {SCHEMA}.entry WHERE namespace = %s AND created <= (
        SELECT extract(epoch FROM now()) - value::float8 * 86400 FROM {SCHEMA}.meta WHERE key = 'keep_days'
    )
"""
_EXPIRED = f"SELECT partition, key, evidence_key {_OLD} ORDER BY created LIMIT {_PAGE}"
_EXPIRED_COUNT = f"SELECT count(*) {_OLD}"
_BYTES = "SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0) FROM pg_inherits WHERE inhparent = %s::regclass"
_NAMED = "namespace = %s AND partition = %s AND key = %s AND evidence_key = %s"


class PostgresBackend:
    """The entries of one namespace in the database that a connection string names."""

    def __init__(self, conninfo: str, namespace: str, *, pool: int = 1, timeout_ms: int = 200) -> None:
        """Opens nothing yet. `pool`: the most connections; `timeout_ms`: how long one statement may take."""
        self.namespace = namespace
        self.pool = Pool(conninfo, pool, timeout_ms, _check)

    def exact(self, partition: bytes, key: bytes) -> list[Stored]:
        """The entries of that key, newest first."""
        return self._rows(_EXACT, (self.namespace, partition, key))

    def candidates(
        self, partition: bytes, embedder: str, vector: Vector, since: float, limit: int
    ) -> list[tuple[Stored, float]]:
        """The entries of the partition made after `since` that are nearest to the vector, with their exact cosine."""
        inside = (self.namespace, partition, embedder, since)
        asked = _halfvec(vector)

        def nearest(connection: Connection[Any]) -> list[Stored]:
            values = (*inside, asked, limit * _WIDER)
            place = (self.namespace, partition)
            sizes = (*place, EXACT_UP_TO, *place, embedder, EXACT_UP_TO + 1)
            row = connection.execute(_LARGE, sizes, prepare=True).fetchone()
            if row is None or not row[0]:
                return [Stored(*found) for found in connection.execute(_SCANNED, values, prepare=True)]
            with connection.transaction():
                connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")
                connection.execute("SET LOCAL hnsw.ef_search = 100")
                return [Stored(*found) for found in connection.execute(_INDEXED, values, prepare=True)]

        return _ranked(self.pool.run(nearest), vector, limit)

    def put(self, entries: Sequence[Stored]) -> None:
        """Keep them, all or none; each is there for everyone when this returns. An older one replaces no newer one."""

        def insert(connection: Connection[Any]) -> None:
            with connection.transaction():
                insert_entries(connection, self.namespace, entries)

        self.pool.run(insert)

    def touch(self, name: tuple[bytes, bytes, bytes], now: float) -> None:
        """Count a hit of that entry, if it is there."""
        query = f"""
            UPDATE {SCHEMA}.entry SET hits = hits + 1, last_used = greatest(last_used, %s) WHERE {_NAMED}
        """
        self.pool.run(lambda connection: connection.execute(query, (now, self.namespace, *name)))

    def delete(self, names: Sequence[tuple[bytes, bytes, bytes]]) -> int:
        """Delete those entries; how many there were."""
        query = f"DELETE FROM {SCHEMA}.entry WHERE {_NAMED}"

        def delete(connection: Connection[Any]) -> int:
            with connection.transaction():
                return sum(connection.execute(query, (self.namespace, *name)).rowcount for name in names)

        return self.pool.run(delete)

    def newest(self, limit: int) -> list[Stored]:
        """The entries that were made last, newest first."""
        return self._rows(_NEWEST, (self.namespace, limit))

    def scan(self) -> Iterator[Stored]:
        """Every entry, oldest first, in pages: what is put meanwhile comes too."""
        place: tuple[object, ...] = (-1.0, b"", b"", b"")
        while page := self._rows(_NEXT_PAGE, (self.namespace, *place)):
            yield from page
            place = (page[-1].created, *page[-1].name)

    def expire(self, *, dry_run: bool = False) -> int:
        """Delete the entries that are older than the store's `keep_days`, in short transactions; how many.

        The bound is the store's own, and the clock the server's: no client's settings or clock delete what others use.
        """
        if dry_run:
            counted = self.pool.run(lambda connection: connection.execute(_EXPIRED_COUNT, (self.namespace,)).fetchone())
            return int(counted[0]) if counted else 0
        total = 0
        while names := self.pool.run(lambda connection: connection.execute(_EXPIRED, (self.namespace,)).fetchall()):
            gone = self.delete(names)
            total += gone
            if gone == 0:
                break
        return total

    def stats(self) -> BackendStats:
        """The entries of the namespace, and the bytes of the whole table with its indexes."""
        counted = f"SELECT count(*) FROM {SCHEMA}.entry WHERE namespace = %s"

        def count(connection: Connection[Any]) -> BackendStats:
            entries = connection.execute(counted, (self.namespace,)).fetchone()
            size = connection.execute(_BYTES, (f"{SCHEMA}.entry",)).fetchone()
            return BackendStats(int(entries[0]) if entries else 0, int(size[0]) if size else 0)

        return self.pool.run(count)

    def close(self) -> None:
        """Let go of the connections. It can be used again afterwards."""
        self.pool.close()

    def _rows(self, query: LiteralString, values: tuple[object, ...]) -> list[Stored]:
        found = self.pool.run(lambda connection: connection.execute(query, values, prepare=True).fetchall())
        return [Stored(*row) for row in found]


def insert_entries(connection: Connection[Any], namespace: str, entries: Sequence[Stored]) -> None:
    """Put them, in the caller's transaction; an older one replaces no newer one."""
    rows = [(namespace, _code(entry.vector), *astuple(entry)) for entry in entries]
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)


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
    return _halfvec(np.frombuffer(vector, dtype="<f4"))


def _halfvec(vector: Vector) -> str:
    return "[" + ",".join(f"{value:.5g}" for value in vector.tolist()) + "]"


def _ranked(entries: Sequence[Stored], vector: Vector, limit: int) -> list[tuple[Stored, float]]:
    import numpy as np

    scored = [
        (entry, float(np.frombuffer(entry.vector, dtype="<f4") @ vector))
        for entry in entries
        if entry.vector is not None and len(entry.vector) == vector.nbytes
    ]
    return sorted(scored, key=lambda pair: (-pair[1], -pair[0].created))[:limit]
