"""Every way to fail: one sentence, the right code and exit code, a remedy, the partial text, and no second try."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from optafly_cli.config.settings import ProviderSettings
from optafly_cli.errors import ConfigError, CredentialsError, OptaflyError, ProviderError, UsageError
from optafly_cli.provider.client import count_tokens
from tests.fakes.messages_api import MessagesApi
from tests.fakes.script import Failure, Reply

LONG = "First words, then more, then the end."


@pytest.mark.parametrize(
    ("status", "kind", "code", "tries"),
    [
        (400, ProviderError, "rejected", 1),
        (401, CredentialsError, "credentials", 1),
        (402, ProviderError, "rejected", 1),
        (403, CredentialsError, "credentials", 1),
        (404, ProviderError, "not_found", 1),
        (408, ProviderError, "timeout", 3),
        (409, ProviderError, "rejected", 3),
        (413, ProviderError, "too_large", 1),
        (418, ProviderError, "rejected", 1),
        (429, ProviderError, "rate_limit", 3),
        (500, ProviderError, "server", 3),
        (503, ProviderError, "server", 3),
        (504, ProviderError, "timeout", 3),
        (529, ProviderError, "overloaded", 3),
    ],
)
def test_each_status_has_its_code(
    api: MessagesApi, sender: Any, status: int, kind: type[OptaflyError], code: str, tries: int
) -> None:
    """A status is named in the message with the endpoint's own words, and only the passing ones are tried again."""
    api.script(*[Failure(status, message="the words of the endpoint")] * 3)
    error = sender.failure(retries=2)
    assert (type(error), error.code, len(api.messages)) == (kind, code, tries)
    assert f"({status}): the words of the endpoint" in error.message
    assert error.remedy
    assert error.partial is None


@pytest.mark.parametrize(
    ("end", "code"), [("cut", "stream_cut"), ("reset", "stream_cut"), ("eof", "stream_cut"), ("error", "stream_error")]
)
@pytest.mark.parametrize("stream", [True, False])
def test_a_stream_that_breaks_after_text_fails_with_the_text(
    api: MessagesApi, sender: Any, end: Any, code: str, stream: bool
) -> None:
    """Once text has arrived nothing is sent again, and `partial` has the text so far."""
    api.script(Reply(LONG, end=end, after=2))
    error = sender.failure(stream=stream)
    assert (type(error), error.code, error.partial) == (ProviderError, code, LONG[:16])
    assert "".join(sender.pieces) == (LONG[:16] if stream else "")
    assert len(api.messages) == 1


@pytest.mark.parametrize("end", ["cut", "reset", "eof", "error"])
def test_a_stream_that_breaks_before_text_is_tried_again(api: MessagesApi, sender: Any, end: Any) -> None:
    """Thinking alone was not shown to anybody, so another try may answer."""
    api.script(Reply(LONG, end=end, after=0))
    assert sender().text == "Hello from the fake."
    assert "".join(sender.pieces) == "Hello from the fake."
    assert len(sender.statuses) == 1


def test_an_error_event_that_no_retry_mends_is_final(api: MessagesApi, sender: Any) -> None:
    """An invalid_request_error inside the stream is not tried again."""
    api.script(Reply(LONG, end="error", after=0, error="invalid_request_error"))
    assert sender.failure().code == "stream_error"
    assert len(api.messages) == 1


def test_a_message_without_its_stop_event_is_not_an_answer(api: MessagesApi, sender: Any) -> None:
    """All text but no message_stop: cut, whatever the text looks like."""
    api.script(Reply(LONG, end="eof"))
    error = sender.failure()
    assert (error.code, error.partial) == ("stream_cut", LONG)


@pytest.mark.parametrize(("after", "partial"), [(1, LONG[:8]), (0, None)])
def test_a_stall_ends_after_the_timeout(api: MessagesApi, sender: Any, after: int, partial: str | None) -> None:
    """Silence is a timeout, with the text so far; waiting as long again is not tried."""
    api.script(Reply(LONG, end="stall", after=after))
    error = sender.failure(timeout_s=0.3)
    assert (type(error), error.code, error.partial) == (ProviderError, "timeout", partial)
    assert "0.3 s" in error.message
    assert len(api.messages) == 1
    assert api.client_left.wait(10)


