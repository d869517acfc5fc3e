"""The engine's loop: one thread takes questions from all connections and answers them one after another.

    python -m optafly_cli.service.engine < PIPE

It ends when the pipe that is its standard input does: with who started it. It prints "ready" when it answers.
"""

import logging
import os
import selectors
import socket
import sys
import time
from contextlib import suppress

from optafly_cli.cache.engine import wire
from optafly_cli.cache.engine.client import BUILD, SOCKET
from optafly_cli.errors import StoreError
from optafly_cli.service.engine.work import RefusedError, Work
from optafly_cli.service.giving_back import give_back_files, give_back_free_memory
from optafly_cli.service.places import Places, peer_of

MOST_CONNECTIONS = 256
_REST_S = 10.0
"""So long after the last question memory is given back: the next takes 1.3 ms more."""
log = logging.getLogger(__name__)


class Connection:
    """One client: what it has sent so far, and what it has not taken yet."""

    def __init__(self, accepted: socket.socket) -> None:
        self.socket = accepted
        self.received = b""
        self.to_send = b""

    def receive(self) -> None:
        """Take what has come. Raises OSError, and BrokenWireError at the end."""
        part = self.socket.recv(65_536)
        if not part:
            raise wire.BrokenWireError("the other side is gone")
        self.received += part


class Server:
    """Answers on a Unix socket, which it makes (0600) and removes. `build` is what clients must be of."""

    def __init__(self, places: Places, build: str, work: Work, rest_s: float = _REST_S) -> None:
        self._places = places
        self._build = build
        self._work = work
        self._started = time.monotonic()
        self._answered = 0
        self._rest_s = rest_s
        self._rests = False
        self._selector = selectors.DefaultSelector()
        self._connections = 0

    def run(self, until: int) -> None:
        """Serve until the descriptor `until` ends. Raises OSError: the socket cannot be made."""
        with self._places.listen(SOCKET) as listener:
            listener.setblocking(False)
            mine = self._places.identity(SOCKET)
            self._selector.register(listener, selectors.EVENT_READ, None)
            self._selector.register(until, selectors.EVENT_READ, until)
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            try:
                while self._step(listener, until):
                    pass
            finally:
                self._work.close()
                if self._places.identity(SOCKET) == mine:
                    (self._places.runtime / SOCKET).unlink(missing_ok=True)

    def _step(self, listener: socket.socket, until: int) -> bool:
        ready = self._selector.select(None if self._rests else self._rest_s)
        if not ready:
            give_back_free_memory()
            give_back_files()
            self._rests = True
        for key, events in ready:
            if key.data == until:
                if not os.read(until, 1024):
                    return False
            elif key.data is None:
                self._accept(listener)
            else:
                self._serve(key.data, events)
        return True

    def _accept(self, listener: socket.socket) -> None:
        try:
            accepted, _ = listener.accept()
        except OSError:
            return
        if self._connections >= MOST_CONNECTIONS or not peer_of(accepted):
            accepted.close()
            return
        accepted.setblocking(False)
        self._connections += 1
        self._selector.register(accepted, selectors.EVENT_READ, Connection(accepted))

    def _serve(self, client: Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                client.receive()
            while not client.to_send and (found := wire.unpacked(client.received)):
                head, _, end = found
                client.received = client.received[end:]
                client.to_send = self._answer(head)
                self._send(client)
            self._send(client)
        except BlockingIOError:
            return
        except (OSError, wire.BrokenWireError):
            self._drop(client)

    def _send(self, client: Connection) -> None:
        """Send what the client takes now; the rest when it can take more, and until then nothing more is read."""
        with suppress(BlockingIOError):
            while client.to_send:
                client.to_send = client.to_send[client.socket.send(client.to_send) :]
        wanted = selectors.EVENT_WRITE if client.to_send else selectors.EVENT_READ
        self._selector.modify(client.socket, wanted, client)

    def _drop(self, client: Connection) -> None:
        self._selector.unregister(client.socket)
        client.socket.close()
        self._connections -= 1

    def _answer(self, head: wire.Head) -> bytes:
        if head.get("build") != self._build:
            return wire.packed({"refused": "it is of another build"})
        self._rests = False
        if head.get("ask") == "status":
            said = {"pid": os.getpid(), "uptime_s": time.monotonic() - self._started, "answered": self._answered}
            return wire.packed(said)
        try:
            answered = wire.packed(*self._work.answer(head))
        except (RefusedError, StoreError) as error:
            return wire.packed({"refused": str(error)})
        except (KeyError, TypeError, ValueError) as error:
            return wire.packed({"refused": f"it is no question: {error!r}"})
        except Exception:
            log.exception("a question could not be answered")
            return wire.packed({"refused": "a fault of the engine; see its log"})
        self._answered += 1
        return answered


def main() -> int:
    """Load the models, serve until standard input ends."""
    places = Places.of(os.environ)
    # One thread: beside the command that asks, a second one makes it slower on two processors
    work = Work()
    work.warm()
    Server(places, BUILD, work).run(sys.stdin.fileno())
    return 0
