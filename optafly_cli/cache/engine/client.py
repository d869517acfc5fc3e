"""The engine as a command uses it: one connection, one question after another."""

import os
import socket
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from optafly_cli._version import __version__
from optafly_cli.cache.embedder import BUNDLED
from optafly_cli.cache.engine import wire
from optafly_cli.cache.engine.protocol import EngineUnavailable
from optafly_cli.cache.vectors import Candidate, Wanted
from optafly_cli.config.paths import runtime_folder
from optafly_cli.sockets import are_turned_off, connect

SOCKET = "engine.sock"
BUILD = f"{__version__} {Path(__file__).parents[2]}"
"""The version of optafly, and where it is installed: what a process beside this one must be of to be asked."""
PATIENCE_S = 5.0
"""How long one answer is waited for: what takes longer is done sooner in this process."""


_MOST_EXPECTED = 3
_COULD_GAIN = (os.cpu_count() or 1) > 1
"""With one processor nothing is gained by two processes that compute at once."""
_wanted: list[Callable[[], None]] = []
_begun: "list[EngineClient]" = []


def let_it_be_started(by: Callable[[], None]) -> None:
    """Call `by` whenever the engine is wanted and there is none. For a process that is the service's own."""
    _wanted[:] = [by]


def beside(environ: Mapping[str, str]) -> "EngineClient | None":
    """The engine of the service that runs for this user; None when there is none, and none will be, or it is off."""
    if are_turned_off(environ):
        return None
    folder = runtime_folder(environ)
    if _begun and _begun[0].folder == folder:
        return _begun.pop()
    return EngineClient(folder) if _wanted or (folder / SOCKET).is_socket() else None


def begin(environ: Mapping[str, str], text: str) -> None:
    """Have the engine embed a text that will probably be asked for, before anything else is known of the command.

    The next that asks for an engine gets the one that has begun. Only in a process of the service: elsewhere more than
    the engine is waited for.
    """
    if _wanted and not _begun and (found := beside(environ)):
        found.expect_embed(BUNDLED, text)
        _begun.append(found)


class EngineClient:
    """Connects at the first question to the socket in the folder. Both sides must be of the same `build`.

    Not for several threads.
    """

    def __init__(
        self,
        folder: Path,
        build: str = BUILD,
        patience_s: float = PATIENCE_S,
        connection: socket.socket | None = None,
    ) -> None:
        """`connection` is for who has one already."""
        self.folder = folder
        self._build = build
        self._patience_s = patience_s
        self._socket = connection
        self._expected: deque[bytes] = deque()
        self._ahead = bytearray()

    def expect_embed(self, model: str, text: str) -> None:
        """Have the engine begin what `embed` will ask."""
        self._expect(_embed(model, text))

    def expect_logit(self, first: str, second: str) -> None:
        """Have the engine begin what `logit` will ask."""
        self._expect(_logit(first, second))

    def expect_nearest(self, folder: Path, model: str, wanted: Wanted, text: str, limit: int) -> None:
        """Have the engine begin what `nearest` will ask."""
        self._expect(_nearest(folder, model, wanted, text, limit))

    def embed(self, model: str, text: str) -> bytes:
        """The unit vector of a text by that embedding model, float32.

        Raises:
            EngineUnavailable: there is no answer, or it is refused.
        """
        return self._asked(_embed(model, text))[1]

    def nearest(
        self, folder: Path, model: str, wanted: Wanted, text: str, limit: int
    ) -> tuple[list[Candidate], list[str]]:
        """The entries nearest to the text, and notices for the user. Raises EngineUnavailable."""
        told, _ = self._asked(_nearest(folder, model, wanted, text, limit))
        try:
            return [Candidate(int(number), float(cosine)) for number, cosine in told["found"]], list(told["notices"])
        except (KeyError, TypeError, ValueError) as error:
            raise EngineUnavailable("its answer is none") from error

    def logit(self, first: str, second: str) -> float:
        """What the shipped cross-encoder says of a `cross_encoder.pair`. Raises EngineUnavailable."""
        told, _ = self._asked(_logit(first, second))
        try:
            return float(told["logit"])
        except (KeyError, TypeError, ValueError) as error:
            raise EngineUnavailable("its answer is none") from error

    def status(self) -> wire.Head:
        """What it says of itself. Raises EngineUnavailable."""
        return self._asked({"ask": "status"})[0]

    def close(self) -> None:
        """Let go of the connection."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None
        self._expected.clear()
        self._ahead.clear()

    def _expect(self, head: wire.Head) -> None:
        """Send a question whose answer is read when it is asked. Few at a time; where that fails, it is asked later."""
        if len(self._expected) >= _MOST_EXPECTED or not _COULD_GAIN:
            return
        message = self._packed(head)
        if message in self._expected:
            return
        try:
            self._connected().sendall(message)
        except OSError:
            self.close()
        else:
            self._expected.append(message)

    def _packed(self, head: wire.Head) -> bytes:
        return wire.packed({"build": self._build, **head})

    def _asked(self, head: wire.Head) -> tuple[wire.Head, bytes]:
        try:
            connection = self._connected()
        except OSError as error:
            for start in _wanted:
                start()
            raise EngineUnavailable(str(error)) from error
        try:
            message = self._packed(head)
            if message not in self._expected:
                connection.sendall(message)
                self._expected.append(message)
            # What was asked for nothing is answered first
            while self._expected.popleft() != message:
                wire.receive(connection, self._ahead)
            told, answer = wire.receive(connection, self._ahead)
        except (OSError, wire.BrokenWireError) as error:
            self.close()
            raise EngineUnavailable(str(error)) from error
        if refusal := told.get("refused"):
            raise EngineUnavailable(str(refusal))
        return told, answer

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(fileno=connect(str(self.folder), SOCKET).detach())
            self._socket.settimeout(self._patience_s)
        return self._socket


def _embed(model: str, text: str) -> wire.Head:
    return {"ask": "embed", "model": model, "text": text}


def _nearest(folder: Path, model: str, wanted: Wanted, text: str, limit: int) -> wire.Head:
    return {
        "ask": "nearest",
        "model": model,
        "folder": str(folder),
        "partition": wanted.partition.hex(),
        "embedder": wanted.embedder,
        "since": wanted.since,
        "but": wanted.but.hex(),
        "text": text,
        "limit": limit,
    }


def _logit(first: str, second: str) -> wire.Head:
    return {"ask": "logit", "first": first, "second": second}
