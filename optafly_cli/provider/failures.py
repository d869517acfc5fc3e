"""Every way in which a request fails, as one sentence, a code, a remedy, and whether trying again makes sense.

The SDK's and the HTTP library's exceptions were measured against a scripted server (shared facts, 2.2): a stream
that is cut or stalls raises raw `httpx2` errors, everything before the first byte an `anthropic` one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optafly_cli.errors import ConfigError, CredentialsError, OptaflyError, ProviderError
from optafly_cli.provider.events import BadEvent, ErrorEvent
from optafly_cli.provider.wording import duration, quoted

if TYPE_CHECKING:
    from anthropic import APIStatusError


@dataclass(frozen=True, slots=True)
class Failure:
    """`label` names it in a retry's announcement; `headers` may hold a `retry-after`."""

    kind: type[OptaflyError]
    code: str
    message: str
    remedy: str | None = None
    label: str = ""
    transient: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def error(
        self, partial: str, *, tries: int = 1, wait_s: float | None = None, cap_s: float | None = None
    ) -> OptaflyError:
        """What is raised in the end. `wait_s` is a demanded wait that was longer than `cap_s`."""
        message, remedy = self.message, self.remedy
        if wait_s is not None and cap_s is not None:
            asked = duration(wait_s)
            message += f"; it asks to wait {asked}, longer than [provider] max_retry_wait_s ({duration(cap_s)})"
            remedy = f"run it again in {asked}"
        elif tries > 1:
            message += f" ({tries} tries)"
        return self.kind(message, remedy=remedy, code=self.code, partial=partial or None)


class Failed(Exception):
    """One attempt failed; `partial` is the answer text that it had brought."""

    def __init__(self, failure: Failure, partial: str = "") -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.partial = partial


@dataclass(frozen=True, slots=True)
class Where:
    """What messages may say about the request: the address, the credential's name, the timeout, and what to hide."""

    shown: str
    credential: str
    timeout_s: float
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Status:
    code: str
    label: str
    says: str
    remedy: str


_TRY_LATER = "try again in a few minutes"
_STATUS = {
    400: _Status(
        "rejected",
        "rejected",
        "rejected the request",
        "change what it names; `optafly route --request` shows the request",
    ),
    402: _Status("rejected", "not paid", "wants payment first", "see the account's billing page"),
    404: _Status("not_found", "not found", "did not find what was asked for", "check --model and the base URL"),
    408: _Status("timeout", "timed out", "took too long", _TRY_LATER),
    409: _Status("rejected", "conflict", "reports a conflict", "try again"),
    413: _Status("too_large", "too large", "finds the request too large", "name fewer or smaller files"),
    429: _Status("rate_limit", "rate limited", "limits the rate of requests", "try again in a minute"),
    504: _Status("timeout", "timed out", "took too long", _TRY_LATER),
    529: _Status("overloaded", "overloaded", "is overloaded", _TRY_LATER),
}
_SERVER = _Status("server", "server error", "failed", _TRY_LATER)
_TRANSIENT_EVENTS = {"overloaded_error", "api_error", "rate_limit_error", "timeout_error"}


def failure_of(error: Exception, where: Where) -> Failure:
    """The failure that an exception of the SDK, of its HTTP library or of our event reader stands for."""
    import anthropic

    if isinstance(error, ErrorEvent):
        words = error.kind.removesuffix("_error").replace("_", " ")
        said = quoted(error.message, where.secrets)
        message = f"{where.shown} broke off with an error ({words}): {said}"
        transient = error.kind in _TRANSIENT_EVENTS
        return Failure(ProviderError, "stream_error", message, _TRY_LATER, words, transient)
    if isinstance(error, BadEvent):
        return protocol_failure(quoted(str(error), where.secrets), where)
    if isinstance(error, anthropic.APIStatusError):
        return _status_failure(error, where)
    if isinstance(error, anthropic.AnthropicError) and not isinstance(error, anthropic.APIError):
        said = quoted(str(error), where.secrets)
        remedy = f"check {where.credential}, or set ANTHROPIC_API_KEY"
        return Failure(CredentialsError, "credentials", f"no access with {where.credential}: {said}", remedy)
    return _connection_failure(error, where)


def protocol_failure(what: str, where: Where) -> Failure:
    """The endpoint answered, but not as the Messages API does."""
    message = f"{where.shown} does not answer as the Messages API does: {what}"
    return Failure(ProviderError, "protocol", message, "check the base URL")


