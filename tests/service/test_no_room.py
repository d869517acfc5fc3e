"""The disk of log, socket and store is full: commands work, say so once at most, and the service holds nothing open."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disks import Disk, small_disk
from tests.fakes.messages_api import MessagesApi
from tests.service.conftest import gone, wait_for
from tests.service.running import Service

pytestmark = pytest.mark.slow

QUESTION = "how do I reverse a string in python?"
COMMANDS = (
    ("ask", QUESTION, "--cache-only"),
    ("ask", QUESTION.replace(" ", "  "), "--cache-only"),
    ("ask", "how can I reverse a string in python?", "--cache-only"),
    ("refine", QUESTION),
    ("config", "get", "cache.ttl_days"),
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", "24m") as made:
        yield made


@pytest.fixture
def service(disk: Disk) -> Iterator[Service]:
    """A service to be, all of whose files are on the small disk, over a store with one answer."""
    with MessagesApi() as api:
        made = Service(disk.path, ANTHROPIC_BASE_URL=api.url, ANTHROPIC_API_KEY=api.key)
        made.forked("ask", QUESTION)
        api.requests.clear()
        yield made
        assert api.messages == []


def descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def works(service: Service, before: list[str]) -> None:
    """Each command says what it has always said, with one line more at most."""
    for words, said in zip(COMMANDS, before, strict=True):
        done = service(*words)
        assert done.stdout == said, words
        assert len(done.stderr.splitlines()) <= 1, done.stderr


def test_it_fills_up_while_the_service_runs(service: Service, disk: Disk) -> None:
    """Every command works on the full disk, the engine starts there, and the same service is there afterwards."""
    before = [service(*words).stdout for words in COMMANDS]
    with service:
        pid = service.pid
        disk.fill()
        works(service, before)
        wait_for((service.run_folder / "engine.sock").exists)
        works(service, before)
        disk.make_room()
        works(service, before)
        assert service.pid == pid


def test_a_service_starts_on_a_full_disk(service: Service, disk: Disk) -> None:
    """One that was killed has left socket and lock there; what it cannot log is no reason not to run."""
    before = [service(*words).stdout for words in COMMANDS]
    service("service", "start")
    first = service.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: gone(first))
    disk.fill()
    works(service, before)
    with service:
        assert service.pid != first
        works(service, before)
        wait_for(lambda: service.status()["commands"] >= len(COMMANDS) - 1)


def test_a_line_that_cannot_be_logged_leaves_nothing_open(service: Service, disk: Disk) -> None:
    """Each command that is left to its launcher is one."""
    with service:
        pid = service.pid
        # What a full disk has no room for is the next block: a log that begins anew needs one
        (service.home / "optafly" / "logs" / "service.log").unlink()
        disk.fill()
        before = descriptors(pid)
        for number in range(5):
            # Another LD_ variable than the service's: the command is declined, and that is logged
            assert service(*COMMANDS[-1], env={**service.env, "LD_OTHER": str(number)}).stderr == ""
        wait_for(lambda: service.status()["left_to_launcher"] == 5)
        assert descriptors(pid) == before
