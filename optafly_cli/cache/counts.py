"""What the store knows about token counts: tokens billed over tokens counted, of the latest real answers."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from optafly_cli.cache.database import connect_to_read, transaction
from optafly_cli.cache.failures import reported
from optafly_cli.errors import StoreError
from optafly_cli.tokens.calibration import CLASSES, KEPT, ContentClass, Ratio, ratios_of


def counted_as(model: str, endpoint: str) -> str:
    """The name under which answers of a model are kept: another endpoint's may be another model by the same name.

    `endpoint` is a digest, empty for Anthropic's own.
    """
    return f"{model}@{endpoint[:16]}" if endpoint else model


def observe(connection: sqlite3.Connection, model: str, content: ContentClass, ratio: float) -> None:
    """Keep what one answer of a model said, and the latest of its kind."""
    with transaction(connection):
        connection.execute("INSERT INTO token_ratio (model, content, ratio) VALUES (?, ?, ?)", (model, content, ratio))
        connection.execute(
            "DELETE FROM token_ratio WHERE model = ? AND content = ? AND id NOT IN "
            "(SELECT id FROM token_ratio WHERE model = ? AND content = ? ORDER BY id DESC LIMIT ?)",
            (model, content, model, content, KEPT),
        )


def ratios(connection: sqlite3.Connection, model: str) -> dict[ContentClass, Ratio]:
    """The ratios to count with for that model."""
    rows = connection.execute("SELECT content, ratio FROM token_ratio WHERE model = ?", (model,)).fetchall()
    seen: dict[ContentClass, list[float]] = {
        name: [ratio for content, ratio in rows if content == name] for name in CLASSES
    }
    return ratios_of(seen)


def ratios_in(folder: Path, model: str) -> dict[ContentClass, Ratio]:
    """The ratios of the store in that folder; none where there is no store, or it cannot be read."""
    with suppress(StoreError), reported(folder, "read"):
        if connection := connect_to_read(folder):
            try:
                return ratios(connection, model)
            finally:
                connection.close()
    return {}
