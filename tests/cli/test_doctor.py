"""optafly doctor: each thing that is wrong with the store is one line with what to do, and what it says to do helps."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cache.support import answer
from tests.cache.test_damage import opened, question
from tests.cli.conftest import Cli
from tests.cli.test_full_disk import MANY, imported, lines
from tests.disks import small_disk


@pytest.fixture
def stocked(cli: Cli) -> Cli:
    """With an entry, and with a scope that is large enough for an index."""
    imported(cli, lines(MANY))
    return cli


def findings(cli: Cli, name: str, code: int) -> list[Any]:
    """What doctor says of the store, its files or its disk; the exit code must be that."""
    checks = cli("doctor", "--json", code=code, powerless=True).json["checks"]
    return [check for check in checks if check["name"] == name]


@pytest.mark.slow
def test_a_sound_store(stocked: Cli) -> None:
    """Exit 0; doctor and verify agree."""
    for name in ("store", "files", "disk"):
        assert [check["level"] for check in findings(stocked, name, 0)] == ["ok"]
    assert "nothing is wrong" in stocked("cache", "verify").err


def test_a_damaged_index(stocked: Cli) -> None:
    """Exit 5 from doctor and from verify; `cache rebuild`, as it says, makes it good."""
    path = next(stocked.store.rglob("*.faiss"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    (found,) = findings(stocked, "store", 5)
    assert (found["level"], "`optafly cache rebuild`" in found["remedy"]) == ("bad", True)
    assert "changed from outside" in stocked("cache", "verify", code=5).out
    stocked("cache", "rebuild")
    assert findings(stocked, "store", 0)[0]["level"] == "ok"


@pytest.mark.slow
def test_a_damaged_database(stocked: Cli) -> None:
    """Exit 5 from both; the remedy is to salvage, and nothing is touched."""
    path = stocked.store / "entries.sqlite"
    content = bytearray(path.read_bytes())
    at = len(content) // 2 // 4096 * 4096
    content[at : at + 4096] = b"\xa5" * 4096
    path.write_bytes(bytes(content))
    (found,) = findings(stocked, "store", 5)
    assert "is damaged" in found["text"]
    assert "cache export --salvage" in found["remedy"]
    assert "is damaged" in stocked("cache", "verify", code=5).err + stocked("cache", "verify", code=5).out
    assert path.read_bytes() == bytes(content)


def test_what_others_can_read(stocked: Cli) -> None:
    """A file and a folder that are open to others: exit 5, and the command that it names closes them."""
    (stocked.store / "entries.sqlite").chmod(0o644)
    stocked.store.chmod(0o755)
    (found,) = findings(stocked, "files", 5)
    assert found["text"].startswith(f"{stocked.store} and 1 more can be read")
    subprocess.run(shlex.split(found["remedy"]), check=True)
    assert [check["level"] for check in findings(stocked, "files", 0)] == ["ok"]


@pytest.mark.slow
def test_settings_that_others_can_read(stocked: Cli) -> None:
    """The folder of a hand-made configuration is worth a word, not an exit code."""
    stocked.store.parent.chmod(0o755)
    (found,) = findings(stocked, "files", 0)
    assert found["level"] == "missing"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.slow
def test_what_belongs_to_someone_else(stocked: Cli) -> None:
    """What `sudo optafly` left behind, say: exit 5 and whose it should be."""
    lock = next(stocked.store.rglob("lock"))
    os.chown(lock, 65534, 65534)
    (found,) = findings(stocked, "files", 5)
    assert found["text"] == f"{lock} belongs to someone else"
    assert found["remedy"].startswith("sudo chown -R")


@pytest.mark.slow
def test_what_cannot_be_written(stocked: Cli) -> None:
    """Answers would be lost: exit 5 before one is paid for."""
    stocked.store.chmod(0o500)
    (found,) = findings(stocked, "store", 5)
    assert "answers are not stored" in found["text"]
    stocked.store.chmod(0o700)


def test_a_full_disk(cli: Cli, tmp_path: Path) -> None:
    """Nearly full is a word, full is exit 5."""
    with small_disk(tmp_path / "disk", "8m") as disk:
        cli.env["OPTAFLY_HOME"] = str(disk.path / "optafly")
        with opened(disk.path / "optafly" / "store") as store:
            store.remember(question(1), answer(), evidence=question(1).named, cost=None)
        (found,) = findings(cli, "disk", 0)
        assert (found["level"], "MB left" in found["text"]) == ("missing", True)
        disk.fill()
        (found,) = findings(cli, "disk", 5)
        assert "is full" in found["text"]
