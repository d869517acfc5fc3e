"""A recorded trace: what is written is read again, and what is none says where and why."""

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.errors import UsageError
from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.shape import BlockShape, RequestShape
from optafly_cli.route.simulator.trace import line_of, read

LINE = {"at": 5, "model": "claude-sonnet-5-5", "blocks": [{"digest": "a", "tokens": 1200, "kind": "system"}]}
SHAPES = st.builds(
    RequestShape,
    st.text(min_size=1, max_size=20),
    st.lists(
        st.builds(
            BlockShape,
            st.text(min_size=1, max_size=8),
            st.integers(0, 10**8),
            st.sampled_from(get_args(BlockKind)),
            st.sampled_from(["text", "tool_use", "thinking"]),
            st.sampled_from([None, "5m", "1h"]),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    st.floats(-1e9, 1e11),
    st.floats(0, 1e5),
    st.text(max_size=8),
    st.sampled_from([None, "5m", "1h"]),
)


@given(SHAPES)
def test_what_is_written_is_read_again(request: RequestShape) -> None:
    """All of it, and usual values take no room."""
    line = line_of(request)
    assert "\n" not in line
    assert read([line + "\n"], "trace") == [request]


def test_requests_come_in_the_order_of_their_times() -> None:
    """Whatever the order of the lines; blank ones are none."""
    lines = [json.dumps({**LINE, "at": at}) for at in (9, 2.5)]
    assert [request.at for request in read([lines[0], "\n", lines[1]], "trace")] == [2.5, 9]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "Expecting property name"),
        ("[]", "it is no JSON object"),
        ("[" * 100_000, "recursion"),
        (json.dumps({**LINE, "model": ""}), 'model cannot be ""'),
        (json.dumps({**LINE, "at": "now"}), 'at cannot be "now"'),
        (json.dumps({**LINE, "at": True}), "at cannot be true"),
        (json.dumps({**LINE, "at": float("nan")}), "at cannot be NaN"),
        (json.dumps({**LINE, "blocks": []}), "blocks has to be a list with at least one block"),
        (json.dumps({**LINE, "blocks": [3]}), "a block is no JSON object"),
        (json.dumps({**LINE, "blocks": [{"digest": "a", "kind": "system"}]}), "tokens is missing"),
        (json.dumps({**LINE, "blocks": [{"digest": "a", "tokens": -1, "kind": "system"}]}), "tokens cannot be -1"),
        (json.dumps({**LINE, "blocks": [{"digest": "a", "tokens": 1, "kind": "sys"}]}), 'kind cannot be "sys"'),
        (json.dumps({**LINE, "automatic": "2h"}), 'automatic cannot be "2h"'),
        (json.dumps({**LINE, "begins_after": -1}), "begins_after cannot be -1"),
        (json.dumps({key: value for key, value in LINE.items() if key != "at"}), "at is missing"),
    ],
)
def test_what_is_no_request_says_where_and_why(line: str, said: str) -> None:
    """With the file and the number of the line."""
    with pytest.raises(UsageError) as caught:
        read([json.dumps(LINE), line], "some.jsonl")
    assert str(caught.value).startswith("some.jsonl:2 is no request of a trace: ")
    assert said in str(caught.value)
