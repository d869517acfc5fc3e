"""The wall clock is set days ahead or back while the service runs, and nothing is another one for that."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.service.conftest import PROBE, Probe, wait_for
from tests.service.running import Service

pytestmark = pytest.mark.slow

DAYS = 86_400.0
QUESTION = "how do I reverse a string in python?"
ASK = ("ask", QUESTION, "--cache-only")
TYPED_OTHERWISE = ("ask", QUESTION.replace(" ", "  "), "--cache-only")
REWORDED = ("ask", "how can I reverse a string in python?", "--cache-only")
CLOCK = str(Path(__file__).with_name("clock"))


class Clock:
    """The wall clock of everything that is started with `env`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "off_by"
        self.env = {"PYTHONPATH": CLOCK, "PYTHON_CLOCK_OFF_BY": str(self._file)}
        self.set(0)

    def set(self, seconds: float) -> None:
        """Make it wrong by so much."""
        aside = self._file.with_suffix(".new")
        aside.write_text(str(seconds))
        aside.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
def service(tmp_path: Path, clock: Clock) -> Iterator[Service]:
    """A service to be, over a store with one answer."""
    with MessagesApi() as api:
        Service(tmp_path, ANTHROPIC_BASE_URL=api.url, ANTHROPIC_API_KEY=api.key).forked("ask", QUESTION)
        made = Service(tmp_path, ANTHROPIC_BASE_URL=api.url, ANTHROPIC_API_KEY=api.key, **clock.env)
        api.requests.clear()
        yield made
        assert api.messages == []


@pytest.mark.parametrize("off_by", [3 * DAYS, -3 * DAYS], ids=["ahead", "back"])
def test_every_tier_answers_when_the_clock_was_set(service: Service, clock: Clock, off_by: float) -> None:
    """By the launcher, by the exact tier, by other words: what was stored yesterday, or tomorrow, is served."""
    with service:
        pid = service.pid
        before = [service(*words).stdout for words in (ASK, TYPED_OTHERWISE, REWORDED)]
        assert len(set(before)) == 1
        clock.set(off_by)
        for words in (ASK, TYPED_OTHERWISE, REWORDED, ("ask", f" {QUESTION}", "--cache-only")):
            done = service(*words)
            assert (done.stdout, done.stderr) == (before[0], ""), words
        told = json.loads(service(*REWORDED, "--json").stdout)["cache"]
        assert told["tier"] == "semantic"
        assert told["age_s"] >= 0
        assert service.pid == pid


def test_an_age_is_never_negative(service: Service, clock: Clock) -> None:
    """An entry of tomorrow is new, wherever its age is told."""
    clock.set(-3 * DAYS)
    assert "0 s" in service("cache", "show", "1").stdout
    assert json.loads(service(*ASK, "--json").stdout)["cache"]["age_s"] == 0


def test_an_answer_that_is_too_old_by_a_wrong_clock_is_there_again(service: Service, clock: Clock) -> None:
    """Forty days ahead nothing is served; set right again, everything is: nothing was deleted for that."""
    with service:
        clock.set(40 * DAYS)
        assert service(*ASK, code=None).returncode == 1
        assert service(*REWORDED, code=None).returncode == 1
        clock.set(0)
        assert service(*ASK).stderr == service(*REWORDED).stderr == ""


@pytest.mark.parametrize("off_by", [3 * DAYS, -3 * DAYS], ids=["ahead", "back"])
def test_idle_time_is_not_the_clock_s(tmp_path: Path, clock: Clock, off_by: float) -> None:
    """It neither ends at once when the clock is set ahead, nor never when it is set back."""
    probe = Probe(tmp_path, **clock.env)
    probe.env["PYTHONPATH"] += os.pathsep + str(Path(PROBE).parents[2])
    with probe:
        clock.set(off_by)
        assert probe.run("exit", "3").returncode == 3
        # Its loop has looked at the time by then
        wait_for(lambda: probe.status()["commands"] == 1)
        assert probe.run("exit", "4").returncode == 4
    probe.begin(PROBE_IDLE_S="0.5")
    assert probe.process is not None
    clock.set(-off_by)
    assert probe.process.wait(20) == 0
    assert "retires: idle" in probe.log


def test_a_lock_of_tomorrow_keeps_no_service_from_starting(tmp_path: Path) -> None:
    """What was tried before the clock was set back was not tried just now."""
    from optafly_cli.config.settings import ServiceSettings
    from optafly_cli.service.client import find
    from optafly_cli.service.places import LOCK, Places
    from optafly_cli.service.starting import start_on_demand

    service = Service(tmp_path)
    places = Places.of(service.env)
    places.prepare()
    tomorrow = time.time() + DAYS
    (places.runtime / LOCK).touch(mode=0o600)
    os.utime(places.runtime / LOCK, (tomorrow, tomorrow))
    if os.getpriority(os.PRIO_PROCESS, 0) > 0:
        pytest.skip("with less than the usual priority none is started")
    assert start_on_demand(ServiceSettings(), service.env)
    try:
        wait_for(lambda: find(places) is not None)
    finally:
        service("service", "stop")


@pytest.mark.parametrize("off_by", [3 * DAYS, -3 * DAYS], ids=["ahead", "back"])
def test_an_edit_is_seen_by_whatever_clock_it_is_dated(tmp_path: Path, clock: Clock, off_by: float) -> None:
    """The launcher does not take a file for unchanged because its date is of another day, or days old again."""
    file = tmp_path / "a.py"
    file.write_text("x = 1\n")
    ask = ("ask", "what is x?", "--file", "a.py")
    with (
        MessagesApi() as api,
        Service(tmp_path, ANTHROPIC_BASE_URL=api.url, ANTHROPIC_API_KEY=api.key, **clock.env) as it,
    ):
        # Settled: nobody has touched it for a minute, as it seems
        clock.set(60)
        said = it(*ask).stdout
        assert it(*ask, "--cache-only").stdout == said
        assert it(*ask).stdout == said
        assert len(api.messages) == 1
        clock.set(off_by)
        assert it(*ask).stdout == said
        file.write_text("x = 2\n")
        os.utime(file, (time.time() + off_by, time.time() + off_by))
        assert it(*ask, "--cache-only", code=None).returncode == 1
        it(*ask)
        assert len(api.messages) == 2