def cut_failure(where: Where) -> Failure:
    """The stream ended before message_stop."""
    message = f"the connection to {where.shown} was cut before the answer was complete"
    return Failure(ProviderError, "stream_cut", message, "run it again", "connection cut", transient=True)


def _status_failure(error: "APIStatusError", where: Where) -> Failure:
    status = error.status_code
    said = quoted(error.api_message or "", where.secrets)
    known = _STATUS.get(status) or (_SERVER if status >= 500 else _STATUS[400])
    suffix = (f": {said}" if said else "") + (f" (request {error.request_id})" if error.request_id else "")
    if status == 401 or (status == 403 and error.type == "permission_error"):
        message = f"{where.shown} refused the credentials of {where.credential} ({status}){suffix}"
        remedy = f"check {where.credential}; it must hold a valid key for this address"
        return Failure(CredentialsError, "credentials", message, remedy)
    wish = error.response.headers.get("x-should-retry")
    transient = wish == "true" or (wish != "false" and (status in (408, 409, 429) or status >= 500))
    message = f"{where.shown} {known.says} ({status}){suffix}"
    label = f"{known.label} ({status})"
    return Failure(ProviderError, known.code, message, known.remedy, label, transient, dict(error.response.headers))


def _connection_failure(error: Exception, where: Where) -> Failure:
    import ssl

    import httpx2

    chain = list(_causes(error))
    if any(isinstance(cause, ssl.SSLError) or "CERTIFICATE_VERIFY" in str(cause) for cause in chain):
        return _tls_failure(chain, where)
    for cause in chain:
        found = _not_reached(cause, chain, where) or _not_sendable(cause, where)
        if found is not None:
            return found
        if isinstance(cause, httpx2.TimeoutException):
            message = f"nothing arrived from {where.shown} for {duration(where.timeout_s)}"
            return Failure(ProviderError, "timeout", message, "try again, or raise [provider] timeout_s")
        if isinstance(cause, httpx2.RemoteProtocolError | httpx2.NetworkError):
            return cut_failure(where)
    return protocol_failure(quoted(str(chain[-1]) or type(chain[-1]).__name__, where.secrets), where)


def _not_reached(cause: BaseException, chain: list[BaseException], where: Where) -> Failure | None:
    import httpx2

    if isinstance(cause, httpx2.ConnectTimeout):
        return _unreachable(f"{where.shown} did not accept a connection in time", where, "no connection")
    if isinstance(cause, httpx2.ProxyError):
        said = quoted(str(cause), where.secrets)
        return _unreachable(f"the proxy on the way to {where.shown} failed: {said}", where, "proxy failed")
    if isinstance(cause, httpx2.ConnectError):
        return _unreachable(f"{where.shown} cannot be reached ({_reason(chain, where)})", where, "no connection")
    return None


def _not_sendable(cause: BaseException, where: Where) -> Failure | None:
    import httpx2

    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        message = f"the base URL cannot be asked: {quoted(str(cause), where.secrets)}"
        return Failure(ConfigError, "config", message, "check the base URL and the proxy variables")
    if isinstance(cause, httpx2.LocalProtocolError):
        # Its text quotes the header, which may be the one with the key
        remedy = f"check {where.credential} and ANTHROPIC_CUSTOM_HEADERS"
        return Failure(ConfigError, "config", "a header of the request cannot be sent", remedy)
    return None


def _unreachable(message: str, where: Where, label: str) -> Failure:
    remedy = f"check the network, the proxy variables and the address {where.shown}"
    return Failure(ProviderError, "unreachable", message, remedy, label, transient=True)


def _tls_failure(chain: list[BaseException], where: Where) -> Failure:
    said = _reason(chain, where)
    message = f"no secure connection to {where.shown}: {said}"
    remedy = "check the address (http or https?); for a private authority add its certificate, or set SSL_CERT_FILE"
    return Failure(ProviderError, "unreachable", message, remedy)


def _reason(chain: list[BaseException], where: Where) -> str:
    """The innermost text, such as "[Errno 111] Connection refused", without its number."""
    said = next((str(cause) for cause in reversed(chain) if str(cause)), "no reason given")
    return quoted(said.partition("] ")[2] if said.startswith("[Errno") else said, where.secrets)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
