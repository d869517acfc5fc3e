"""What the proxy itself has to say, in the shape of the API's errors, so that any client understands it."""

import json
from dataclasses import dataclass

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "request_too_large",
    504: "timeout_error",
    529: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A status and a sentence. `close`: the connection is not to be used again."""

    status: int
    message: str
    close: bool = False

    @property
    def body(self) -> bytes:
        """The API's error body."""
        return error_body(_KINDS.get(self.status, "api_error"), self.message)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that go with it."""
        found = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self.body))]
        if self.status == 529:
            found.append((b"retry-after", b"1"))
        return [*found, (b"connection", b"close")] if self.close else found


class Refused(Exception):
    """A request is answered with a problem and goes no further."""

    def __init__(self, status: int, message: str, *, close: bool = False) -> None:
        super().__init__(message)
        self.problem = Problem(status, f"optafly: {message}", close)


class ClientGone(Exception):
    """The client hung up before its request was complete."""


def error_body(kind: str, message: str) -> bytes:
    """The JSON of an error of that kind."""
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}}, ensure_ascii=False).encode()
