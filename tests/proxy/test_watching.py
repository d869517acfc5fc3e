"""Reading along: wherever a stream is cut, packed or not, the same message; nothing unpacks without end."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.service.proxy.client import Room
from optafly_cli.service.proxy.watching import MAX_BYTES, Watch
from tests.fakes.script import Reply, events_of, message_of, sse

MESSAGE = message_of(
    Reply("Paris, é \u2028 and 🙂 more."),
    {"model": "claude-sonnet-5-5", "max_tokens": 100},
    {"input_tokens": 3},
    "msg_1",
)
KINDS = st.sampled_from(
    [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "ping",
        "new",
    ]
)
NAMES = st.sampled_from(
    ["message", "index", "content_block", "delta", "usage", "type", "text", "content", "stop_reason", "id", "citation"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=4),
    max_leaves=6,
)
ODD_EVENTS = st.builds(lambda kind, rest: {**rest, "type": kind}, KINDS, st.dictionaries(NAMES, VALUES))
STREAM = b"".join(sse(event) for event in events_of(MESSAGE))


@given(
    st.sampled_from([("", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)]), st.lists(st.integers(1, 90))
)
def test_a_stream_may_be_cut_anywhere(packing: tuple[str, Callable[[bytes], bytes]], sizes: list[int]) -> None:
    """The answer is complete with the chunk that ends it, and is the one that was sent."""
    coding, pack = packing
    rest = pack(STREAM)
    watch = Watch(stream=True, coding=coding)
    for size in sizes:
        watch.feed(rest[:size])
        rest = rest[size:]
    watch.feed(rest)
    assert watch.complete
    answer = watch.answer(max_tokens=100, request_id=None)
    assert answer is not None
    assert answer.message == MESSAGE


@given(st.sampled_from([("", bytes), ("gzip", gzip.compress)]), st.lists(st.integers(1, 90)))
def test_the_chunk_that_ends_a_message_is_known_before_it_is_read(
    packing: tuple[str, Callable[[bytes], bytes]], sizes: list[int]
) -> None:
    """However the stream is cut; and of one that is not packed nothing waits that comes before the last event."""
    coding, pack = packing
    rest = pack(STREAM)
    watch = Watch(stream=True, coding=coding)
    read = b""
    for size in [*sizes, len(rest)]:
        chunk, rest = rest[:size], rest[size:]
        read += chunk
        may_end = watch.may_end_in(chunk)
        watch.feed(chunk)
        assert may_end or not watch.complete
        assert may_end == (coding != "" or b"message_stop" in read)
    assert watch.complete


@given(st.lists(ODD_EVENTS, max_size=8), st.booleans())
def test_nothing_that_an_upstream_sends_breaks_the_reading(odd: list[dict[str, Any]], ended: bool) -> None:
    """The bytes are passed on whatever they are: an answer comes of them, or none."""
    events = [*events_of(MESSAGE)]
    events[3:3] = odd
    watch = Watch(stream=True, coding="")
    for event in events if ended else events[:-1]:
        watch.feed(f"event: {event.get('type')}\ndata: {json.dumps(event)}\n\n".encode())
    watch.answer(max_tokens=100, request_id=None)
    whole = Watch(stream=False, coding="")
    whole.feed(json.dumps({**MESSAGE, **(odd[0] if odd else {}), "type": "message"}).encode())
    whole.answer(max_tokens=100, request_id=None)


def test_a_stream_is_not_complete_before_its_end() -> None:
    """What is held back until the answer is on disk is at least the last byte of message_stop."""
    watch = Watch(stream=True, coding="")
    watch.feed(STREAM[:-1])
    assert not watch.complete
    watch.feed(STREAM[-1:])
    assert watch.complete


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "unknown"])
def test_what_cannot_be_unpacked_is_not_kept(coding: str) -> None:
    """It says so, and nothing else happens."""
    watch = Watch(stream=False, coding=coding)
    watch.feed(b"whatever")
    assert watch.answer(max_tokens=1, request_id=None) is None
    assert watch.given_up == "encoding"


def test_a_bomb_does_not_go_off() -> None:
    """A small packed body that unpacks to more than is ever kept is given up at once."""
    watch = Watch(stream=False, coding="gzip")
    watch.feed(gzip.compress(b" " * (MAX_BYTES + 10)))
    assert watch.given_up == "unreadable"


NO_ID = json.dumps({**MESSAGE, "id": None}).encode()
NO_CONTENT = json.dumps({**MESSAGE, "content": {}}).encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"nonsense", NO_ID, NO_CONTENT],
    ids=["empty", "list", "nothing", "nonsense", "no id", "no content"],
)
def test_what_is_no_message_is_not_kept(body: bytes) -> None:
    """A replay of it would be none, either."""
    watch = Watch(stream=False, coding="")
    watch.feed(body)
    assert watch.answer(max_tokens=1, request_id=None) is None
    assert watch.given_up == "unreadable"


def test_what_there_is_no_room_for_is_not_kept() -> None:
    """Replies that are read along share their room; one that finds none is passed on, and its share is given back."""
    room = Room(10)
    with room.share() as take, room.share() as other:
        assert (take(6), other(5), other(4), take(1)) == (True, False, True, False)
    assert room.used == 0
    watch = Watch(stream=True, coding="")
    watch.feed(STREAM[:20])
    watch.feed(STREAM[20:], room=False)
    assert watch.given_up == "room"
    assert watch.answer(max_tokens=100, request_id=None) is None
