"""From bytes to events to the whole message, however the network cut them."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.provider.events import BadEvent, ErrorEvent, MessageBuilder, iter_events
from tests.fakes.script import events_of, sse

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
BLOCKS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, WORDS),
    st.builds(lambda text, sig: {"type": "thinking", "thinking": text, "signature": sig}, WORDS, WORDS),
    st.builds(
        lambda value: {"type": "tool_use", "id": "toolu_1", "name": "grep", "input": value},
        st.dictionaries(WORDS, JSON_VALUES, max_size=3),
    ),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, WORDS),
)
USAGE = {"input_tokens": 3, "cache_read_input_tokens": 7, "output_tokens": 5}


def message_with(content: list[dict[str, Any]]) -> dict[str, Any]:
    """A whole message around some blocks."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": content,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "usage": USAGE,
    }


def chunks_of(data: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes cut at these places."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(places)]


@given(st.lists(BLOCKS, max_size=4), st.integers(1, 9), st.lists(st.integers(0, 5000), max_size=30))
def test_any_message_comes_out_as_it_went_in(content: list[dict[str, Any]], size: int, cuts: list[int]) -> None:
    """Streaming a message in any pieces and building it again gives the same message and the same text."""
    whole = message_with(content)
    data = b"".join(sse(event) for event in events_of(whole, size))
    builder = MessageBuilder()
    pieces = [builder.feed(event) for event in iter_events(chunks_of(data, cuts))]
    assert builder.complete
    assert builder.message() == whole
    assert "".join(pieces) == builder.text == "".join(b["text"] for b in content if b["type"] == "text")


@given(st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0, 500), max_size=20), WORDS)
def test_every_line_end_of_the_standard_is_understood(end: str, cuts: list[int], text: str) -> None:
    """LF, CRLF and CR end lines, also when a chunk ends between CR and LF."""
    payload = json.dumps({"type": "x", "text": text}, ensure_ascii=False).encode()
    data = f": comment{end}event: x{end}data: ".encode() + payload + f"{end}{end}data:{{}}{end}{end}\n".encode()
    assert list(iter_events(chunks_of(data, cuts))) == [{"type": "x", "text": text}, {"type": ""}]


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    """Whatever arrives, the reader gives objects or one of its two errors."""
    try:
        for event in iter_events([data]):
            assert isinstance(event, dict)
    except (BadEvent, ErrorEvent):
        return


@given(st.lists(st.dictionaries(st.sampled_from(["type", "index", "delta", "message", "content_block"]), JSON_VALUES)))
def test_no_events_crash_the_builder(events: list[dict[str, Any]]) -> None:
    """Objects of any shape are ignored or a BadEvent."""
    builder = MessageBuilder()
    for kind in ("message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop"):
        for event in events:
            try:
                builder.feed({**event, "type": kind})
            except BadEvent:
                continue
    assert isinstance(builder.text, str)
    json.dumps(builder.message())


def test_an_event_that_is_cut_off_is_dropped() -> None:
    """The last event counts only with its empty line."""
    whole = sse({"type": "ping"})
    assert list(iter_events([whole, whole[:-1]])) == [{"type": "ping"}]


def test_several_data_lines_are_one_event() -> None:
    """Data lines are joined by line ends, as the standard says; "[DONE]" of other protocols is nothing."""
    assert list(iter_events([b'data: {"type":\ndata: "x"}\n\ndata: [DONE]\n\n'])) == [{"type": "x"}]


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (
            b'event: error\ndata: {"type": "error", "error": {"type": "api_error", "message": "m"}}\n\n',
            "api_error",
            "m",
        ),
        (b'data: {"error": {"message": "m"}}\n\n', "api_error", "m"),
        (b'event: error\ndata: {"error": "plain"}\n\n', "api_error", "plain"),
        (b"event: error\ndata: {}\n\n", "api_error", "no details given"),
    ],
)
def test_error_events_are_raised(data: bytes, kind: str, message: str) -> None:
    """The API's error event, and those of other servers that speak its protocol, raise ErrorEvent."""
    with pytest.raises(ErrorEvent) as caught:
        list(iter_events([data]))
    assert (caught.value.kind, caught.value.message) == (kind, message)


def test_usage_of_the_end_replaces_that_of_the_start() -> None:
    """message_delta's totals win, except where it has none."""
    builder = MessageBuilder()
    builder.feed({"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}})
    builder.feed({"type": "message_delta", "delta": {}, "usage": {"input_tokens": None, "output_tokens": 5}})
    assert builder.message()["usage"] == {"input_tokens": 9, "output_tokens": 5}


def test_citations_are_collected() -> None:
    """Each citations_delta adds to its block's list, which starts as null."""
    builder = MessageBuilder()
    builder.feed({"type": "message_start", "message": {"content": []}})
    start = {"type": "text", "text": "so", "citations": None}
    assert builder.feed({"type": "content_block_start", "index": 0, "content_block": start}) == "so"
    for number in (1, 2):
        delta = {"type": "citations_delta", "citation": {"n": number}}
        builder.feed({"type": "content_block_delta", "index": 0, "delta": delta})
    assert builder.message()["content"] == [{"type": "text", "text": "so", "citations": [{"n": 1}, {"n": 2}]}]


def test_unknown_deltas_are_ignored_and_cut_tool_input_keeps_its_start() -> None:
    """A delta of an unknown type changes nothing, and JSON that max_tokens cut is not half parsed."""
    builder = MessageBuilder()
    builder.feed({"type": "message_start", "message": {}})
    builder.feed({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "input": {}}})
    for delta in ({"type": "new_delta", "x": 1}, {"type": "input_json_delta", "partial_json": '{"a": '}):
        builder.feed({"type": "content_block_delta", "index": 0, "delta": delta})
    assert builder.message()["content"] == [{"type": "tool_use", "input": {}}]


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    """JSON can carry it, a terminal and a store cannot."""
    builder = MessageBuilder()
    builder.feed({"type": "message_start", "message": {}})
    block = {"type": "text", "text": ""}
    builder.feed({"type": "content_block_start", "index": 0, "content_block": block})
    delta = json.loads('{"type": "text_delta", "text": "a\\ud83db"}')
    assert builder.feed({"type": "content_block_delta", "index": 0, "delta": delta}) == "a�b"
    assert builder.text == "a�b"
