"""Who may talk to the proxy: no web page of another site, no name that was made to point here, none without the token.

Pure. Without `--allow-remote` the proxy listens on loopback only; a browser on the same machine still reaches it, so
the names in Host and Origin are checked (DNS rebinding).
"""

import hmac
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from optafly_cli.service.proxy.headers import MARK, Headers, first, has
from optafly_cli.service.proxy.problems import Refused

TOKEN = b"x-optafly-token"
SHORTEST_TOKEN = 16
MAX_HEADERS = 64 << 10
_MORE_THAN_A_HOST = frozenset("@/\\?#")


@dataclass(frozen=True, slots=True)
class Guard:
    """`mark` is the id of this proxy; an empty `token` asks for none. `remote`: names other than loopback are fine."""

    mark: str
    token: str
    remote: bool

    def check(self, headers: Headers, path: bytes) -> None:
        """Let a request pass, or not.

        Raises:
            Refused: it may not, and why.
        """
        if sum(len(name) + len(value) for name, value in headers) > MAX_HEADERS:
            raise Refused(431, f"the headers are larger than {MAX_HEADERS:,} bytes", close=True)
        if has(headers, b"transfer-encoding") and has(headers, b"content-length"):
            raise Refused(400, "a request has one length: chunked, or a content-length", close=True)
        if not path.startswith(b"/"):
            raise Refused(400, "the target of a request must be a path", close=True)
        if self.mark in (seen.strip() for seen in first(headers, MARK).split(",")):
            raise Refused(508, "the upstream is this proxy itself: give --upstream, or unset ANTHROPIC_BASE_URL")
        # Without a token a name is all that tells a page of another site from us
        if not (self.remote and self.token) and not is_loopback(_host_of(first(headers, b"host"))):
            raise Refused(403, "the Host header names another machine; ask for 127.0.0.1 or localhost", close=True)
        if has(headers, b"origin") and not is_loopback(_host_of(first(headers, b"origin"), url=True)):
            raise Refused(403, "web pages of other sites may not use this proxy", close=True)
        if first(headers, b"sec-fetch-site") == "cross-site":
            raise Refused(403, "web pages of other sites may not use this proxy", close=True)
        if self.token and path != b"/healthz" and not self._has_token(headers):
            raise Refused(401, f"the header {TOKEN.decode()} is missing or wrong", close=True)

    def _has_token(self, headers: Headers) -> bool:
        return hmac.compare_digest(first(headers, TOKEN).encode("latin-1"), self.token.encode())


def is_loopback(host: str) -> bool:
    """Whether a host, as a name or an address, is this machine and nothing else."""
    if host.lower().rstrip(".") in ("localhost", "ip6-localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _host_of(value: str, *, url: bool = False) -> str:
    """The host of a Host header, or of an origin; empty where it is none."""
    if not url and not _MORE_THAN_A_HOST.isdisjoint(value):
        return ""
    try:
        parts = urlsplit(value if url else f"//{value}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        return ""
    return host or ""
