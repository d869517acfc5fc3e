"""A real proxy on a loopback port, in a thread of its own, in front of the fake Messages API."""

import http.client
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import anthropic
import pytest

from optafly_cli.cache.requests import RequestLog
from optafly_cli.cache.store import Store
from optafly_cli.config.settings import Settings
from optafly_cli.route.shape import RequestShape
from optafly_cli.service.proxy.app import ProxySettings
from optafly_cli.service.proxy.server import listen, serve
from tests.fakes.messages_api import MessagesApi

MODEL = "claude-sonnet-5-5"
QUESTION: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 200,
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
}


@dataclass(frozen=True)
class Response:
    """A whole reply, headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def cache(self) -> str:
        """What the proxy says of its store."""
        return self.headers.get("x-optafly-cache", "")

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class RunningProxy:
    """A proxy in a thread; `lines` is its log. A context manager."""

    made_from: ProxySettings
    grace_s: float = 5.0
    lines: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    url: str = ""
    port: int = 0
    _stop: Callable[[], None] = lambda: None
    _thread: threading.Thread | None = None
    _clients: list[anthropic.Anthropic] = field(default_factory=list)
    begun: float = 0.0

    def __enter__(self) -> Self:
        made = listen("127.0.0.1", 0, allow_remote=False, token=self.made_from.token)
        self.port = made.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        begun = threading.Event()

        def ready(stop: Callable[[], None]) -> None:
            self._stop = stop
            begun.set()

        def run() -> None:
            serve(
                self.made_from,
                made,
                ready=ready,
                say=self.lines.append,
                detail=self.details.append,
                grace_s=self.grace_s,
            )

        self._thread = threading.Thread(target=run)
        self._thread.start()
        assert begun.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it as SIGTERM does, and wait."""
        self.close_clients()
        self._stop()
        if self._thread is not None:
            self._thread.join(60)
            assert not self._thread.is_alive()

    def ask(
        self,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        path: str = "/v1/messages",
        method: str = "POST",
        key: str = "",
    ) -> Response:
        """One request with a plain HTTP client; `body` is JSON unless it is bytes."""
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {"anthropic-version": "2026-10-21", "content-type": "application/json"}
        sent |= {"x-api-key": key or self.key} | dict(headers or {})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, raw, {name: value for name, value in sent.items() if value})
            got = connection.getresponse()
            return Response(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        finally:
            connection.close()

    key: str = ""

    def sdk(self, api: MessagesApi, **options: Any) -> anthropic.Anthropic:
        """The SDK's client, pointed at the proxy; closed when the test is over."""
        client = anthropic.Anthropic(base_url=self.url, api_key=api.key, **{"max_retries": 0, **options})
        self._clients.append(client)
        return client

    def close_clients(self) -> None:
        """Close what `sdk` gave: a socket that is only forgotten is a warning in some later test."""
        while self._clients:
            self._clients.pop().close()

    def logged(self) -> list[tuple[RequestShape, int]]:
        """What its log of requests has of this test. What the one before it sent may be written down only now."""
        with RequestLog(self.made_from.folder) as log:
            return [one for one in log.trace() if one[0].at >= self.begun]

    def entries(self) -> int:
        """How many answers its store has."""
        with Store.open(self.made_from.folder, self.made_from.settings.cache) as store:
            return len(store.entries(limit=1000))


StartProxy = Callable[..., RunningProxy]
Serve = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def _standing_api() -> Iterator[MessagesApi]:
    with MessagesApi(reply="Paris.") as running:
        yield running


@pytest.fixture(scope="session")
def _standing_proxy(_standing_api: MessagesApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    settings = made_from(_standing_api.url, tmp_path_factory.mktemp("proxy") / "store")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        with RunningProxy(settings, key=_standing_api.key) as running:
            yield running


@pytest.fixture
def api(_standing_api: MessagesApi) -> Iterator[MessagesApi]:
    """The upstream, which has not been asked yet."""
    _standing_api.requests.clear()
    yield _standing_api
    _standing_api.forget_script()


@pytest.fixture
def proxy(api: MessagesApi, _standing_proxy: RunningProxy) -> Iterator[RunningProxy]:
    """A proxy with the settings of a new user, exact hits only, and an empty store: one for all tests, for speed."""
    path = _standing_proxy.made_from.folder / "entries.sqlite"
    if path.exists():
        with closing(sqlite3.connect(path)) as connection, connection:
            for table in ("entry", "hit", "request", "prefix", "tally"):
                connection.execute(f"DELETE FROM {table}")
    _standing_proxy.lines.clear()
    _standing_proxy.details.clear()
    _standing_proxy.begun = time.time()
    yield _standing_proxy
    _standing_proxy.close_clients()


@pytest.fixture
def start(api: MessagesApi, tmp_path: Path) -> Iterator[StartProxy]:
    """Starts proxies of their own: `start(upstream=…, cache={…}, token=…)`; the store is one for all of a test."""
    started: list[RunningProxy] = []

    def begin(upstream: str = "", grace_s: float = 5.0, **options: Any) -> RunningProxy:
        proxy = RunningProxy(made_from(upstream or api.url, tmp_path / "store", **options), grace_s, key=api.key)
        started.append(proxy.__enter__())
        return proxy

    yield begin
    for proxy in started:
        proxy.stop()


@pytest.fixture(name="serve")
def serve_processes(tmp_path: Path, api: MessagesApi) -> Iterator[Serve]:
    """Starts `optafly serve` with options and environment, under a limit of files' size; killed at the end."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str, _limit: str = "", **env: str) -> subprocess.Popen[str]:
        home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OPTAFLY_HOME": str(tmp_path / "optafly")}
        limited = ["prlimit", f"--fsize={_limit}"] if _limit else []
        process = subprocess.Popen(
            [*limited, sys.executable, "-m", "optafly_cli", "serve", *options],
            cwd=tmp_path, env={**home, "ANTHROPIC_BASE_URL": api.url, "OPTAFLY_CACHE_MAX_ERROR_RATE": "0", **env},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def port_of(process: subprocess.Popen[str]) -> int:
    """The port of a proxy that was started with --json."""
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline() if process.stdout else ""
        assert line, process.communicate()
        text += line
    document = json.loads(text)
    assert document["schema"] == "optafly.serve/1"
    return int(document["url"].rpartition(":")[2])


def made_from(
    upstream: str,
    folder: Path,
    *,
    token: str = "",
    extra: Mapping[bytes, bytes] | None = None,
    **sections: Mapping[str, object],
) -> ProxySettings:
    """A proxy's settings; the models are loaded by those tests only that compare words."""
    settings = Settings()
    sections["cache"] = {"max_error_rate": 0.0, **sections.get("cache", {})}
    for name, values in sections.items():
        settings = replace(settings, **{name: replace(getattr(settings, name), **values)})
    return ProxySettings(settings, folder, upstream, upstream, dict(extra or {}), token)


def events(body: bytes) -> Sequence[Any]:
    """The events of a stream."""
    parts = body.decode().split("\n\n")
    return [json.loads(line[6:]) for part in parts for line in part.split("\n") if line.startswith("data: ")]
