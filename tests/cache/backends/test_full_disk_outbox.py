"""What waits for the team's store, on a disk without room: nothing is lost, and nothing arrives twice."""

from pathlib import Path

import psycopg
import pytest

from optafly_cli.cache.embedder import Embedder
from optafly_cli.errors import StoreError
from tests.cache.backends.test_shared import open_at, settings
from tests.cache.support import Clock, Project, keep, maintained
from tests.disks import small_disk


def test_sending_without_room(tmp_path: Path, database: str, project: Project, minilm: Embedder, clock: Clock) -> None:
    """What went is not written down as gone: it is said so, goes again when there is room, and is there once."""
    how = settings(database)
    with small_disk(tmp_path / "disk", "8m") as disk:
        folder = disk.path / "store"
        with open_at(folder, settings("host=/nowhere dbname=x"), minilm, clock) as store:
            for number in range(3):
                keep(store, project.ask(f"question {number}", "src/main.rs"))
        disk.fill()
        for _ in range(2):
            with maintained(folder, how) as care, pytest.raises(StoreError, match="no room is left"):
                care.send()
        with open_at(folder, how, minilm, clock) as store, pytest.raises(StoreError, match="no room is left"):
            keep(store, project.ask("another question", "src/main.rs"))
        disk.make_room()
        with maintained(folder, how) as care:
            assert care.send() == 3
            assert care.send() == 0
            assert care.problems() == []
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM optafly.entry").fetchone() == (3,)
