"""A stored message as events adds up to the stored message, for the SDK and for our own reader."""

from typing import Any

import anthropic
import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.provider.events import MessageBuilder, iter_events
from optafly_cli.service.proxy.replay import as_events, as_json, unbilled
from tests.fakes.script import Reply, events_of, message_of

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LONG = st.builds(lambda text, times: text * times, WORDS, st.integers(1, 400))
CITATION = st.builds(
    lambda text: {
        "type": "char_location", "cited_text": text, "document_index": 0, "document_title": None,
        "start_char_index": 0, "end_char_index": 1, "file_id": None,
    },
    WORDS,
)  # fmt: skip
BLOCK = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text, "citations": None}, LONG),
    st.builds(
        lambda text, cited: {"type": "text", "text": text, "citations": cited}, LONG, st.lists(CITATION, min_size=1)
    ),
    st.builds(lambda text, sign: {"type": "thinking", "thinking": text, "signature": sign}, WORDS, WORDS),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, WORDS),
    st.builds(
        lambda made: {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": made},
        st.dictionaries(WORDS, WORDS | st.integers() | st.none(), max_size=3),
    ),
)
USAGE = st.builds(
    lambda one, two: {
        "input_tokens": one, "output_tokens": two, "cache_read_input_tokens": one, "cache_creation_input_tokens": two,
        "cache_creation": {"ephemeral_5m_input_tokens": two, "ephemeral_1h_input_tokens": 0},
        "server_tool_use": {"web_search_requests": one, "web_fetch_requests": 0}, "service_tier": "standard",
    },
    st.integers(0, 10**6),
    st.integers(0, 10**6),
)  # fmt: skip
MESSAGE = st.builds(
    lambda blocks, usage, stop: {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5", "content": blocks,
        "stop_reason": "stop_sequence" if stop else "end_turn", "stop_sequence": stop, "stop_details": None,
        "usage": usage,
    },
    st.lists(BLOCK, min_size=1, max_size=5),
    USAGE,
    st.none() | st.just("END"),
)  # fmt: skip


@given(MESSAGE)
def test_the_diagnosis_of_the_request_that_was_answered_is_not_replayed(message: dict[str, Any]) -> None:
    """It would speak of another request's prompt cache; a message without the field gets none."""
    said = {"cache_miss_reason": {"type": "system_changed", "cache_missed_input_tokens": 5}}
    assert unbilled({**message, "diagnostics": said}) == {**unbilled(message), "diagnostics": None}
    assert "diagnostics" not in unbilled(message)


@given(MESSAGE)
def test_our_reader_gets_the_very_message_back(message: dict[str, Any]) -> None:
    """Field for field; only the usage is zero."""
    builder = MessageBuilder()
    for event in iter_events([as_events(message)]):
        builder.feed(event)
    assert builder.complete
    assert builder.message() == unbilled(message)


def sdk_on(body: bytes, kind: str) -> anthropic.Anthropic:
    """The SDK on a transport that answers with these bytes."""
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body, headers={"content-type": kind}))
    return anthropic.Anthropic(api_key="k", base_url="http://x", http_client=httpx2.Client(transport=transport))


@settings(max_examples=40)
@given(MESSAGE)
def test_the_sdk_gets_the_same_from_either_form(message: dict[str, Any]) -> None:
    """Its streaming helper adds the events up to what it reads from the JSON."""
    ask: Any = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
    whole = sdk_on(as_json(message), "application/json").messages.create(**ask)
    with sdk_on(as_events(message), "text/event-stream").messages.stream(**ask) as stream:
        added = stream.get_final_message()
    plain = added.to_dict()
    for block in plain["content"]:  # type: ignore[attr-defined]
        block.pop("parsed_output", None)
    assert plain == whole.to_dict()
    assert whole.usage.output_tokens == 0
    assert whole.id == "msg_1"


def test_a_replay_has_the_events_of_the_api_in_their_order() -> None:
    """One start and one stop for each block, then message_delta and message_stop, as the fake's own stream has them."""
    body = {"model": "claude-sonnet-5-5", "max_tokens": 100}
    message = message_of(Reply("Paris."), body, {"input_tokens": 1}, "msg_1")
    kinds = [event["type"] for event in iter_events([as_events(message)])]
    assert kinds == [event["type"] for event in events_of(message, 4096) if event["type"] != "ping"]


def test_counts_in_any_depth_are_zero_and_names_stay() -> None:
    """What is no count is kept."""
    usage = {"input_tokens": 5, "cache_creation": {"a": 3, "b": [1]}, "service_tier": "standard", "flag": True}
    assert unbilled({"usage": usage})["usage"] == {
        "input_tokens": 0, "output_tokens": 0, "cache_creation": {"a": 0, "b": [0]}, "service_tier": "standard",
        "flag": True,
    }  # fmt: skip
