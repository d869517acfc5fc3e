"""What a request that goes well looks like, on the wire and in the answer."""

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import anthropic
import pytest

from optafly_cli.config.settings import ProviderSettings
from optafly_cli.provider.client import count_tokens, preload, prewarm, send
from optafly_cli.provider.result import Usage
from tests.fakes.messages_api import MessagesApi
from tests.fakes.prompt_cache import input_tokens
from tests.fakes.script import Failure, Reply


def test_text_is_handed_on_as_it_arrives(api: MessagesApi, sender: Any) -> None:
    """The pieces reach `on_text` while the endpoint is still waiting to send the rest."""
    api.script(Reply("one two three four five", end="stall", after=2))
    seen_in_time: list[str] = []

    def watch() -> None:
        api.stalled.wait(10)
        while len(sender.pieces) < 2 and not api.release.wait(0.005):
            continue
        seen_in_time.extend(sender.pieces)
        api.release.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    answer = sender()
    watcher.join()
    assert "".join(seen_in_time) == "one two three fo"
    assert "".join(sender.pieces) == answer.text == "one two three four five"


def test_without_stream_the_text_comes_once_and_whole(api: MessagesApi, sender: Any) -> None:
    """`stream=False` calls `on_text` once, with all of the text."""
    api.script(Reply("a text of several deltas"))
    sender(stream=False)
    assert sender.pieces == ["a text of several deltas"]


@pytest.mark.parametrize("slice_bytes", [None, 1, 3])
def test_any_character_survives_any_slicing(api: MessagesApi, sender: Any, slice_bytes: int | None) -> None:
    """Multi-byte characters cut on the wire, and line separators inside JSON, arrive as they were."""
    text = "naïve 日本語 🎉 line\u2028sep next\u0085line \r\n end"
    api.script(Reply(text, slice_bytes=slice_bytes))
    assert sender().text == text


def test_the_message_is_what_the_api_returns_unstreamed(api: MessagesApi, sender: Any) -> None:
    """`message` equals the JSON of a non-streamed call: thinking block, usage and stop_reason included."""
    streamed = dict(sender().message)
    with anthropic.Anthropic(max_retries=0) as client:
        raw = client.messages.with_raw_response.create(
            model="claude-sonnet-5-5", max_tokens=1000, messages=[{"role": "user", "content": "Why does it panic?"}]
        )
        whole = json.loads(raw.http_response.text)
    assert streamed.pop("id") != whole.pop("id")
    assert streamed == whole
    assert [block["type"] for block in whole["content"]] == ["thinking", "text"]
    json.dumps(streamed)


def test_usage_counts_prompt_cache_writes_and_reads(api: MessagesApi, sender: Any) -> None:
    """The same marked prefix is written by the first request and read by the second."""
    marked = {"type": "text", "text": "x" * 7000, "cache_control": {"type": "ephemeral"}}
    body = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": [marked, {"type": "text", "text": "Why?"}]}],
    }
    first, second = sender(body=body).usage, sender(body=body).usage
    assert first == Usage(2, first.output_tokens, cache_creation_input_tokens=2000)
    assert second == Usage(2, first.output_tokens, cache_read_input_tokens=2000)


def test_the_request_id_is_that_of_the_response_header(api: MessagesApi, sender: Any) -> None:
    """`request_id` comes from the header, where support asks for it."""
    request_id = sender().request_id
    assert request_id is not None
    assert request_id.startswith("req_")


def test_the_body_is_sent_as_it_is(api: MessagesApi, sender: Any) -> None:
    """Nothing is added to the body but `stream`."""
    body = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 20,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi — ünïcode"}]}],
        "stop_sequences": ["END"],
    }
    api.script(Reply("ok", stop_reason="stop_sequence", stop_sequence="END"))
    answer = sender(body=body)
    assert api.messages[0].body == {**body, "stream": True}
    assert answer.stop_reason == "stop_sequence"


def test_unknown_events_are_ignored(api: MessagesApi, sender: Any) -> None:
    """An event of a type that did not exist when this was written changes nothing."""
    api.script(Reply("fine", unknown_events=True))
    assert sender().text == "fine"


def test_a_large_max_tokens_needs_no_other_path(api: MessagesApi, sender: Any) -> None:
    """64,000 tokens, which the SDK refuses to ask for unstreamed, work with `stream=False` too."""
    body = {"model": "claude-sonnet-5-5", "max_tokens": 64_000, "messages": [{"role": "user", "content": "Hi"}]}
    assert sender(body=body, stream=False).text == "Hello from the fake."


