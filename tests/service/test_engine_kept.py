"""The service starts an engine when a command first wants one, and takes it along when it ends."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.service.conftest import gone, wait_for
from tests.service.running import Service

STORED = ("ask", "how do I reverse a string in python?")
REWORDED = ("ask", "how can I reverse a string in python?", "--cache-only", "--json")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service to be, over a store with one answer."""
    with MessagesApi() as api:
        made = Service(tmp_path, ANTHROPIC_BASE_URL=api.url, ANTHROPIC_API_KEY=api.key)
        made.forked(*STORED)
        yield made


def tier(service: Service) -> str:
    return str(json.loads(service(*REWORDED).stdout)["cache"]["tier"])


def test_the_first_wish_starts_it(service: Service) -> None:
    """The first semantic look-up does without; then it is there, is asked, and ends with the service."""
    with service:
        assert service.status()["engine"] is None
        assert tier(service) == "semantic"
        wait_for((service.run_folder / "engine.sock").exists)
        engine = service.status()["engine"]
        assert Path(f"/proc/{engine}").exists()
        assert tier(service) == "semantic"
        assert tier(service) == "semantic"
    wait_for(lambda: gone(engine))
    assert not (service.run_folder / "engine.sock").exists()


def test_a_killed_engine_costs_no_answer(service: Service) -> None:
    """Its socket stays behind; commands compute by themselves, and the service says what happened."""
    with service:
        tier(service)
        wait_for((service.run_folder / "engine.sock").exists)
        engine = service.status()["engine"]
        os.kill(engine, signal.SIGKILL)
        wait_for(lambda: gone(engine))
        assert tier(service) == "semantic"
        wait_for(lambda: service.status()["engine"] is None)
        assert "the engine has ended (-9)" in service.log


def test_a_killed_service_takes_it_along(service: Service) -> None:
    """However the service ends, no engine is left."""
    with service:
        tier(service)
        wait_for((service.run_folder / "engine.sock").exists)
        engine, pid = service.status()["engine"], service.pid
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: gone(engine))