@pytest.mark.parametrize(
    ("reply", "code", "says"),
    [
        (Reply(LONG, stop_reason="refusal"), "refusal", "refused"),
        (
            Reply(
                LONG,
                stop_reason="refusal",
                stop_details={"type": "refusal", "category": "general_harms", "explanation": "It could hurt."},
            ),
            "refusal",
            "category: general harms): It could hurt.",
        ),
        (Reply(LONG, stop_reason="max_tokens"), "max_tokens", "cut at --max-tokens 1000"),
        (Reply(LONG, stop_reason="model_context_window_exceeded"), "incomplete", "context window"),
        (Reply(LONG, stop_reason="tool_use"), "incomplete", "tool"),
        (Reply(LONG, stop_reason="pause_turn"), "incomplete", "paused"),
        (Reply(LONG, stop_reason="from_the_future"), "incomplete", "from_the_future"),
        (Reply(LONG, stop_reason=None), "incomplete", "without a stop reason"),
    ],
)
def test_only_a_finished_turn_is_an_answer(api: MessagesApi, sender: Any, reply: Reply, code: str, says: str) -> None:
    """Any other stop reason is an error that says which, with the text so far."""
    api.script(reply)
    error = sender.failure()
    assert (type(error), error.code, error.partial) == (ProviderError, code, LONG)
    assert says in error.message
    assert error.remedy


def test_max_tokens_says_what_to_use_instead(api: MessagesApi, sender: Any) -> None:
    """Thinking that uses up a small budget leaves no text; the remedy names a larger one."""
    body = {"model": "claude-sonnet-5-5", "max_tokens": 8, "messages": [{"role": "user", "content": "Hi"}]}
    error = sender.failure(body=body)
    assert (error.code, error.partial) == ("max_tokens", None)
    assert "before any text" in error.message
    assert error.remedy == "use --max-tokens 16"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_answer_without_text_is_incomplete(api: MessagesApi, sender: Any, text: str) -> None:
    """A turn that ends with thinking and nothing else answers nothing."""
    api.script(Reply(text))
    assert sender.failure().code == "incomplete"


def test_without_a_credential_nothing_is_sent(api: MessagesApi, sender: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key: exit 4, the variable's name, and not one connection."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    error = sender.failure()
    assert (type(error), error.exit_code) == (CredentialsError, 4)
    assert "ANTHROPIC_API_KEY" in str(error.remedy)
    assert api.requests == []


def test_a_wrong_key_is_named_but_never_shown(api: MessagesApi, sender: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even an endpoint that echoes the key does not get it into a message."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "my-own-secret-value")
    assert sender.failure().exit_code == 4
    monkeypatch.setenv("ANTHROPIC_API_KEY", api.key)
    api.script(Failure(401, message=f"no such key: {api.key} (not sk-ant-other-1234 either)"))
    error = sender.failure()
    assert "ANTHROPIC_API_KEY" in error.message
    assert "no such key: [key] (not [key] either)" in error.message


@pytest.mark.parametrize("key", ["sk-ant-abc\r", "sk ant", "schlüssel", "\tsk-ant-abc"])
def test_a_key_that_no_header_can_carry_is_refused_here(
    api: MessagesApi, sender: Any, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """White space or letters beyond ASCII in the key are found before anything is sent, and are not quoted."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    error = sender.failure()
    assert type(error) is CredentialsError
    assert key.strip() not in error.message
    assert api.requests == []


def test_a_broken_profile_is_a_credentials_error(
    api: MessagesApi, sender: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A named profile that does not exist says so in the SDK's words."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_PROFILE", "nowhere")
    error = sender.failure()
    assert type(error) is CredentialsError
    assert "nowhere" in error.message
    assert api.requests == []


def test_a_custom_header_that_cannot_be_sent_is_named(
    api: MessagesApi, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ANTHROPIC_CUSTOM_HEADERS with a letter beyond ASCII is a configuration error."""
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Name: Jürgen")
    error = sender.failure()
    assert type(error) is ConfigError
    assert "X-Name" in error.message


@pytest.mark.parametrize("url", ["nowhere", "htp://x", "http://", "localhost:8443", "http://h:port", "http://a b", ""])
def test_an_address_that_is_no_url_is_a_configuration_error(
    sender: Any, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """A malformed ANTHROPIC_BASE_URL is named; no key goes anywhere."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-x")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
    error = sender.failure()
    assert type(error) is ConfigError
    assert "ANTHROPIC_BASE_URL" in error.message


def test_an_address_where_nobody_listens_is_named(sender: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is tried again, then says which address and why; a password in it is not shown."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-x")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = sender.failure(base_url=f"http://me:hunter2@127.0.0.1:{port}", retries=1)
    assert (type(error), error.code) == (ProviderError, "unreachable")
    assert f"http://127.0.0.1:{port} cannot be reached (Connection refused)" in error.message
    assert "hunter2" not in error.message
    assert len(sender.statuses) == 1


def test_a_connection_that_dies_without_a_reply_is_a_cut(sender: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that hangs up before its status line leaves one sentence too."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-x")
    with raw_server(b"") as url:
        assert sender.failure(base_url=url, retries=0).code == "stream_cut"


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<h1>",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: <h1>\n\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: [1]\n\n",
        b'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {"type": "message_start"}\n\n',
    ],
)
def test_what_is_not_the_messages_api_is_told_apart(sender: Any, monkeypatch: pytest.MonkeyPatch, reply: bytes) -> None:
    """A page of a captive portal, or events that break the protocol, are no answer and no crash."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-x")
    with raw_server(reply) as url:
        error = sender.failure(base_url=url)
    assert (type(error), error.code) == (ProviderError, "protocol")


def test_an_endpoint_that_counts_no_tokens_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 200 without a number from count_tokens is a protocol error."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-x")
    body = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "Hi"}]}
    reply = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    with raw_server(reply) as url, pytest.raises(ProviderError) as caught:
        count_tokens(body, settings=ProviderSettings(base_url=url))
    assert caught.value.code == "protocol"


