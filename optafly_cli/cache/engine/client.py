"""The engine as a command uses it: one connection, one question after another."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from optafly_cli._version import __version__
from optafly_cli.cache.engine import wire
from optafly_cli.cache.engine.protocol import EngineUnavailable
from optafly_cli.cache.vectors import Candidate, Wanted
from optafly_cli.config.paths import runtime_folder

SOCKET = "engine.sock"
BUILD = f"{__version__} {Path(__file__).parents[2]}"
"""The version of optafly, and where it is installed: what a process beside this one must be of to be asked."""
PATIENCE_S = 5.0
"""How long one answer is waited for: what takes longer is done sooner in this process."""


def beside(environ: Mapping[str, str]) -> "EngineClient | None":
    """The engine of the service that runs for this user; None when there is none."""
    path = runtime_folder(environ) / SOCKET
    return EngineClient(path) if path.is_socket() else None


class EngineClient:
    """Connects at the first question. Both sides must be of the same `build`. Not for several threads."""

    def __init__(self, path: Path, build: str = BUILD, patience_s: float = PATIENCE_S) -> None:
        self._path = path
        self._build = build
        self._patience_s = patience_s
        self._socket: socket.socket | None = None

    def embed(self, model: str, text: str) -> bytes:
        """The unit vector of a text by that embedding model, float32.

        Raises:
            EngineUnavailable: there is no answer, or it is refused.
        """
        return self._asked({"ask": "embed", "model": model, "text": text})[1]

    def nearest(
        self, folder: Path, model: str, wanted: Wanted, vector: bytes, limit: int
    ) -> tuple[list[Candidate], list[str]]:
        """The entries nearest to the vector, and notices for the user. Raises EngineUnavailable."""
        head = {
            "ask": "nearest",
            "model": model,
            "folder": str(folder),
            "partition": wanted.partition.hex(),
            "embedder": wanted.embedder,
            "since": wanted.since,
            "but": wanted.but.hex(),
            "limit": limit,
        }
        told, _ = self._asked(head, vector)
        try:
            return [Candidate(int(number), float(cosine)) for number, cosine in told["found"]], list(told["notices"])
        except (KeyError, TypeError, ValueError) as error:
            raise EngineUnavailable("its answer is none") from error

    def logit(self, one: str, other: str) -> float:
        """What the shipped cross-encoder says of two instructions. Raises EngineUnavailable."""
        told, _ = self._asked({"ask": "logit", "one": one, "other": other})
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

    def _asked(self, head: wire.Head, blob: bytes = b"") -> tuple[wire.Head, bytes]:
        try:
            connection = self._connected()
            connection.sendall(wire.packed({"build": self._build, **head}, blob))
            told, answer = wire.receive(connection)
        except (OSError, wire.BrokenWireError) as error:
            self.close()
            raise EngineUnavailable(str(error)) from error
        if refusal := told.get("refused"):
            raise EngineUnavailable(str(refusal))
        return told, answer

    def _connected(self) -> socket.socket:
        if self._socket is None:
            made = socket.socket(socket.AF_UNIX)
            made.settimeout(self._patience_s)
            try:
                made.connect(str(self._path))
            except OSError:
                made.close()
                raise
            self._socket = made
        return self._socket
