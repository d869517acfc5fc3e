"""The schema of `entries.sqlite`: numbered, named migrations, only ever appended to. A public interface.

`PRAGMA user_version` is the number of the last migration that ran; `meta` says which optafly ran it.
"""

import os
import sqlite3
from dataclasses import dataclass

from optafly_cli._version import __version__

APPLICATION_ID = 0x4F505446
"""`PRAGMA application_id`: tells the store from another program's database ("OPTF")."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from the schema before it; its number is its place in `MIGRATIONS`, from 1."""

    name: str
    statements: tuple[str, ...]


MIGRATIONS = (
    Migration(
        "entries and hits",
        (
            "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
            "CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, written_by TEXT NOT NULL)",
            # AUTOINCREMENT: an id that was deleted never names another entry in an index that is behind.
            # The long texts come last: a scan of the vectors must not walk through them.
            """
            CREATE TABLE entry (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                key BLOB NOT NULL,
                partition BLOB NOT NULL,
                evidence_key BLOB NOT NULL,
                asked BLOB NOT NULL,
                created REAL NOT NULL,
                last_used REAL NOT NULL,
                hits INTEGER NOT NULL DEFAULT 0,
                cost REAL,
                seconds REAL,
                model TEXT NOT NULL,
                embedder TEXT,
                vector BLOB,
                instruction TEXT NOT NULL,
                evidence TEXT NOT NULL,
                prompt TEXT NOT NULL,
                scope TEXT NOT NULL,
                answer TEXT NOT NULL,
                UNIQUE (key, evidence_key),
                CHECK ((embedder IS NULL) = (vector IS NULL))
            )
            """,
            "CREATE INDEX entry_partition ON entry (partition, embedder, created)",
            "CREATE INDEX entry_asked ON entry (asked)",
            """
            CREATE TABLE hit (
                id INTEGER PRIMARY KEY,
                entry INTEGER NOT NULL,
                at REAL NOT NULL,
                tier TEXT NOT NULL,
                similarity REAL NOT NULL,
                cost REAL,
                seconds REAL
            )
            """,
        ),
    ),
    Migration(
        "labels",
        (
            # What `cache reject` needs to know about a semantic hit; all of it is NULL for an exact one
            "ALTER TABLE hit ADD COLUMN probability REAL",
            "ALTER TABLE hit ADD COLUMN verifier TEXT",
            "ALTER TABLE hit ADD COLUMN instruction TEXT",
            "ALTER TABLE hit ADD COLUMN pair BLOB",
            "ALTER TABLE hit ADD COLUMN rejected INTEGER NOT NULL DEFAULT 0",
            "CREATE INDEX hit_entry ON hit (entry)",
            "CREATE INDEX hit_verified ON hit (verifier, rejected, probability) WHERE verifier IS NOT NULL",
            """
            CREATE TABLE label (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                at REAL NOT NULL,
                source TEXT NOT NULL CHECK (source IN ('reject', 'refresh', 'shadow')),
                verifier TEXT NOT NULL,
                probability REAL NOT NULL,
                served INTEGER NOT NULL CHECK (served IN (0, 1)),
                right INTEGER NOT NULL CHECK (right IN (0, 1)),
                entry INTEGER NOT NULL,
                instruction TEXT NOT NULL
            )
            """,
            "CREATE INDEX label_verifier ON label (verifier)",
            # A digest of two instructions that the user told apart; no words, so that it may outlive them
            "CREATE TABLE apart (pair BLOB PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID",
        ),
    ),
    Migration(
        "places",
        (
            # Ends with the id, as every index does: what came after the last indexed entry is one seek away
            "DROP INDEX entry_partition",
            "CREATE INDEX entry_place ON entry (partition, embedder)",
            "ALTER TABLE hit ADD COLUMN tokens INTEGER",
            # Entries that are to be sent to the shared store
            "CREATE TABLE outbox (entry INTEGER PRIMARY KEY)",
        ),
    ),
    Migration(
        "direct",
        (
            # Command lines that were answered, with the files that the answer hung on (optafly_cli/direct.py)
            """
            CREATE TABLE direct (
                request BLOB PRIMARY KEY,
                entry INTEGER NOT NULL,
                expires REAL NOT NULL,
                tokens INTEGER NOT NULL,
                files BLOB NOT NULL
            ) WITHOUT ROWID
            """,
        ),
    ),
    Migration(
        "requests",
        (
            # What was sent and when, without a word of it: for estimating what will be sent again (cache/requests.py)
            """
            CREATE TABLE request (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                at REAL NOT NULL,
                model TEXT NOT NULL,
                tokens INTEGER NOT NULL,
                output INTEGER NOT NULL,
                read INTEGER NOT NULL,
                written_5m INTEGER NOT NULL,
                written_1h INTEGER NOT NULL,
                number INTEGER NOT NULL,
                gap REAL NOT NULL,
                soon INTEGER NOT NULL,
                size INTEGER NOT NULL,
                blocks BLOB NOT NULL
            )
            """,
            "CREATE INDEX request_at ON request (at)",
            """
            CREATE TABLE prefix (
                key INTEGER PRIMARY KEY,
                uses INTEGER NOT NULL,
                first REAL NOT NULL,
                last REAL NOT NULL,
                returned INTEGER NOT NULL,
                later INTEGER NOT NULL,
                branches INTEGER NOT NULL,
                kind INTEGER NOT NULL,
                age INTEGER NOT NULL,
                written INTEGER NOT NULL,
                lives_until REAL NOT NULL,
                request INTEGER NOT NULL
            )
            """,
            "CREATE INDEX prefix_request ON prefix (request)",
            """
            CREATE TABLE tally (
                kind INTEGER NOT NULL,
                age INTEGER NOT NULL,
                sent INTEGER NOT NULL,
                soon INTEGER NOT NULL,
                later INTEGER NOT NULL,
                PRIMARY KEY (kind, age)
            ) WITHOUT ROWID
            """,
        ),
    ),
    Migration(
        "previous messages",
        (
            """
            CREATE TABLE previous (
                project TEXT NOT NULL,
                model TEXT NOT NULL,
                message TEXT NOT NULL,
                at REAL NOT NULL,
                PRIMARY KEY (project, model)
            ) WITHOUT ROWID
            """,
        ),
    ),
    Migration(
        "token counts",
        (
            # Tokens billed over tokens counted, of the latest answers of each model and class of content
            """
            CREATE TABLE token_ratio (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                model TEXT NOT NULL,
                content TEXT NOT NULL,
                ratio REAL NOT NULL
            )
            """,
            "CREATE INDEX token_ratio_model ON token_ratio (model, content, id)",
        ),
    ),
)
LATEST = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the last migration that ran."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def written_by(connection: sqlite3.Connection) -> str:
    """The optafly version that last changed the schema, as it wrote it down."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'written_by'").fetchone()
    return str(row[0]) if row else "an unknown version"


def store_id(connection: sqlite3.Connection) -> str:
    """A random name given at creation: an index of another store is told by it."""
    return str(connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()[0])


def migrate(connection: sqlite3.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Bring the schema up to date in one transaction: all of it, or none. Safe to run from several processes."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = version_of(connection)
        for number, migration in enumerate(migrations[done:], done + 1):
            for statement in migration.statements:
                # As it is written it is kept: short enough, all of the schema stands in the first page
                connection.execute(" ".join(statement.split()))
            row = (number, migration.name, __version__)
            connection.execute("INSERT INTO migration (number, name, written_by) VALUES (?, ?, ?)", row)
        if done < len(migrations):
            if done == 0:
                connection.execute("INSERT INTO meta VALUES ('store_id', ?)", (os.urandom(16).hex(),))
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('written_by', ?)", (__version__,))
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
