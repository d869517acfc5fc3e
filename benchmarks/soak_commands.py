"""The service's half of the soak: real commands, typed by 16 clients at once; each must say what it says alone.

Hits only, so that nothing is sent: the store stays as it is, and every output has one that it must be. Some launchers
are killed while their command runs, as a closed terminal does.
"""

import json
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.growth import Grown, Watch, children_of, now
from benchmarks.latency import ASK, REWORDED, bench_environment, run, wait_for_the_engine, workspace
from benchmarks.soak_line import WrongAnswerError
from benchmarks.soak_part import CLIENTS, EXAMPLES, QUIET_S, WARM_UP, Part
from benchmarks.timing import Finished, optafly
from tests.fakes.messages_api import MessagesApi

LISTED = ("cache", "list", "--json")
USAGE = ("refine", "--no-such-option")
PATIENCE_S = 60.0
MIX = {
    "ask, exact, typed otherwise": 25,
    "ask, the same again": 10,
    "ask, semantic": 20,
    "refine": 15,
    "route": 10,
    "cache list": 5,
    "--help": 5,
    "ask --help": 3,
    "a usage error": 4,
    "a launcher killed": 3,
}
"""How often each is done, in percent. "The same again" is the launcher's own, and shows that both agree."""


@dataclass
class Typist:
    """Types commands and knows what each must say."""

    env: Mapping[str, str]
    cwd: Path
    part: Part
    expected: dict[str, Finished] = field(default_factory=dict)
    _done: int = 0
    _number: "count[int]" = field(default_factory=count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def words(self, name: str) -> tuple[str, ...]:
        """The command line of a kind."""
        match name:
            case "ask, exact, typed otherwise" | "a launcher killed":
                return otherwise(next(self._number))
            case "ask, the same again":
                return ASK
            case "ask, semantic":
                return REWORDED
            case "cache list":
                return LISTED
            case "a usage error":
                return USAGE
            case "refine" | "route":
                return (name, *ASK[1:])
        return tuple(name.split())

    def learn(self) -> None:
        """Run each kind in a process of its own."""
        for name in MIX:
            self.expected[name] = self._run(name, {**self.env, "OPTAFLY_SERVICE_ENABLED": "false"})

    def _run(self, name: str, env: Mapping[str, str]) -> Finished:
        return subprocess.run(
            [*optafly(), *self.words(name)],
            env=dict(env), cwd=self.cwd, capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=PATIENCE_S,
        )  # fmt: skip

    def done(self) -> int:
        """How many commands have ended."""
        return self._done

    def type_until(self, number: int) -> None:
        """Have all clients type until that many have ended."""
        threads = [threading.Thread(target=self._client, args=(seed, number)) for seed in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _client(self, seed: int, number: int) -> None:
        chance = random.Random(seed * 1_000_003 + number)
        names, weights = [*MIX], [*MIX.values()]
        while self._done < number:
            (name,) = chance.choices(names, weights)
            try:
                self._one(name, chance)
            except (WrongAnswerError, OSError, ValueError, subprocess.TimeoutExpired) as error:
                with self._lock:
                    self.part.fail(name, error)
            with self._lock:
                self.part.kinds[name] += 1
                self._done += 1

    def _one(self, name: str, chance: random.Random) -> None:
        if name == "a launcher killed":
            self._kill(chance)
            return
        done, wanted = self._run(name, self.env), self.expected[name]
        same = _entries(done) == _entries(wanted) if name == "cache list" else done.stdout == wanted.stdout
        if (done.returncode, same, done.stderr) != (wanted.returncode, True, wanted.stderr):
            raise WrongAnswerError(f"exit {done.returncode}: {done.stdout[:200]!r} {done.stderr[:200]!r}")

    def _kill(self, chance: random.Random) -> None:
        nowhere = subprocess.DEVNULL
        with subprocess.Popen(
            [*optafly(), *self.words("a launcher killed")],
            env=dict(self.env), cwd=self.cwd, stdin=nowhere, stdout=nowhere, stderr=nowhere,
        ) as process:  # fmt: skip
            time.sleep(chance.random() * 0.06)
            process.send_signal(signal.SIGKILL)


def otherwise(number: int) -> tuple[str, ...]:
    """The question, spaced in a way that no launcher knows."""
    first, *rest = ASK[1].split(" ")
    text = first
    for word in rest:
        number, spaces = divmod(number, 9)
        text += " " * (spaces + 1) + word
    return (ASK[0], " " * (number + 1) + text, *ASK[2:])


def _entries(done: Finished) -> list[int]:
    return [entry["id"] for entry in json.loads(done.stdout)["entries"]]


def soak_the_service(commands: int) -> Part:
    """Start a service over a store with one answer, type, and look at what is left."""
    part = Part("the service")
    with tempfile.TemporaryDirectory(prefix="optafly-soak-") as folder, MessagesApi() as api:
        home = Path(folder) / "home"
        home.mkdir()
        env, cwd = bench_environment(home, api), workspace(Path(folder))
        run({**env, "OPTAFLY_SERVICE_ENABLED": "false"}, cwd, *ASK)
        typist = Typist(env, cwd, part)
        typist.learn()
        run(env, cwd, "service", "start")
        try:
            wait_for_the_engine(env, cwd)
            api.requests.clear()
            _soak(typist, commands)
        finally:
            run(env, cwd, "service", "stop")
        if api.messages:
            part.faults.append(f"{len(api.messages)} requests were sent by what should have been hits")
        part.faults += _complaints(home)
    return part


def _soak(typist: Typist, commands: int) -> None:
    part = typist.part
    first = _facts(typist)
    pids: dict[str, int] = {"fork server": first["pid"], "engine": first["engine"]}
    begun = time.monotonic()
    typist.type_until(round(commands * WARM_UP))
    _rest(pids)
    before, children = now(pids), children_of(first["pid"])
    with Watch(pids, typist.done) as watch:
        typist.type_until(commands)
    part.requests, part.seconds = typist.done(), time.monotonic() - begun
    _rest(pids)
    after, left = now(pids), children_of(first["pid"])
    facts = _facts(typist)
    if (facts["pid"], facts["engine"]) != (first["pid"], first["engine"]):
        part.faults.append("the service or its engine was lost")
        return
    part.judge([Grown.between(name, before[name], after[name], watch) for name in pids])
    part.notes.append(f"children at rest: {len(children)} → {len(left)}, the engine and the one that stands by")
    part.notes.append(
        f"the service ran {facts['commands']:,} commands, left {facts['left_to_launcher']} to the launcher, "
        f"{facts['died']} died of a signal"
    )
    if len(left) > len(children) or "Z" in left.values():
        part.faults.append(f"children are left over: {left}")
    if facts["children"] != []:
        part.faults.append(f"commands run after all have ended: {facts['children']}")


def _facts(typist: Typist) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(run(typist.env, typist.cwd, "service", "status", "--json").stdout)
    return told


def _rest(pids: Mapping[str, int]) -> None:
    """Until the service has nothing but the engine and the child that stands by."""
    give_up = time.monotonic() + 20
    while len(children_of(pids["fork server"])) > 2 and time.monotonic() < give_up:
        time.sleep(0.1)
    time.sleep(QUIET_S)


def _complaints(home: Path) -> list[str]:
    """What the service's log says that it should not."""
    file = home / "optafly" / "logs" / "service.log"
    lines = file.read_text("utf-8", "replace").splitlines() if file.exists() else []
    return [line for line in lines if "Traceback" in line or "lost" in line or "engine has ended" in line][:EXAMPLES]
