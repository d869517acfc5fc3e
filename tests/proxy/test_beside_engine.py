"""A proxy beside a service uses its models and its index; without them it goes on by itself, and says so once."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from optafly_cli.service.proxy.beside import LOST
from tests.fakes.messages_api import MessagesApi
from tests.proxy.conftest import QUESTION, Serve, port_of
from tests.proxy.raw import exchange

ROOT = Path(__file__).resolve().parents[2]
COMPARING = {"OPTAFLY_CACHE_MAX_ERROR_RATE": "0.01"}


def asked(port: int, key: str, text: str, system: str = "You are terse.") -> tuple[int, str]:
    """The status and what the cache says of a question."""
    body = {**QUESTION, "system": system, "messages": [{"role": "user", "content": text}], "stream": True}
    raw = json.dumps(body).encode()
    head = (
        b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nanthropic-version: 2026-10-21\r\nx-api-key: %s\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n" % (key.encode(), len(raw))
    )
    got = exchange(port, head + raw).decode()
    said = got.partition("x-optafly-cache: ")[2].partition("\r\n")[0]
    return int(got.split()[1]), said


def holds_a_model(pid: int) -> bool:
    """Whether the process has loaded what runs one."""
    return "onnxruntime" in Path(f"/proc/{pid}/maps").read_text()


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of the proxy's home."""
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OPTAFLY_HOME": str(tmp_path / "optafly")}


@pytest.fixture
def engine(home: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """An engine without a service."""
    folder = Path(home["OPTAFLY_HOME"])
    folder.mkdir(mode=0o700)
    (folder / "run").mkdir(mode=0o700)
    process = subprocess.Popen(
        [sys.executable, "-m", "optafly_cli.service.engine"],
        cwd=ROOT, env=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def test_other_words_are_compared_by_the_engine(
    serve: Serve, api: MessagesApi, engine: "subprocess.Popen[str]"
) -> None:
    """Stored and found with its vectors, and no model is loaded by the proxy."""
    proxy = serve("--port", "0", "--json", **COMPARING)
    port = port_of(proxy)
    assert asked(port, api.key, "fix this bug") == (200, "miss; reason=empty")
    assert asked(port, api.key, "please fix this bug")[1].startswith("hit; tier=semantic")
    assert asked(port, api.key, "describe the parser of dates")[1] == "miss; reason=similarity"
    assert holds_a_model(engine.pid)
    assert not holds_a_model(proxy.pid)


def test_an_engine_that_is_killed_under_load_costs_one_line(
    serve: Serve, api: MessagesApi, engine: "subprocess.Popen[str]"
) -> None:
    """kill -9 while eight clients ask: every one is answered, other words hit as before."""
    proxy = serve("--port", "0", "--json", **COMPARING)
    port = port_of(proxy)
    asked(port, api.key, "fix this bug")
    statuses: list[int] = []
    done = threading.Event()

    def client(number: int) -> None:
        turn = 0
        while not done.is_set() or turn < 3:
            turn += 1
            statuses.append(asked(port, api.key, f"name a colour for house {number} in street {turn}")[0])

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: len(statuses) > 20)
    engine.send_signal(signal.SIGKILL)
    before = len(statuses)
    until(lambda: len(statuses) > before + 40)
    done.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}
    assert asked(port, api.key, "please fix this bug")[1].startswith("hit; tier=semantic")
    assert holds_a_model(proxy.pid)
    proxy.terminate()
    _, said = proxy.communicate(timeout=60)
    assert said.count(LOST) == 1
    assert "Traceback" not in said


@pytest.mark.parametrize("left_behind", [False, True])
def test_without_a_service_the_proxy_loads_its_own(
    serve: Serve, api: MessagesApi, home: dict[str, str], left_behind: bool
) -> None:
    """Also beside a socket that a killed engine has left; that is nothing to warn about."""
    if left_behind:
        import socket

        folder = Path(home["OPTAFLY_HOME"])
        (folder / "run").mkdir(mode=0o700, parents=True)
        folder.chmod(0o700)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "run" / "engine.sock"))
    proxy = serve("--port", "0", "--json", **COMPARING)
    port = port_of(proxy)
    asked(port, api.key, "fix this bug")
    assert asked(port, api.key, "please fix this bug")[1].startswith("hit; tier=semantic")
    assert holds_a_model(proxy.pid)
    proxy.terminate()
    assert LOST not in proxy.communicate(timeout=60)[1]


def test_a_service_is_asked_for_its_engine(serve: Serve, api: MessagesApi, home: dict[str, str]) -> None:
    """One that has none yet starts it, and the proxy uses that."""

    def service(*words: str) -> Any:
        command = [sys.executable, "-m", "optafly_cli", "service", *words]
        return subprocess.run(command, env=home, cwd=home["HOME"], check=False, capture_output=True, timeout=60)

    assert service("start").returncode == 0
    try:
        proxy = serve("--port", "0", "--json", **COMPARING)
        port = port_of(proxy)
        asked(port, api.key, "fix this bug")
        assert asked(port, api.key, "please fix this bug")[1].startswith("hit; tier=semantic")
        assert not holds_a_model(proxy.pid)
    finally:
        service("stop")


def until(happened: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.02)
