"""Sending a request, through the SDK: its credentials, proxies, headers and TLS; our retries, events and words."""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from optafly_cli.config.settings import ProviderSettings
from optafly_cli.errors import ConfigError, CredentialsError, UsageError
from optafly_cli.provider.credentials import (
    KEY_VARIABLES,
    NO_CREDENTIALS_REMEDY,
    custom_headers,
    require_credentials,
    secrets_of,
    with_key_of,
)
from optafly_cli.provider.ending import answer_of
from optafly_cli.provider.endpoint import endpoint_of
from optafly_cli.provider.events import BadEvent, ErrorEvent, MessageBuilder, iter_events
from optafly_cli.provider.failures import Failed, Failure, Where, cut_failure, failure_of, protocol_failure
from optafly_cli.provider.result import Answer
from optafly_cli.provider.retry import with_retries
from optafly_cli.provider.wording import quoted

if TYPE_CHECKING:
    from anthropic import Anthropic

CONNECT_TIMEOUT_S = 5.0
"""The SDK's own default."""
COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking", "cache_control", "output_config", "speed")
"""What count_tokens takes of a Messages body (anthropic 2.12.0, `message_count_tokens_params.py`)."""


T = TypeVar("T")


class Waiting(TypedDict, total=False):
    """How a wait for another try goes: one sentence before each, and what is slept, chosen and looked at for it."""

    on_status: Callable[[str], None]
    sleep: Callable[[float], None]
    jitter: Callable[[], float]
    clock: Callable[[], float]


def send(
    body: Mapping[str, Any],
    *,
    settings: ProviderSettings,
    on_text: Callable[[str], None],
    on_status: Callable[[str], None],
    stream: bool = True,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
    clock: Callable[[], float] = time.time,
) -> Answer:
    """Sends a Messages body (without `stream`) and returns the complete answer.

    It is always streamed on the wire, so that a long answer cannot time out. With `stream`, `on_text` gets each piece
    of text as it arrives; without, the whole text once, when the answer is known to be complete. `on_status` gets one
    sentence before each wait for another try. A request is tried again only while no text has arrived.

    Raises:
        ProviderError: `code` says which of its kinds; `partial` repeats the text so far, shown or not.
        CredentialsError: no credential, or one that was refused.
        ConfigError: an address, header, proxy or certificate setting that cannot be used.
        UsageError: the body holds text that is not valid Unicode.
    """
    _require_unicode(body)
    with _client(settings, os.environ) as (client, where):

        def attempt() -> Answer:
            return _attempt(client, where, body, on_text if stream else None)

        answer = with_retries(attempt, settings, on_status=on_status, sleep=sleep, jitter=jitter, clock=clock)
    if not stream:
        on_text(answer.text)
    return answer


def count_tokens(body: Mapping[str, Any], *, settings: ProviderSettings, **waiting: Unpack[Waiting]) -> int:
    """The input tokens of a Messages body, as the endpoint counts them (free of charge). Raises as `send` does."""
    counted = {name: body[name] for name in COUNTED if name in body}

    def count(client: "Anthropic", where: Where) -> int:
        tokens = getattr(client.messages.count_tokens(**counted), "input_tokens", None)
        if not isinstance(tokens, int):
            raise Failed(protocol_failure("count_tokens gives no number of tokens", where))
        return tokens

    return _asked(body, count, settings, waiting)


def prewarm(body: Mapping[str, Any], *, settings: ProviderSettings, **waiting: Unpack[Waiting]) -> Mapping[str, Any]:
    """Writes the body's anchors into the prompt cache without an answer (`max_tokens` 0); gives the `usage`.

    Not streamed, which the API refuses here. Raises as `send` does.
    """

    def warm(client: "Anthropic", where: Where) -> Mapping[str, Any]:
        reply = client.messages.with_raw_response.create(**{**body, "max_tokens": 0})
        with suppress(ValueError):
            message = json.loads(reply.read())
            if isinstance(message, dict) and isinstance(message.get("usage"), dict):
                return dict(message["usage"])
        raise Failed(protocol_failure("the reply to pre-warming gives no usage", where))

    return _asked(body, warm, settings, waiting)


def _asked(
    body: Mapping[str, Any], ask: "Callable[[Anthropic, Where], T]", settings: ProviderSettings, waiting: "Waiting"
) -> T:
    """What one call that is not streamed gives, tried again as `send` is."""
    _require_unicode(body)
    with _client(settings, os.environ) as (client, where):

        def attempt() -> T:
            with _failures(where, MessageBuilder()):
                return ask(client, where)

        return with_retries(
            attempt,
            settings,
            on_status=waiting.get("on_status", lambda _: None),
            sleep=waiting.get("sleep", time.sleep),
            jitter=waiting.get("jitter", random.random),
            clock=waiting.get("clock", time.time),
        )


