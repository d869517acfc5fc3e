"""What is the same question: with one thing changed never a hit, with none changed always an exact one."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from optafly_cli.service.proxy.call import Call, Origin, read_call

ORIGIN = Origin("upstream", "", "embedder")
HEADERS = [
    (b"x-api-key", b"sk-one"),
    (b"anthropic-version", b"2026-10-21"),
    (b"anthropic-beta", b"a,b"),
    (b"user-agent", b"curl"),
]
TEXT = {"type": "text", "text": "canary-text"}
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
SOME_TEXT = st.from_regex(r"[a-z]{1,8}( [a-z]{1,8}){0,3}", fullmatch=True)
BLOCKS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, SOME_TEXT),
    st.builds(lambda data: {"type": "image", "source": {"type": "base64", "data": data}}, SOME_TEXT),
    st.builds(lambda text: {"type": "tool_result", "tool_use_id": "t", "content": text}, SOME_TEXT),
)
CONTENTS = SOME_TEXT | st.lists(BLOCKS, min_size=1, max_size=4)
TURNS = st.builds(
    lambda role, content: {"role": role, "content": content}, st.sampled_from(["user", "assistant"]), CONTENTS
)
BODIES = st.builds(
    lambda turns, last, system, tools, rest, stream: {
        **rest,
        "model": "claude-sonnet-5-5",
        "max_tokens": 100,
        "messages": [*turns, {"role": "user", "content": last}],
        "system": system,
        "tools": tools,
        "stream": stream,
        "metadata": {"user_id": "me"},
        "diagnostics": {"previous_message_id": "msg_before"},
    },
    st.lists(TURNS, max_size=3),
    CONTENTS,
    CONTENTS,
    st.lists(st.fixed_dictionaries({"name": SOME_TEXT, "input_schema": VALUES}), max_size=2),
    st.dictionaries(st.sampled_from(["temperature", "top_k", "stop_sequences", "thinking", "new_field"]), VALUES),
    st.booleans(),
)


def call(body: Any, headers: Any = None, query: str = "", origin: Origin = ORIGIN) -> Call:
    """The request as the cache sees it."""
    return read_call(json.dumps(body).encode(), headers or HEADERS, query, origin)


def turned(value: Any) -> Any:
    """The same JSON with the keys of every object in another order."""
    if isinstance(value, dict):
        return {name: turned(value[name]) for name in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every scalar, every key and every list of a JSON value."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield (*way, name)
            yield from places(item, (*way, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield (*way, number)
            yield from places(item, (*way, number))


def changed(body: Any, way: tuple[Any, ...], how: str) -> Any:
    """A copy with one thing changed: taken out, doubled, or replaced."""
    copied = copy.deepcopy(body)
    at = copied
    for step in way[:-1]:
        at = at[step]
    if how == "gone":
        del at[way[-1]]
    elif how == "twice" and isinstance(at, list):
        at.insert(way[-1], copy.deepcopy(at[way[-1]]))
    else:
        old = at[way[-1]]
        at[way[-1]] = old + " otherwise" if isinstance(old, str) else "otherwise" if old is None else [old]
    return copied


@settings(max_examples=40)
@given(BODIES)
def test_the_order_of_keys_changes_nothing(body: dict[str, Any]) -> None:
    """Nor do metadata, diagnostics and stream, white space between tokens, and headers that no answer depends on."""
    one = call(body)
    other = turned(body) | {"stream": not body["stream"], "metadata": {"user_id": "you"}}
    other["diagnostics"] = {"previous_message_id": None}
    headers = [*reversed(HEADERS[:3]), (b"user-agent", b"other"), (b"x-stainless-retry-count", b"1")]
    assert call(other, headers).key == one.key
    spaced = json.dumps(body, indent=3, ensure_ascii=False).encode("utf-8")
    assert read_call(spaced, HEADERS, "", ORIGIN).key == one.key


@settings(max_examples=60)
@given(BODIES, st.data())
def test_one_thing_changed_is_another_question(body: dict[str, Any], data: st.DataObject) -> None:
    """Any value, key, block or turn, wherever it is, but metadata, diagnostics and stream."""
    ways = [way for way in places(body) if way[0] not in ("metadata", "diagnostics", "stream")]
    way = data.draw(st.sampled_from(ways))
    other = changed(body, way, data.draw(st.sampled_from(["gone", "twice", "other"])))
    if other == body:
        return
    try:
        found = call(other)
    except Exception as error:  # noqa: BLE001 - what cannot be read is looked up nowhere
        assert type(error).__name__ == "Unreadable"
        return
    assert found.key != call(body).key


def test_headers_query_upstream_and_key_are_scope() -> None:
    """Each of them can change who answers, and how."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
    keys = {
        call(body).key,
        call(body, [*HEADERS[:1], (b"anthropic-version", b"2023-06-01"), *HEADERS[2:]]).key,
        call(body, [*HEADERS[:2], (b"anthropic-beta", b"a")]).key,
        call(body, HEADERS[:2]).key,
        call(body, [(b"x-api-key", b"sk-two"), *HEADERS[1:]]).key,
        call(body, [(b"authorization", b"Bearer sk-one"), *HEADERS[1:]]).key,
        call(body, query="beta=true").key,
        call(body, origin=Origin("another", "", "embedder")).key,
        call(body, origin=Origin("upstream", "team", "embedder")).key,
        call(body, origin=Origin("upstream", "", "another")).key,
    }
    assert len(keys) == 10


def test_numbers_that_print_otherwise_are_two() -> None:
    """1, 1.0, true and "1" are four results of a tool."""
    bodies = [
        {"model": "m", "x": value, "messages": [{"role": "user", "content": "hi"}]} for value in (1, 1.0, True, "1")
    ]
    assert len({call(body).key for body in bodies}) == 4


def test_white_space_outside_code_does_not_make_another_question() -> None:
    """The exact form of the store: trimmed and collapsed, fences byte for byte, and only in the instruction."""

    def key(text: str, system: str = "s") -> bytes:
        return call({"model": "m", "system": system, "messages": [{"role": "user", "content": text}]}).key

    assert key("what  is\nit?") == key(" what is it?")
    assert key("fix\n```\na  b\n```") != key("fix\n```\na b\n```")
    assert key("hi", "a  b") != key("hi", "a b")


def test_of_several_texts_the_last_is_the_instruction() -> None:
    """Those before it are scope: where one ends and the next begins counts."""
    texts = [["a b", "c"], ["a", "b c"], ["a b c"], ["a", "b", "c"]]
    blocks = [[{"type": "text", "text": text} for text in group] for group in texts]
    calls = [call({"model": "m", "messages": [{"role": "user", "content": content}]}) for content in blocks]
    assert len({found.key for found in calls}) == 4
    assert [found.question.instruction for found in calls] == ["c", "b c", "a b c", "c"]
    assert not any(found.question.only_exact for found in calls)


def test_nothing_of_a_request_but_its_instruction_is_kept() -> None:
    """Scope holds digests and the model's name: an mcp server's token, say, is in none of it."""
    body = {
        "model": "m", "system": "canary-system", "tools": [{"name": "canary-tool"}],
        "mcp_servers": [{"authorization_token": "canary-token"}],
        "messages": [{"role": "user", "content": "canary-turn"}, {"role": "assistant", "content": "x"},
                     {"role": "user", "content": [TEXT, {"type": "text", "text": "q"}]}],
    }  # fmt: skip
    assert "canary" not in repr(call(body).question.scope)
