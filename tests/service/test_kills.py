"""kill -9 of the fork server, the engine and the child that stands by, at any instant: commands are run, and right."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.service.conftest import PROBE, Probe, gone, wait_for
from tests.service.running import OPTAFLY, Service

LATE = f"""
import os, signal, sys, time
sys.path.insert(0, {str(Path(PROBE).parent)!r})
import _socket
import probe
from optafly_cli.service import handover

accepted = handover._accepted

def late(connection, message):
    # Greeted, so a child has this connection, and knows nothing of it yet
    assert connection.recv(1, _socket.MSG_PEEK) == b"H"
    os.kill(int(os.environ["VICTIM"]), signal.SIGKILL)
    while open(f"/proc/{{os.environ['VICTIM']}}/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    return accepted(connection, message)

handover._accepted = late
probe.main()
"""


def test_a_service_that_is_killed_while_it_takes_a_command(own_probe: Probe) -> None:
    """Its child has the command already: it goes on, and nobody says that the service was lost."""
    assert own_probe.process is not None
    env = {**own_probe.env, "VICTIM": str(own_probe.process.pid)}
    done = subprocess.run(
        [sys.executable, "-c", LATE, "handed", "exit", "3"], env=env, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (3, b"")


QUESTION = "how do I reverse a string in python?"
KINDS: dict[str, tuple[str, ...]] = {
    "semantic": ("ask", "how can I reverse a string in python?", "--cache-only"),
    "refine": ("refine", QUESTION),
    "list": ("cache", "show", "1", "--json"),
    "config": ("config", "get", "cache.ttl_days"),
    "usage": ("refine", "--no-such-option"),
}
KILLS = 50
CLIENTS = 4


@dataclass
class Load:
    """Clients that type commands until they are told to stop; `wrong` is what was not as it must be."""

    service: Service
    expected: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    killed: int = 0
    done: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def learn(self) -> None:
        """What each says in a process of its own."""
        alone = {**self.service.env, "OPTAFLY_SERVICE_ENABLED": "false"}
        for kind, words in KINDS.items():
            done = self.service(*words, env=alone, code=None)
            self.expected[kind] = (done.returncode, _stable(kind, done.stdout), done.stderr)

    def run(self, seed: int) -> None:
        """One client."""
        chance = random.Random(seed)
        while not self.over.is_set():
            kind = chance.choice([*KINDS])
            done = subprocess.run(
                [*OPTAFLY, *KINDS[kind]], env=self.service.env, cwd=self.service.home, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, check=False, timeout=120,
            )  # fmt: skip
            code, out, err = self.expected[kind]
            with self.lock:
                self.done += 1
                if done.returncode == -signal.SIGKILL:
                    self.killed += 1
                    continue
                warnings = done.stderr.removeprefix(err).splitlines()
                if (done.returncode, _stable(kind, done.stdout)) != (code, out) or len(warnings) > 1:
                    self.wrong.append(f"{kind}: {done.returncode} {done.stdout!r} {done.stderr!r}")


def _stable(kind: str, out: str) -> str:
    """An output without what each hit counts."""
    return str(json.loads(out)["answer"]) if kind == "list" else out


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Clients of a service over a store with one answer."""
    with MessagesApi() as api, Service(tmp_path, ANTHROPIC_BASE_URL=api.url, ANTHROPIC_API_KEY=api.key) as service:
        service("ask", QUESTION)
        made = Load(service)
        made.learn()
        yield made


@pytest.mark.slow
def test_killed_at_any_instant_under_load(load: Load) -> None:
    """Fifty kills: every output is right with at most one warning; only the command of a killed child dies with it."""
    chance = random.Random(5)
    threads = [threading.Thread(target=load.run, args=(seed,)) for seed in range(CLIENTS)]
    for thread in threads:
        thread.start()
    victims: dict[str, int] = {"service": 0, "engine": 0, "spare": 0}
    try:
        while sum(victims.values()) < KILLS:
            time.sleep(chance.random() * 0.5)
            victim = chance.choice([*victims])
            pid = _find(load.service, victim)
            if pid is None:
                continue
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                victims[victim] += 1
            if victim == "service":
                wait_for(lambda pid=pid: gone(pid))  # type: ignore[misc]
                load.service("service", "start")
    finally:
        load.over.set()
        for thread in threads:
            thread.join()
    assert load.wrong == []
    assert load.killed <= victims["spare"]
    assert load.done > KILLS
    assert min(victims.values()) > 0, victims


def _find(service: Service, victim: str) -> int | None:
    """The process of that kind, if there is one now."""
    facts = json.loads(service("service", "status", "--json", code=None).stdout)
    if not facts["running"] or "engine" not in facts:
        return None
    if victim != "spare":
        found: int | None = facts["pid" if victim == "service" else victim]
        return found
    children = Path(f"/proc/{facts['pid']}/task/{facts['pid']}/children").read_text().split()
    idle = {int(word) for word in children} - {facts["engine"], *facts["children"]}
    return min(idle, default=None)