def preload() -> threading.Thread:
    """Imports the SDK in the background (0.7 to 1 s), so that it overlaps with what is done before `send`.

    Not a daemon: a thread that the interpreter kills in the middle of loading an extension module can abort it.
    """

    def load() -> None:
        # `send` imports it again and reports what is wrong
        with suppress(ImportError):
            import anthropic.resources.messages  # noqa: F401 - for its effect

    thread = threading.Thread(target=load, name="optafly-preload")
    thread.start()
    return thread


@contextmanager
def _client(settings: ProviderSettings, environ: Mapping[str, str]) -> Iterator[tuple["Anthropic", Where]]:
    environ = with_key_of(settings.key_variable, environ)
    source = require_credentials(environ)
    if source == KEY_VARIABLES[0]:
        source = settings.key_variable or source
    endpoint = endpoint_of(settings, environ)
    import anthropic
    import httpx2

    secrets = secrets_of(environ)
    timeout = anthropic.Timeout(settings.timeout_s, connect=min(CONNECT_TIMEOUT_S, settings.timeout_s))
    try:
        # Not left to the SDK, whose own client complains on stderr when its constructor fails
        http = anthropic.DefaultHttpxClient(timeout=timeout)
    except (ValueError, OSError, ImportError, httpx2.InvalidURL) as error:
        remedy = "check the proxy variables (HTTPS_PROXY, ALL_PROXY, …) and SSL_CERT_FILE"
        raise ConfigError(f"no connection can be set up: {quoted(str(error), secrets)}", remedy=remedy) from error
    with http:
        try:
            client = anthropic.Anthropic(
                api_key=environ[KEY_VARIABLES[0]] if settings.key_variable else None,
                base_url=endpoint.url,
                timeout=timeout,
                max_retries=0,
                http_client=http,
            )
        except anthropic.AnthropicError as error:
            said = quoted(str(error), secrets)
            raise CredentialsError(f"no access with {source}: {said}", remedy=NO_CREDENTIALS_REMEDY) from error
        except httpx2.InvalidURL as error:
            # Of a profile: ours was checked
            said = quoted(str(error), secrets)
            raise ConfigError(f"{source} names no usable base URL: {said}", remedy="correct the profile") from error
        with client:
            if not (client.api_key or client.auth_token or client.credentials or _authorised_by(environ)):
                raise CredentialsError(f"{source} holds no usable credential", remedy=NO_CREDENTIALS_REMEDY)
            shown = endpoint.shown if endpoint.url is not None else str(client.base_url).rstrip("/")
            yield client, Where(shown, source, settings.timeout_s, secrets)


def _authorised_by(environ: Mapping[str, str]) -> bool:
    return bool({name.lower() for name in custom_headers(environ)} & {"authorization", "x-api-key"})


def _attempt(
    client: "Anthropic", where: Where, body: Mapping[str, Any], on_text: Callable[[str], None] | None
) -> Answer:
    builder = MessageBuilder()
    with (
        _failures(where, builder),
        client.messages.with_streaming_response.create(**body, stream=True) as response,
    ):
        kind = response.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            said = quoted(kind, where.secrets) or "nothing"
            raise Failed(protocol_failure(f"it sent {said} instead of an event stream", where))
        for event in iter_events(response.iter_bytes()):
            text = builder.feed(event)
            if text and on_text is not None:
                on_text(text)
            if builder.complete:
                break
        request_id = response.headers.get("request-id")
    if not builder.complete:
        raise Failed(_settled(cut_failure(where), builder), builder.text)
    return answer_of(builder.message(), builder.text, max_tokens=int(body["max_tokens"]), request_id=request_id)


@contextmanager
def _failures(where: Where, builder: MessageBuilder) -> Iterator[None]:
    """Turns what the SDK, its HTTP library and the event reader raise into `Failed`; lets everything else pass."""
    import anthropic
    import httpx2

    try:
        yield
    except (anthropic.AnthropicError, httpx2.HTTPError, httpx2.InvalidURL, BadEvent, ErrorEvent) as error:
        raise Failed(_settled(failure_of(error, where), builder), builder.text) from error


def _settled(failure: Failure, builder: MessageBuilder) -> Failure:
    """No second try once text has arrived: it may have been shown, and it is paid for."""
    return replace(failure, transient=failure.transient and not builder.text)


def _require_unicode(body: Mapping[str, Any]) -> None:
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        message = "the request holds text that is not valid Unicode (half of a surrogate pair)"
        raise UsageError(message, remedy="save the text as UTF-8") from error
