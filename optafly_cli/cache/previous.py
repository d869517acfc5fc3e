"""The last message of a project, whose prompt the endpoint compares the next one with (`diagnostics`)."""

import sqlite3

KEEP_S = 3600.0
"""Nothing older can still be in the prompt cache: its longest time to live."""


def last(connection: sqlite3.Connection, project: str, model: str, now: float) -> str | None:
    """The id of the project's last message from that model; None where there was none within `KEEP_S`."""
    asked = "SELECT message FROM previous WHERE project = ? AND model = ? AND at BETWEEN ? AND ?"
    row = connection.execute(asked, (project, model, now - KEEP_S, now)).fetchone()
    return str(row[0]) if row else None


def keep(connection: sqlite3.Connection, project: str, model: str, message: str, now: float) -> None:
    """Keep the id, and forget those that are of no more use; in the caller's transaction."""
    connection.execute("INSERT OR REPLACE INTO previous VALUES (?, ?, ?, ?)", (project, model, message, now))
    connection.execute("DELETE FROM previous WHERE at NOT BETWEEN ? AND ?", (now - KEEP_S, now))
