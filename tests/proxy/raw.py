"""Sockets without a library in between: a server that answers with given bytes, and requests byte for byte."""

import socket
import threading
from collections.abc import Callable
from typing import Self


class RawServer:
    """Answers every request with the same bytes, or lets `talk` do it; `heads` and `bodies` are what came in."""

    def __init__(self, answer: bytes = b"", talk: Callable[[socket.socket], None] | None = None) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self._answer = answer
        self._talk = talk
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                self._one(connection)

    def _one(self, connection: socket.socket) -> None:
        connection.settimeout(60)
        head, _, rest = _until(connection, b"", b"\r\n\r\n")
        self.heads.append(head + b"\r\n")
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            while not rest.endswith(b"0\r\n\r\n"):
                rest += connection.recv(65536)
        elif b"content-length: " in lower:
            size = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
            while len(rest) < size:
                rest += connection.recv(65536)
        self.bodies.append(rest)
        if self._talk:
            self._talk(connection)
        else:
            connection.sendall(self._answer)


def _until(connection: socket.socket, have: bytes, mark: bytes) -> tuple[bytes, bytes, bytes]:
    while mark not in have:
        got = connection.recv(65536)
        if not got:
            break
        have += got
    return have.partition(mark)


def exchange(port: int, *parts: bytes, close: bool = True) -> bytes:
    """Send the parts on a new connection, and everything that comes back until it is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for part in parts:
            connection.sendall(part)
        got = b""
        while True:
            try:
                chunk = connection.recv(65536)
            except ConnectionError:
                break
            if not chunk:
                break
            got += chunk
        return got