def test_a_proxys_error_page_is_not_quoted(api: MessagesApi, sender: Any) -> None:
    """An HTML body adds nothing to the sentence."""
    api.script(Failure(403, body=b"<html>Forbidden by \x1b[31mpolicy</html>", content_type="text/html"))
    error = sender.failure()
    assert (type(error), error.code) == (ProviderError, "rejected")
    assert "<html>" not in error.message


def test_control_characters_of_the_endpoint_do_not_reach_a_message(api: MessagesApi, sender: Any) -> None:
    """What the endpoint says is one printable line of bounded length."""
    api.script(Failure(400, message="bad\x1b[31m\nthing " + "x" * 1000))
    message = sender.failure().message
    assert message.isprintable()
    assert len(message) < 500


def test_text_that_is_not_unicode_is_refused_before_sending(api: MessagesApi, sender: Any) -> None:
    """Half of a surrogate pair cannot be sent; it is the user's text, so it is a usage error."""
    body = {"model": "claude-sonnet-5-5", "max_tokens": 10, "messages": [{"role": "user", "content": "\ud83d"}]}
    assert type(sender.failure(body=body)) is UsageError
    assert api.requests == []


def test_plain_http_behind_https_is_a_tls_failure(api: MessagesApi, sender: Any) -> None:
    """An https address that speaks plain HTTP is not tried again, and says which address."""
    url = api.url.replace("http:", "https:")
    error = sender.failure(base_url=url)
    assert (type(error), error.code) == (ProviderError, "unreachable")
    assert f"no secure connection to {url}" in error.message
    assert sender.statuses == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program to make a certificate")
def test_an_unknown_certificate_fails_and_ssl_cert_file_mends_it(
    sender: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A self-signed certificate is not accepted, until SSL_CERT_FILE names it, as the remedy says."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*new, "-keyout", key, "-out", certificate, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with MessagesApi(tls=context) as api:
        monkeypatch.setenv("ANTHROPIC_API_KEY", api.key)
        error = sender.failure(base_url=api.url)
        assert error.code == "unreachable"
        assert "self-signed certificate" in error.message
        assert "SSL_CERT_FILE" in str(error.remedy)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert sender(base_url=api.url).text == "Hello from the fake."


def test_a_proxy_that_is_no_url_is_a_configuration_error(
    api: MessagesApi, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy variable that cannot be used is reported before anything is sent."""
    monkeypatch.setenv("HTTP_PROXY", "gopher://127.0.0.1:1")
    assert type(sender.failure()) is ConfigError
    assert api.requests == []


@contextmanager
def raw_server(reply: bytes) -> Iterator[str]:
    """Answers one connection with these bytes, whatever is asked."""
    import threading

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            received = b""
            while not received.rstrip().endswith(b"}"):
                received += connection.recv(65536)
            connection.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()