def test_the_base_url_setting_wins_over_the_environment(
    api: MessagesApi, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`[provider] base_url` is asked even where ANTHROPIC_BASE_URL names another address."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    assert sender(base_url=api.url).text == "Hello from the fake."


def test_an_auth_token_is_sent_as_bearer(api: MessagesApi, sender: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """ANTHROPIC_AUTH_TOKEN alone is a credential."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", api.key)
    sender()
    assert api.messages[0].sent_key(api.key)


def test_custom_headers_are_sent_and_can_hold_the_credential(
    api: MessagesApi, sender: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ANTHROPIC_CUSTOM_HEADERS works as in the SDK, with no key anywhere else."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"x-api-key: {api.key}\nX-Team: compilers")
    sender()
    assert api.messages[0].headers["x-team"] == "compilers"


def test_a_proxy_from_the_environment_is_used(api: MessagesApi, sender: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With HTTP_PROXY set, the request for another host goes to the proxy (here the fake, which sees the URL)."""
    monkeypatch.setenv("HTTP_PROXY", api.url)
    assert sender.failure(base_url="http://api.example.invalid").code == "not_found"
    assert api.requests[0].path == "http://api.example.invalid/v1/messages"


def test_a_profile_on_disk_is_a_credential(
    api: MessagesApi, sender: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ANTHROPIC_PROFILE names a profile, which the SDK reads."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    for folder, content in {
        "configs": {"version": "1.0", "authentication": {"type": "user_oauth"}},
        "credentials": {"version": "1.0", "type": "oauth_token", "access_token": api.key},
    }.items():
        (tmp_path / folder).mkdir(mode=0o700)
        (tmp_path / folder / "work.json").write_text(json.dumps(content))
        (tmp_path / folder / "work.json").chmod(0o600)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_PROFILE", "work")
    assert sender().text == "Hello from the fake."
    assert api.messages[0].sent_key(api.key)


def test_ctrl_c_passes_through_and_hangs_up(api: MessagesApi, sender: Any) -> None:
    """A KeyboardInterrupt while waiting for the endpoint is not turned into anything, and the connection is closed."""
    api.script(Reply("one two three four", end="stall", after=1))

    def interrupt() -> None:
        api.stalled.wait(10)
        os.kill(os.getpid(), signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        sender(timeout_s=30.0)
    interrupter.join()
    assert api.client_left.wait(10)


def test_what_the_reader_of_the_text_raises_passes_through(api: MessagesApi) -> None:
    """A closed pipe in `on_text` is the caller's affair: it is neither reworded nor tried again."""

    def closed(_: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        send(
            {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]},
            settings=ProviderSettings(),
            on_text=closed,
            on_status=lambda _: None,
        )
    assert len(api.messages) == 1


def test_tokens_are_counted_by_the_endpoint(api: MessagesApi) -> None:
    """`count_tokens` sends what counts of the body, without max_tokens, and tries again like `send`."""
    body = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 50,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": "How many tokens is this?"}],
    }
    api.script(Failure(529))
    slept: list[float] = []
    assert count_tokens(body, settings=ProviderSettings(), sleep=slept.append) == input_tokens(body)
    assert len(slept) == 1
    assert "max_tokens" not in api.requests[-1].body


def test_prewarming_writes_and_answers_nothing(api: MessagesApi) -> None:
    """It is one request of 0 tokens that is not streamed, tried again like `send`; the next request reads it."""
    system = [{"type": "text", "text": "Be brief. " * 500, "cache_control": {"type": "ephemeral"}}]
    body = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 50,
        "system": system,
        "messages": [{"role": "user", "content": "Wait."}],
    }
    api.script(Failure(529))
    usage = prewarm(body, settings=ProviderSettings(), sleep=lambda _: None)
    assert usage["output_tokens"] == 0
    assert usage["cache_creation_input_tokens"] > 500
    assert (api.messages[-1].body["max_tokens"], "stream" in api.messages[-1].body) == (0, False)
    again = prewarm(body, settings=ProviderSettings())
    assert again["cache_read_input_tokens"] == usage["cache_creation_input_tokens"]


def test_preload_imports_the_sdk_and_ends() -> None:
    """The background import finishes by itself and leaves no thread behind."""
    thread = preload()
    thread.join(30)
    assert not thread.is_alive()
