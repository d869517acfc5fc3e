"""Which headers travel: none that concern one connection only, none of ours, none twice. Pure."""

from collections.abc import Iterable, Mapping, Sequence

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, in the order in which they came."""

MARK = b"x-optafly-via"
"""Set on every request that is sent on: one that comes back with our own id has gone in a circle."""
OURS = b"x-optafly-"
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NOT_SENT_ON = _HOP_BY_HOP | {b"expect", b"host"}
READABLE = ("gzip", "deflate", "identity")
"""Content codings that the standard library can undo: an answer in another one could not be kept."""


def first(headers: Headers, name: bytes) -> str:
    """The value of a header, its values joined by commas where there are several; empty without it."""
    return ", ".join(value.decode("latin-1").strip() for key, value in headers if key == name)


def has(headers: Headers, name: bytes) -> bool:
    """Whether there is a header of that name."""
    return any(key == name for key, _ in headers)


def end_to_end(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Those that are not for this connection only: what is sent on, and what a question can depend on."""
    dropped = _NOT_SENT_ON | _named_by_connection(headers)
    return [(name, value) for name, value in headers if name not in dropped]


def request_headers(
    headers: Headers, *, host: bytes, mark: bytes, extra: Mapping[bytes, bytes], readable: bool
) -> list[tuple[bytes, bytes]]:
    """What the upstream is sent. `extra` is added where the client set none; `readable` narrows accept-encoding."""
    dropped = _NOT_SENT_ON | _named_by_connection(headers)
    kept = [(name, value) for name, value in end_to_end(headers) if not name.startswith(OURS)]
    names = {name for name, _ in kept}
    added = (
        (name, value) for name, value in extra.items() if name not in names | dropped and not name.startswith(OURS)
    )
    kept = [(b"host", host), *kept, *added]
    seen = first(headers, MARK).encode("latin-1")
    kept.append((MARK, seen + b", " + mark if seen else mark))
    if readable and b"accept-encoding" in names:
        codings = narrowed(first(kept, b"accept-encoding")).encode("latin-1")
        kept = [pair for pair in kept if pair[0] != b"accept-encoding"] + [(b"accept-encoding", codings)]
    return kept


def response_headers(headers: Iterable[tuple[bytes, bytes]], ours: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """What the client is sent: the upstream's own, and ours."""
    lower = [(name.lower(), value) for name, value in headers]
    dropped = _HOP_BY_HOP | _named_by_connection(lower)
    kept = [(name, value) for name, value in lower if name not in dropped and not name.startswith(OURS)]
    return [*kept, *((name.encode(), value.encode("latin-1", "replace")) for name, value in ours.items())]


def narrowed(accepted: str) -> str:
    """The part of an accept-encoding that we can read; `identity` when nothing of it is."""
    kept = [item.strip() for item in accepted.split(",") if item.split(";")[0].strip().lower() in READABLE]
    return ", ".join(kept) or "identity"


def _named_by_connection(headers: Headers) -> frozenset[bytes]:
    named = (value for name, value in headers if name == b"connection")
    return frozenset(token.strip().lower() for value in named for token in value.split(b","))
