"""`optafly serve` as a process: what it says, what it refuses, how it ends."""

import json
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Reply
from tests.proxy.conftest import QUESTION, Serve, port_of
from tests.proxy.raw import exchange


def request(stream: bool, key: str, number: int = 0) -> bytes:
    """A question of that number as bytes, on a connection that closes."""
    body = json.dumps({**QUESTION, "stream": stream, "system": f"Question {number}."}).encode()
    return (
        b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nanthropic-version: 2026-10-21\r\nx-api-key: %s\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (key.encode(), len(body), body)
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_finishes_streams_at_the_end(serve: Serve, api: MessagesApi, number: int) -> None:
    """One line on stderr; a signal stops it when the reply under way is complete, with exit code 0."""
    api.script(Reply("Paris it is, as ever.", delay_s=0.3))
    process = serve("--port", "0", "--json")
    port = port_of(process)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(exchange(port, request(True, api.key))))
    reader.start()
    deadline = time.monotonic() + 10
    while not api.messages and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    reader.join(60)
    assert b"message_stop" in got[0]
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "finishing 1 request;" in said
    assert "Traceback" not in said


def test_a_stream_without_end_is_cut_after_the_grace(serve: Serve, api: MessagesApi) -> None:
    """The wait is bounded."""
    api.script(Reply("Paris it is", end="stall", after=1))
    process = serve("--port", "0", "--json", "--grace", "1")
    port = port_of(process)
    reader = threading.Thread(target=lambda: exchange(port, request(True, api.key)))
    reader.start()
    assert api.stalled.wait(60)
    process.terminate()
    _, said = process.communicate(timeout=60)
    reader.join(60)
    assert process.returncode == 0
    assert "Traceback" not in said
    api.stalled.clear()


def test_a_second_signal_ends_it_at_once(serve: Serve, api: MessagesApi) -> None:
    """Exit code 130, whatever is under way."""
    api.script(Reply("Paris it is", end="stall", after=1))
    process = serve("--port", "0", "--json", "--grace", "60")
    port = port_of(process)
    reader = threading.Thread(target=lambda: exchange(port, request(True, api.key)))
    reader.start()
    assert api.stalled.wait(60)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    reader.join(60)
    assert process.returncode == 130
    api.stalled.clear()


@pytest.mark.parametrize(
    ("options", "env", "code", "said"),
    [
        (["--port", "TAKEN"], {}, 2, "port TAKEN of 127.0.0.1 is taken"),
        (["--host", "0.0.0.0"], {}, 2, "others could reach 0.0.0.0"),
        (["--host", "0.0.0.0", "--allow-remote"], {}, 4, "there is no token"),
        (["--allow-remote"], {"OPTAFLY_SERVICE_TOKEN": "short"}, 4, "[service] token needs 16 characters"),
        (["--host", "no.such.host.invalid"], {}, 2, "no.such.host.invalid is no address of this machine"),
        (["--upstream", "ftp://x"], {}, 2, "base_url"),
        (["--port", "FREE", "--upstream", "http://localhost:FREE"], {}, 4, "is this proxy itself"),
        (["--port", "FREE"], {"ANTHROPIC_BASE_URL": "http://127.0.0.1:FREE/"}, 4, "unset ANTHROPIC_BASE_URL"),
        (["--port", "0"], {"ANTHROPIC_API_KEY": "two words"}, 4, "ANTHROPIC_API_KEY holds white space"),
    ],
    ids=["taken", "remote", "no token", "short token", "no host", "no URL", "itself", "itself by environment", "key"],
)
def test_what_cannot_be_served_is_one_sentence(
    serve: Serve, options: list[str], env: dict[str, str], code: int, said: str
) -> None:
    """An error, what to do, and the exit code of its kind; no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        names = {"TAKEN": str(taken.getsockname()[1]), "FREE": str(free.getsockname()[1])}
        free.close()

        def filled(text: str) -> str:
            for name, value in names.items():
                text = text.replace(name, value)
            return text

        process = serve(*map(filled, options), **{name: filled(value) for name, value in env.items()})
        out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert err.startswith("error: ")
    assert filled(said) in err
    assert (out, "Traceback" in err) == ("", False)


def test_remote_clients_are_let_in_with_the_token(serve: Serve, api: MessagesApi) -> None:
    """Under any name, because the token says enough; the key of our environment is not for them."""
    process = serve(
        "--port", "0", "--host", "0.0.0.0", "--allow-remote", "--json",
        OPTAFLY_SERVICE_TOKEN="a-token-of-16-chars", ANTHROPIC_API_KEY=api.key,
    )  # fmt: skip
    port = port_of(process)
    head = b"GET /v1/models HTTP/1.1\r\nhost: build-box\r\nanthropic-version: 1\r\nconnection: close\r\n"
    assert b" 401 " in exchange(port, head + b"\r\n").split(b"\r\n")[0]
    assert not api.requests
    token = b"x-optafly-token: a-token-of-16-chars\r\n"
    assert b"x-api-key header is required" in exchange(port, head + token + b"\r\n")
    key = b"x-api-key: " + api.key.encode() + b"\r\n"
    assert b" 200 " in exchange(port, head + token + key + b"\r\n").split(b"\r\n")[0]


def test_a_full_disk_costs_one_line(serve: Serve, api: MessagesApi) -> None:
    """The answer comes through, and says that the store could not keep it."""
    process = serve("--port", "0", "--json", _limit="8192")
    port = port_of(process)
    for _ in range(2):
        got = exchange(port, request(False, api.key))
        assert b" 200 " in got.split(b"\r\n")[0]
        assert b"x-optafly-cache: bypass; reason=store" in got
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert said.count("warning: the store") == 1
    assert "no room is left" in said


def descriptors(process: subprocess.Popen[str]) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


def threads(process: subprocess.Popen[str]) -> int:
    """How many threads a process has."""
    return len(list(Path(f"/proc/{process.pid}/task").iterdir()))


def hang_up_early(port: int, key: str, number: int) -> None:
    """A client that vanishes: before its body is whole, before the reply, or in the middle of it."""
    raw = request(True, key, number + 1)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(raw[:150] if number % 3 == 0 else raw)
        if number % 3 == 2:
            connection.recv(100)


@pytest.mark.slow
def test_hundreds_of_bad_clients_and_broken_replies_leave_nothing_behind(serve: Serve, api: MessagesApi) -> None:
    """After clients that vanish, upstreams that die in mid-stream and 50 good clients at once: nothing stays open."""
    process = serve("--port", "0", "--json")
    port = port_of(process)
    exchange(port, request(True, api.key))
    before: tuple[int, int] | None = None
    for turn in range(4):
        ends: list[Any] = ["cut", "reset", "eof", "error"]
        for number in range(60):
            api.script(Reply("Paris it is, as ever", end=ends[number % 4], after=1, delay_s=0.002))
            hang_up_early(port, api.key, 60 * turn + number)
        api.forget_script()
        good = [threading.Thread(target=exchange, args=(port, request(n % 2 == 0, api.key))) for n in range(50)]
        for thread in good:
            thread.start()
        for thread in good:
            thread.join(60)
        time.sleep(1.0)
        now = (descriptors(process), threads(process))
        before = before or now
        assert now[0] <= before[0] + 2
        assert now[1] <= before[1]
    metrics = exchange(port, b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    assert b"optafly_in_flight 1\n" in metrics
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert "fault" not in said
    assert process.returncode == 0
