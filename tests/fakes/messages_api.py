"""A Messages API on a loopback port: real HTTP, the real API's rules, a simulated prompt cache, scripted faults.

    with MessagesApi(reply="Hello.") as api:
        api.script(Failure(529), Reply("Fine.", end="cut", after=1))
        ... ANTHROPIC_BASE_URL=api.url, ANTHROPIC_API_KEY=api.key ...
        assert api.messages[0].body["model"] == "claude-sonnet-5-5"

Steps given to `script` are used up one per POST /v1/messages or count_tokens; then `reply` answers. Rules are
checked first, so that a bad request is a 400 even where a reply was scripted (which it does not use up). By hand:
`python -m tests.fakes.messages_api --port 0 --reply TEXT`.
"""

import argparse
import hashlib
import json
import secrets
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self

from optafly_cli.models import Model, catalogue
from tests.fakes import rules
from tests.fakes.diagnostics import Diagnostics
from tests.fakes.prompt_cache import PromptCache, input_tokens
from tests.fakes.script import ERRORS, Failure, Reply, Step, error_json, events_of, message_of, sse

KEY = "sk-ant-api03-fake-key-for-tests"


@dataclass(frozen=True)
class Recorded:
    """One request. Credentials are in no header here: `sent_key` compares their digest."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    credential_digest: str | None

    def sent_key(self, key: str) -> bool:
        """Whether the request carried this key."""
        return self.credential_digest == _digest(key)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class MessagesApi:
    """The server; a context manager. `key=None` accepts any credential, but wants one.

    `stalled` is set when a reply waits, `release` lets it go on, `client_left` is set when the client hung up
    before the end of a reply. `clock` (seconds) drives the prompt cache alone. What goes wrong inside of the server
    (a reply function that raises) is raised when the context is left.
    """

    def __init__(
        self,
        *,
        reply: Step | str | Callable[[Mapping[str, Any]], str] = "Hello from the fake.",
        key: str | None = KEY,
        clock: Callable[[], float] = time.time,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.key = key or KEY
        self.requests: list[Recorded] = []
        self.stalled = threading.Event()
        self.release = threading.Event()
        self.client_left = threading.Event()
        self.errors: list[BaseException] = []
        self.cache = PromptCache()
        self.diagnostics = Diagnostics()
        self.clock = clock
        self._expected = key
        self._reply: Step = reply if isinstance(reply, Reply | Failure) else Reply(reply)
        self._steps: deque[Step] = deque()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.api = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()
        if self.errors and error is None:
            raise self.errors[0]

    def script(self, *steps: Step) -> None:
        """Queues what the next requests get."""
        with self._lock:
            self._steps.extend(steps)

    def forget_script(self) -> None:
        """Drops the steps that were not used up."""
        with self._lock:
            self._steps.clear()

    @property
    def messages(self) -> list[Recorded]:
        """The requests for POST /v1/messages, accepted or not."""
        return [request for request in self.requests if request.path.split("?")[0] == "/v1/messages"]

    def take_step(self) -> Step:
        """The next scripted step, else the standing reply."""
        with self._lock:
            return self._steps.popleft() if self._steps else self._reply

    def authorise(self, key: str | None) -> None:
        """Raises `Rejected` for a missing or wrong key."""
        if key is None:
            raise rules.Rejected(401, "authentication_error", "x-api-key header is required")
        if self._expected is not None and key != self._expected:
            raise rules.Rejected(401, "authentication_error", "invalid x-api-key")


class _Server(ThreadingHTTPServer):
    # Threads are joined on close, so that no test leaves one behind
    daemon_threads = False
    api: MessagesApi

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Ends kept-alive connections, whose threads wait for a next request."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.api.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    routes: ClassVar[dict[str, str]] = {"/v1/messages": "_messages", "/v1/messages/count_tokens": "_count"}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Silent."""

    def do_GET(self) -> None:
        """GET /v1/models and /v1/models/ID."""
        self._answer(b"", self._models)

    def do_POST(self) -> None:
        """POST /v1/messages and /v1/messages/count_tokens."""
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        name = self.routes.get(self.path.split("?")[0])
        self._answer(raw, getattr(self, name) if name else self._not_found)

    def _answer(self, raw: bytes, respond: Callable[[Any], None]) -> None:
        self.request_id = f"req_{secrets.token_hex(12)}"
        started = self.server.api.clock()
        headers = {name.lower(): value for name, value in self.headers.items()}
        bearer = headers.pop("authorization", "")
        key = headers.pop("x-api-key", None) or bearer.removeprefix("Bearer ").strip() or None
        try:
            body: Any = json.loads(raw) if raw else None
        except ValueError:
            body = raw
        digest = _digest(key) if key else None
        self.server.api.requests.append(Recorded(self.command, self.path, headers, body, digest))
        self.version, self.started = headers.get("anthropic-version", ""), started
        try:
            self.server.api.authorise(key)
            if not self.version:
                raise rules.invalid("anthropic-version: header is required")
            respond(raw)
        except rules.Rejected as refused:
            self._send(refused.status, error_json(refused.type, refused.message, self.request_id))

    def _not_found(self, raw: Any) -> None:
        raise rules.Rejected(404, "not_found_error", "Not found")

    def _models(self, raw: Any) -> None:
        found = {name: _model_info(model) for name, model in catalogue().models.items()}
        path = self.path.split("?")[0].rstrip("/")
        if path == "/v1/models":
            ids = list(found)
            page = {"data": list(found.values()), "has_more": False, "first_id": ids[0], "last_id": ids[-1]}
            self._send(200, json.dumps(page).encode())
        elif path.removeprefix("/v1/models/") in found:
            self._send(200, json.dumps(found[path.removeprefix("/v1/models/")]).encode())
        else:
            self._not_found(raw)

    def _count(self, raw: Any) -> None:
        body = rules.parse(raw)
        rules.check(body, version=self.version, counting=True)
        step = self.server.api.take_step()
        if isinstance(step, Failure):
            self._fail(step)
        else:
            self._send(200, json.dumps({"input_tokens": input_tokens(body)}).encode())

    def _messages(self, raw: Any) -> None:
        body = rules.parse(raw)
        rules.check(body, version=self.version, betas=self.headers.get("anthropic-beta") or "")
        window = catalogue().get(body["model"]).context_window
        if (tokens := input_tokens(body)) > window:
            raise rules.invalid(f"prompt is too long: {tokens} tokens > {window} maximum")
        step = self.server.api.take_step()
        if isinstance(step, Failure):
            self._fail(step)
            return
        plan = self.server.api.cache.plan(body, self.started)
        message = message_of(step, body, plan.usage, f"msg_{secrets.token_hex(12)}")
        message["diagnostics"] = self.server.api.diagnostics.of(body)
        self.server.api.diagnostics.remember(message["id"], body)
        if body.get("stream"):
            self._stream(step, message, lambda: self.server.api.cache.commit(plan))
        else:
            self.server.api.cache.commit(plan)
            self._whole(step, message)

    def _fail(self, failure: Failure) -> None:
        self._send(failure.status, failure.payload(self.request_id), failure.content_type, failure.headers)

    def _send(
        self,
        status: int,
        payload: bytes,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._head(status, content_type, {**(headers or {}), "content-length": str(len(payload))})
        self.wfile.write(payload)

    def _head(self, status: int, content_type: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"content-type": content_type, "request-id": self.request_id, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _whole(self, reply: Reply, message: Mapping[str, Any]) -> None:
        payload = json.dumps(message, ensure_ascii=False).encode()
        time.sleep(reply.think_s)
        self._head(200, "application/json", {"content-length": str(len(payload))})
        if reply.end in ("cut", "reset"):
            self.wfile.write(payload[: len(payload) // 2])
            self._break_off(reply.end == "reset")
        else:
            self.wfile.write(payload)

    def _stream(self, reply: Reply, message: Mapping[str, Any], begun: Callable[[], None]) -> None:
        time.sleep(reply.think_s)
        self._head(200, reply.content_type, {"transfer-encoding": "chunked"})
        begun()
        if reply.unknown_events:
            self._chunk(reply, sse({"type": "from_the_future", "message": {"a": 1}}))
        try:
            for event in _planned(events_of(message, reply.delta_chars), reply):
                if event["type"] == "!":
                    if not self._end(reply):
                        return
                    continue
                self._chunk(reply, sse(event))
                if event["type"] == "content_block_delta":
                    time.sleep(reply.delay_s)
        except ConnectionError:
            self.server.api.client_left.set()
            raise
        self.wfile.write(b"0\r\n\r\n")

    def _end(self, reply: Reply) -> bool:
        """Ends the stream as scripted; True when it goes on after all (a stall that was released)."""
        if reply.end == "stall":
            return self._stall()
        if reply.end == "error":
            text = next((text for kind, text in ERRORS.values() if kind == reply.error), "error")
            self._chunk(reply, sse({"type": "error", "error": {"type": reply.error, "message": text}}))
        if reply.end in ("cut", "reset"):
            self._break_off(reply.end == "reset")
        else:
            self.wfile.write(b"0\r\n\r\n")
        return False

    def _chunk(self, reply: Reply, payload: bytes) -> None:
        size = reply.slice_bytes or len(payload)
        for at in range(0, len(payload), size):
            piece = payload[at : at + size]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def _stall(self) -> bool:
        api = self.server.api
        api.stalled.set()
        while not api.release.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.01)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                api.client_left.set()
                self.close_connection = True
                return False
        return True

    def _break_off(self, reset: bool) -> None:
        self.close_connection = True
        self.wfile.flush()
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            with suppress(OSError):  # the client may have hung up
                self.connection.shutdown(socket.SHUT_WR)


def _planned(events: Iterable[dict[str, Any]], reply: Reply) -> Iterable[dict[str, Any]]:
    """The events with a mark ("!") at the place where the reply ends as scripted."""
    if reply.end == "stop":
        yield from events
        return
    texts = 0
    marked = False
    for event in events:
        is_text = event["type"] == "content_block_delta" and event["delta"]["type"] == "text_delta"
        last = event["type"] == "message_delta"
        if not marked and (last if reply.after is None else (is_text or last) and texts >= reply.after):
            marked = True
            yield {"type": "!"}
        yield event
        texts += is_text


def _model_info(model: Model) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.id,
        "created_at": "2026-11-22T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": model.context_window,
    }


def echo(body: Mapping[str, Any]) -> str:
    """A reply by which the question is known: the last turn's text, behind a word of the fake's own."""
    last = rules.blocks_of(body["messages"][-1]["content"])
    return "You asked: " + "".join(block.get("text", "") for block in last)


def main() -> None:
    """Serves until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.messages_api", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--reply", default="Hello from the fake.", help="text of every reply")
    parser.add_argument("--echo", action="store_true", help="the reply says what was asked instead")
    parser.add_argument("--key", help="the only key that is accepted (default: any)")
    parser.add_argument("--first", type=int, action="append", default=[], metavar="STATUS", help="fail first requests")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="pause after each text delta")
    parser.add_argument("--think", type=float, default=0.0, metavar="SECONDS", help="pause before each reply")
    options = parser.parse_args()
    reply = Reply(echo if options.echo else options.reply, delay_s=options.delay, think_s=options.think)
    with MessagesApi(reply=reply, key=options.key, port=options.port) as api:
        api.script(*(Failure(status) for status in options.first))
        print(f"ANTHROPIC_BASE_URL={api.url} ANTHROPIC_API_KEY={api.key}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
