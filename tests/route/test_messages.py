"""A Messages body as the planner sees it."""

import copy
import typing
from typing import Any

import anthropic.types
import pytest

from optafly_cli.route.messages import blocks_of, digests_of, shape_of, with_marks
from optafly_cli.route.shape import MARKABLE, RequestShape, prefixes
from tests.fakes import prompt_cache

TOOL = {"name": "look", "description": "d" * 40, "input_schema": {"type": "object"}}
USE = {"type": "tool_use", "id": "t", "name": "look", "input": {"a": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "r" * 40}


def count(text: str) -> int:
    """A token for four characters."""
    return len(text) // 4


def shape(body: dict[str, Any]) -> RequestShape:
    """The body's shape, with digests."""
    return shape_of(body, blocks_of(body), count, digests=True)


def body(*turns: Any, **more: Any) -> dict[str, Any]:
    """A body of these turns, the user's first."""
    messages = [{"role": ("user", "assistant")[n % 2], "content": turn} for n, turn in enumerate(turns)]
    return {"model": "claude-sonnet-5-5", "messages": messages, **more}


def test_blocks_come_in_the_order_in_which_the_cache_hashes_them() -> None:
    """Tools, system, messages; a text that stands alone is a block."""
    made = shape(body("q" * 40, tools=[TOOL, {**TOOL, "defer_loading": True}], system="s" * 40))
    assert [(block.kind, block.type) for block in made.blocks] == [
        ("tools", "tool"),
        ("tools", "deferred_tool"),
        ("system", "text"),
        ("conversation", "text"),
    ]
    assert [block.markable for block in made.blocks] == [True, False, True, True]
    assert made.blocks[2].tokens == 10


@pytest.mark.parametrize(
    ("turns", "more", "kinds"),
    [
        (["q"], {}, ["opening"]),
        (["q"], {"tools": [TOOL]}, ["tools", "conversation"]),
        (["q", "a", "q"], {}, ["conversation"] * 3),
        (["q", [USE], [RESULT]], {}, ["conversation", "conversation", "tool_results"]),
    ],
)
def test_a_turn_is_what_its_place_makes_it(turns: list[Any], more: Any, kinds: list[str]) -> None:
    """The first turn of a conversation, unless tools say that it will go on; an agent's loop by its results."""
    assert [block.kind for block in shape(body(*turns, **more)).blocks] == kinds


def test_a_prefix_is_the_same_with_and_without_markers() -> None:
    """And whether a text stands alone or in a block; another role, text or parameter is another prefix."""
    plain = body("q" * 40, "a", "q")
    marked = copy.deepcopy(plain)
    marked["messages"][0]["content"] = [{"type": "text", "text": "q" * 40, "cache_control": {"type": "ephemeral"}}]
    keys = [end.key for end in prefixes(shape(plain))]
    assert [end.key for end in prefixes(shape(marked))] == keys
    assert shape(marked).own_marks == {0: "5m"}
    longer = [end.key for end in prefixes(shape(body("q" * 40, "a", "q", "a", "q")))]
    assert longer[:3] == keys
    for other in (body("q" * 40, "b", "q"), body("q" * 40, "a", "q", tool_choice={"type": "auto"})):
        assert prefixes(shape(other))[2].key != keys[2]


def test_what_breaks_the_messages_leaves_the_system_prompt() -> None:
    """A tool choice changes no tool and no system prompt; another speed changes both but the tools."""
    first = prefixes(shape(body("q", tools=[TOOL], system="s")))
    choice = prefixes(shape(body("q", tools=[TOOL], system="s", tool_choice={"type": "none"})))
    speed = prefixes(shape(body("q", tools=[TOOL], system="s", speed="fast")))
    assert [a.key == b.key for a, b in zip(first, choice, strict=True)] == [True, True, False]
    assert [a.key == b.key for a, b in zip(first, speed, strict=True)] == [True, False, False]


def test_the_digests_agree_with_the_tests_prompt_cache() -> None:
    """Two bodies share a prefix here exactly where they share one there."""
    bodies = [
        body("q", "a", [RESULT]),
        body("q", "a", "r"),
        body("q", "b", [RESULT]),
        body("q", "a", [RESULT], system="s"),
    ]
    ours = [[end.key for end in prefixes(shape(one))] for one in bodies]
    theirs = [[prefix.key for prefix in prompt_cache._prefixes(one)] for one in bodies]
    for a, b in ((a, b) for a in range(4) for b in range(4)):
        for at in range(min(len(ours[a]), len(ours[b]))):
            assert (ours[a][at] == ours[b][at]) == (theirs[a][at] == theirs[b][at])


def test_tokens_of_blocks_add_up_to_the_count_of_their_field() -> None:
    """Texts are counted once for each field; pictures are taken for a page."""
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    made = shape(body([picture, {"type": "text", "text": "t" * 399}], "a", "q"))
    assert [block.tokens for block in made.blocks] == [1500, 99, 1, 1]
    assert made.blocks[0].markable


def test_blank_texts_and_what_is_no_block_are_never_marked() -> None:
    """The API refuses them; nothing here falls over them."""
    made = shape(
        body([{"type": "text", "text": " "}, "text", None, {"type": "new_thing"}, {"type": "text", "text": "q"}])
    )
    assert [block.markable for block in made.blocks] == [False, False, False, False, True]


def test_markers_are_put_where_the_blocks_are() -> None:
    """In all three fields; a block's own marker stays."""
    given = body(
        "q", "a", "q", tools=[TOOL], system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]
    )
    before = copy.deepcopy(given)
    made = with_marks(given, blocks_of(given), {0: "1h", 1: "1h", 4: "5m"})
    assert given == before
    assert made["tools"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert made["system"] == before["system"]
    assert made["messages"][2]["content"] == [{"type": "text", "text": "q", "cache_control": {"type": "ephemeral"}}]


def test_digests_tell_nothing_of_the_text() -> None:
    """They are 128 bits of a hash."""
    given = body("a secret")
    assert all(len(digest) == 32 and int(digest, 16) >= 0 for digest in digests_of(given, blocks_of(given)))


def test_the_markable_types_are_those_of_the_sdk() -> None:
    """Every block of a message that has `cache_control` in the SDK's types, and no other."""
    found = set()
    for name in dir(anthropic.types):
        kind = getattr(anthropic.types, name)
        if name.endswith("BlockParam") and hasattr(kind, "__annotations__"):
            hints = typing.get_type_hints(kind)
            if "cache_control" in hints:
                found |= set(typing.get_args(hints["type"]))
    assert found | {"tool"} == MARKABLE
