"""Anchors of a client's request: nothing moves, at most four marks, none where the client set its own."""

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optafly_cli.cache.requests import RequestLog
from optafly_cli.config.settings import RouteSettings
from optafly_cli.models import Model
from optafly_cli.service.proxy.anchoring import Anchored, anchored
from tests.fakes.messages_api import MessagesApi
from tests.fakes.prompt_cache import PromptCache
from tests.proxy.conftest import MODEL, RunningProxy

LONG = "a rule that never changes " * 200
TOOL = {"name": "look", "description": LONG, "input_schema": {"type": "object", "properties": {"cache_control": {}}}}


def count(_: Model, text: str) -> int:
    """A token for four characters."""
    return len(text) // 4


def marks(value: Any, way: str = "") -> list[str]:
    """Where `cache_control` stands."""
    if isinstance(value, dict):
        own = [way] if value.get("cache_control") == {"type": "ephemeral"} else []
        return own + [mark for name, item in value.items() for mark in marks(item, f"{way}.{name}")]
    return (
        [mark for n, item in enumerate(value) for mark in marks(item, f"{way}[{n}]")] if isinstance(value, list) else []
    )


def unmarked(value: Any) -> Any:
    """The value without the marks, texts that stood alone as they were."""
    if isinstance(value, dict):
        return {name: unmarked(item) for name, item in value.items() if item != {"type": "ephemeral"}}
    return [unmarked(item) for item in value] if isinstance(value, list) else value


def blocked(body: Any) -> Any:
    """The body with every text that stands alone as one block: what a mark may make of it."""
    made = copy.deepcopy(body)
    if isinstance(made.get("system"), str):
        made["system"] = [{"type": "text", "text": made["system"]}]
    for turn in made["messages"]:
        if isinstance(turn["content"], str):
            turn["content"] = [{"type": "text", "text": turn["content"]}]
    return made


def placed(body: dict[str, Any], **settings: Any) -> tuple[Any, int]:
    """The body as it would be sent, and the number of anchors."""
    made = anchored(body, json.dumps(body).encode(), RouteSettings(**settings), count)
    return json.loads(made.raw), made.anchors


def test_tools_system_and_turns_are_anchored() -> None:
    """Each place whose prefix is long enough and likely to come again."""
    turns = [
        {"role": "user", "content": LONG},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "And now?"},
    ]
    body = {"model": MODEL, "max_tokens": 9, "tools": [TOOL], "system": LONG, "messages": turns}
    sent, number = placed(body)
    assert marks(sent) == [".tools[0]", ".system[0]", ".messages[0].content[0]", ".messages[2].content[0]"]
    assert number == 4
    assert blocked(unmarked(sent)) == blocked(body)


def test_an_opening_is_anchored() -> None:
    """Of the conversations that open with a long turn enough go on; but for a client's own marks nothing else tells."""
    sent, _ = placed({"model": MODEL, "messages": [{"role": "user", "content": LONG * 3}]})
    assert marks(sent) == [".messages[0].content[0]"]


def test_the_turn_before_is_anchored_where_the_last_ones_look_back_ends() -> None:
    """After a turn of 30 blocks, what the request before wrote is found from a mark of its own."""
    many = [{"type": "text", "text": f"part {number}"} for number in range(30)]
    turns = [
        {"role": "user", "content": LONG},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": many},
    ]
    sent, _ = placed({"model": MODEL, "max_tokens": 9, "messages": turns})
    assert {".messages[0].content[0]", ".messages[2].content[29]"} <= set(marks(sent))
    cache = PromptCache()
    before = {"model": MODEL, "max_tokens": 9, "messages": turns[:1]}
    cache.commit(cache.plan(placed(before)[0], 0.0))
    assert cache.plan(sent, 1.0).usage["cache_read_input_tokens"] > 0


@pytest.mark.parametrize(
    "own",
    [
        {"cache_control": {"type": "ephemeral"}},
        {"system": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]},
        {"tools": [{**TOOL, "cache_control": {"type": "ephemeral"}}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "q", "cache_control": {"type": "ephemeral"}}]}
            ]
        },
    ],
    ids=["whole request", "system", "tool", "turn"],
)
def test_a_client_that_marks_is_left_alone(own: dict[str, Any]) -> None:
    """Not a byte of its request is changed."""
    body = {"model": MODEL, "system": LONG, "messages": [{"role": "user", "content": "q"}], **own}
    raw = json.dumps(body, indent=2).encode()
    assert anchored(body, raw, RouteSettings(), count) == Anchored(raw)


