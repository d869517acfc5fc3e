"""What a look at a shared store finds: for `optafly doctor`. Reads only."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.backends import remote_schema
from optafly_cli.cache.backends.connecting import conninfo, conninfo_of
from optafly_cli.cache.backends.pool import told
from optafly_cli.cache.backends.remote_schema import EXACT_UP_TO, SCHEMA
from optafly_cli.config.settings import CacheSettings
from optafly_cli.errors import StoreError

if TYPE_CHECKING:
    from psycopg import Connection

_CONNECT_S = 5
_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_GRANTED = f"SELECT 1 FROM {SCHEMA}.member WHERE namespace = %s AND pg_has_role(current_user, role, 'MEMBER') LIMIT 1"
_ABOVE = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
_LARGE = f"""
    SELECT DISTINCT tableoid::regclass::text FROM {SCHEMA}.entry WHERE namespace = %s
    GROUP BY tableoid, partition HAVING count(*) > %s
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A shared store that was looked at.

    `tls` is the protocol ("TLSv1.3"), empty for a socket or loopback without. `above`: the role sees every namespace.
    `missing` are rights that the role lacks; `unindexed` parts of the table that deserve an index and have none.
    """

    server: str
    pgvector: str
    version: int
    tls: str
    role: str
    above: bool
    missing: tuple[str, ...]
    unindexed: tuple[str, ...]
    keep_days: float


def look_at(settings: CacheSettings) -> Found:
    """What is where the settings point to.

    Raises:
        ConfigError, StoreError: it cannot be reached, or is no shared store.
    """
    with told(), _connected(conninfo_of(settings)) as connection:
        version = remote_schema.version_of(connection)
        if version == 0:
            raise StoreError("there is no shared store in this database", remedy="run `optafly cache init-remote`")
        connection.execute("SET statement_timeout = 10000")
        vector = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
        above = connection.execute(_ABOVE).fetchone()
        missing = _missing(connection, settings.namespace, above=bool(above and above[0]))
        return Found(
            server=connection.info.parameter_status("server_version") or "",
            pgvector=str(vector[0]) if vector else "",
            version=version,
            tls=_tls(connection),
            role=connection.info.user,
            above=bool(above and above[0]),
            missing=tuple(missing),
            unindexed=() if "SELECT" in missing else tuple(_unindexed(connection, settings.namespace)),
            keep_days=remote_schema.kept_days(connection),
        )


def lag_of_replica(settings: CacheSettings) -> float | None:
    """For how many seconds the replica has replayed nothing; None when it is no replica, or all was replayed.

    Raises:
        ConfigError, StoreError: it cannot be reached.
    """
    behind = """
        SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN NULL
        ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END
    """
    with told(), _connected(conninfo(settings.dsn_read, "dsn_read")) as connection:
        row = connection.execute(behind).fetchone()
        return float(row[0]) if row and row[0] is not None else None


def _connected(safe: str) -> "Connection[Any]":
    import psycopg

    try:
        return psycopg.connect(safe, autocommit=True, connect_timeout=_CONNECT_S)
    except psycopg.Error as error:
        said = str(error).strip().split("\n")[0]
        raise StoreError(f"the shared store cannot be reached: {said}", code="remote_unavailable") from error


def _tls(connection: "Connection[Any]") -> str:
    if not connection.pgconn.ssl_in_use:
        return ""
    row = connection.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    # Behind a pooler the database sees the pooler's connection
    return str((row and row[0]) or "on")


def _missing(connection: "Connection[Any]", namespace: str, *, above: bool) -> list[str]:
    usage = connection.execute("SELECT has_schema_privilege(%s, 'USAGE')", (SCHEMA,)).fetchone()
    if not (usage and usage[0]):
        return ["USAGE"]
    found = []
    for right in _RIGHTS:
        row = connection.execute("SELECT has_table_privilege(%s, %s)", (f"{SCHEMA}.entry", right)).fetchone()
        if not (row and row[0]):
            found.append(right)
    owner = connection.execute(_OWNER, (f"{SCHEMA}.entry",)).fetchone()
    exempt = above or bool(owner and owner[0])
    if not exempt and not found and connection.execute(_GRANTED, (namespace,)).fetchone() is None:
        found.append(f"namespace {namespace!r}")
    return found


_OWNER = "SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = %s::regclass"


def _unindexed(connection: "Connection[Any]", namespace: str) -> list[str]:
    large = [row[0] for row in connection.execute(_LARGE, (namespace, EXACT_UP_TO))]
    return [name for name in large if not remote_schema.has_index(connection, int(name.rpartition("_")[2]))]
