"""The schema of a shared store in PostgreSQL with pgvector, and who may see what; run by `cache init-remote`.

Rows are hash-partitioned by namespace and scope. A role sees the namespaces that it was granted, by row-level security.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

SCHEMA = "optafly"
PARTS = 16
EXACT_UP_TO = 20_000
"""Entries of one scope that are searched exactly; beyond, its part of the table gets an HNSW index."""
DIMENSION = 384
KEEP_DAYS = 365
_IN_THE_ROW = (
    *(
        f"ALTER COLUMN {column} SET STORAGE MAIN"
        for column in ("namespace", "partition", "key", "evidence_key", "asked", "model", "embedder")
    ),
    "ALTER COLUMN code SET STORAGE PLAIN",
    "ALTER COLUMN vector SET STORAGE EXTERNAL",
)
MIGRATIONS = (
    (
        "CREATE EXTENSION IF NOT EXISTS vector",
        f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.meta (key text PRIMARY KEY, value text NOT NULL)",
        f"CREATE TABLE {SCHEMA}.member (namespace text NOT NULL, role name NOT NULL, PRIMARY KEY (namespace, role))",
        f"""
        CREATE TABLE {SCHEMA}.entry (
            namespace text NOT NULL,
            partition bytea NOT NULL,
            key bytea NOT NULL,
            evidence_key bytea NOT NULL,
            asked bytea NOT NULL,
            created double precision NOT NULL,
            last_used double precision NOT NULL,
            hits bigint NOT NULL DEFAULT 0,
            cost double precision,
            seconds double precision,
            model text NOT NULL,
            embedder text,
            vector bytea,
            code halfvec({DIMENSION}),
            instruction text NOT NULL,
            evidence text NOT NULL,
            prompt text NOT NULL,
            scope text NOT NULL,
            answer text NOT NULL,
            PRIMARY KEY (namespace, partition, key, evidence_key)
        ) PARTITION BY HASH (namespace, partition)
        """,
        *(
            f"CREATE TABLE {SCHEMA}.entry_{part} PARTITION OF {SCHEMA}.entry"
            f" FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
            for part in range(PARTS)
        ),
        f"CREATE INDEX entry_place ON {SCHEMA}.entry (namespace, partition, embedder, created)",
        f"CREATE INDEX entry_age ON {SCHEMA}.entry (created)",
        f"ALTER TABLE {SCHEMA}.entry ENABLE ROW LEVEL SECURITY",
        f"""
        CREATE POLICY members ON {SCHEMA}.entry USING (
            namespace IN (
                SELECT m.namespace FROM {SCHEMA}.member m WHERE pg_has_role(current_user, m.role, 'MEMBER')
            )
        )
        """,
    ),
    (
        # The bound of the store itself: a member's ttl_days says what that member takes, not what others may have
        f"INSERT INTO {SCHEMA}.meta VALUES ('keep_days', '{KEEP_DAYS}')",
        f"DROP INDEX {SCHEMA}.entry_age",
        f"CREATE INDEX entry_age ON {SCHEMA}.entry (namespace, created)",
        # Names of other namespaces are nobody's business, and whoever grants rights on all tables opens no side door
        f"ALTER TABLE {SCHEMA}.member ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY own ON {SCHEMA}.member FOR SELECT USING (pg_has_role(current_user, role, 'MEMBER'))",
        *(f"ALTER TABLE {SCHEMA}.entry_{part} ENABLE ROW LEVEL SECURITY" for part in range(PARTS)),
        # A scan reads the codes of a scope: they and the keys lie in the row, what is longer elsewhere
        *(
            f"ALTER TABLE {SCHEMA}.entry_{part} {', '.join(_IN_THE_ROW)}, SET (toast_tuple_target = 1400)"
            for part in range(PARTS)
        ),
    ),
)


def version_of(connection: "Connection[Any]") -> int:
    """The number of the last migration that ran; 0 when there is no shared store in this database."""
    there = connection.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.meta",)).fetchone()
    if there is None or there[0] is None:
        return 0
    row = connection.execute(f"SELECT value FROM {SCHEMA}.meta WHERE key = 'version'").fetchone()
    return int(row[0]) if row else 0


def migrate(connection: "Connection[Any]") -> int:
    """Bring the schema up to date in one transaction, one process at a time; the version that it has now."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('optafly.migrate'))")
        done = version_of(connection)
        for migration in MIGRATIONS[done:]:
            for statement in migration:
                connection.execute(statement)
        set_version = f"""
            INSERT INTO {SCHEMA}.meta VALUES ('version', %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value
        """
        if done < len(MIGRATIONS):
            connection.execute(set_version, (str(len(MIGRATIONS)),))
    return max(done, len(MIGRATIONS))


def grant(connection: "Connection[Any]", namespace: str, role: str) -> None:
    """Let a role of the database read and write the entries of a namespace, and no other."""
    from psycopg import sql

    name = sql.Identifier(role)
    with connection.transaction():
        connection.execute(
            f"INSERT INTO {SCHEMA}.member VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (namespace, role),
        )
        schema = sql.Identifier(SCHEMA)
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, name))
        connection.execute(sql.SQL("GRANT SELECT ON {}.meta, {}.member TO {}").format(schema, schema, name))
        tables = sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {}.entry TO {}").format(schema, name)
        connection.execute(tables)


def keep(connection: "Connection[Any]", days: float) -> None:
    """Set for how many days entries are kept, whoever's they are."""
    connection.execute(f"UPDATE {SCHEMA}.meta SET value = %s WHERE key = 'keep_days'", (f"{days:g}",))


def kept_days(connection: "Connection[Any]") -> float:
    """For how many days entries are kept."""
    row = connection.execute(f"SELECT value FROM {SCHEMA}.meta WHERE key = 'keep_days'").fetchone()
    return float(row[0]) if row else float(KEEP_DAYS)


def has_index(connection: "Connection[Any]", part: int) -> bool:
    """Whether a part of the table has its HNSW index."""
    query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
    row = connection.execute(query, (f"{SCHEMA}.entry_{part}_near",)).fetchone()
    return bool(row and row[0])


def index_large(connection: "Connection[Any]") -> list[str]:
    """Give each part of the table that holds a large scope an HNSW index, without stopping who writes; their names."""
    made = []
    # A graph that does not fit into it takes ten times as long to build
    connection.execute(
        "SELECT set_config('maintenance_work_mem', '256MB', false) FROM pg_settings"
        " WHERE name = 'maintenance_work_mem' AND setting::bigint < 262144"
    )
    for part in range(PARTS):
        table = f"{SCHEMA}.entry_{part}"
        large = f"SELECT 1 FROM {table} GROUP BY namespace, partition HAVING count(*) > %s LIMIT 1"
        if not has_index(connection, part) and connection.execute(large, (EXACT_UP_TO,)).fetchone():
            # One that was broken off is there, and is no use
            connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {SCHEMA}.entry_{part}_near")
            connection.execute(
                f"CREATE INDEX CONCURRENTLY IF NOT EXISTS entry_{part}_near ON {table} USING hnsw (code halfvec_ip_ops)"
            )
            made.append(table)
    return made