@pytest.mark.parametrize("settings", [{"enabled": False}, {"anchors": False}, {"max_anchors": 0}])
def test_anchors_can_be_turned_off(settings: dict[str, Any]) -> None:
    """As for `ask`."""
    assert placed({"model": MODEL, "system": LONG, "messages": [{"role": "user", "content": "q"}]}, **settings)[1] == 0


def test_short_requests_and_unknown_models_keep_their_bytes() -> None:
    """Below the minimum nothing could be cached, and of an unknown model the minimum is unknown."""
    for body in (
        {"model": MODEL, "system": "short", "messages": [{"role": "user", "content": "q"}]},
        {"model": "gpt-nine", "system": LONG, "messages": [{"role": "user", "content": "q"}]},
    ):
        raw = json.dumps(body, indent=1).encode()
        assert anchored(body, raw, RouteSettings(), count) == Anchored(raw)


TEXT = st.sampled_from(["", " ", "q", LONG])
BLOCK = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXT),
    st.just({"type": "thinking", "thinking": LONG, "signature": "s"}),
    st.just({"type": "tool_use", "id": "t", "name": "look", "input": {"a": LONG}}),
    st.builds(lambda text: {"type": "tool_result", "tool_use_id": "t", "content": text}, TEXT),
    st.just({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}),
)
CONTENT = TEXT | st.lists(BLOCK, max_size=4)
TURN = st.builds(
    lambda role, content: {"role": role, "content": content}, st.sampled_from(["user", "assistant"]), CONTENT
)


@given(
    st.lists(TURN, min_size=1, max_size=6),
    CONTENT,
    st.lists(st.just(TOOL) | st.just({**TOOL, "defer_loading": True}), max_size=3),
)
def test_nothing_but_marks_is_ever_added(turns: list[Any], system: Any, tools: list[Any]) -> None:
    """No block is split, merged, moved or added; none that the API refuses to mark is marked; at most four are."""
    body = {"model": MODEL, "max_tokens": 9, "system": system, "tools": tools, "messages": turns}
    before = copy.deepcopy(body)
    sent, number = placed(body)
    assert body == before
    assert number == len(marks(sent)) <= 4
    assert blocked(unmarked(sent)) == blocked(body)
    for way in marks(sent):
        at: Any = sent
        for step in way.replace("[", ".").replace("]", "").split(".")[1:]:
            at = at[int(step)] if step.isdigit() else at[step]
        assert at.get("type") != "thinking"
        assert at.get("type") != "text" or at["text"].strip()
        assert not at.get("defer_loading")


def test_the_upstream_takes_and_reads_the_anchors(proxy: RunningProxy, api: MessagesApi) -> None:
    """The number is in a header, and the next question with the same rules reads what the first one wrote.

    What opens it is not written: what opened the first one has not come again.
    """
    body = {"model": MODEL, "max_tokens": 200, "system": LONG, "messages": [{"role": "user", "content": "one?"}]}
    first = proxy.ask(body)
    # It is written down after the reply
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        if proxy.logged():
            break
        time.sleep(0.01)
    second = proxy.ask({**body, "messages": [{"role": "user", "content": "two?"}]})
    assert [first.headers["x-optafly-anchors"], second.headers["x-optafly-anchors"]] == ["2", "1"]
    assert first.json["usage"]["cache_creation_input_tokens"] > 0
    assert second.json["usage"]["cache_read_input_tokens"] > 0
    assert proxy.ask(body).cache == "hit; tier=exact"


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_sent_on_is_logged(proxy: RunningProxy, api: MessagesApi, stream: bool) -> None:
    """After the reply, with what its usage said; also of a client that marks for itself. A hit was not sent."""
    ask = {"model": MODEL, "max_tokens": 200, "system": LONG, "stream": stream}
    body = {**ask, "messages": [{"role": "user", "content": f"logged {stream}?"}]}
    own = {**body, "cache_control": {"type": "ephemeral"}}
    for asked in (body, body, own):
        proxy.ask(asked)
    until = time.monotonic() + 20
    while len(found := proxy.logged()) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    with RequestLog(proxy.made_from.folder) as log:
        account = log.account(found[-1][0].at)
    assert len(api.messages) == 2
    assert [[block.kind for block in shape.blocks] for shape, _ in found] == [["system", "opening"]] * 2
    assert found[1][0].own_marks == {1: "5m"}
    assert all(output > 0 for _, output in found)
    assert account.written_5m > 0
    assert account.read > 0
