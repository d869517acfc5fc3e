"""Random Messages bodies through the planner, and what the rules of the API say of what comes out."""

import copy
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.route_rows import Row
from optafly_cli.config.settings import RouteSettings
from optafly_cli.models import Model, catalogue
from optafly_cli.route.messages import blocks_of, shape_of, with_marks
from optafly_cli.route.planner import place
from optafly_cli.route.result import Ttl
from optafly_cli.route.reuse import ByKind, Reads, shipped_prior
from optafly_cli.route.shape import prefixes
from optafly_cli.service.proxy.anchoring import anchored
from tests.fakes import rules

VERSION = "2026-10-21"
WORDS = "a rule that never changes until somebody changes it "


def random_bodies(bodies: int, seed: int = 7) -> Iterator[Row]:
    """Half of them as a client of the proxy sends them, half with the client's own markers through the planner."""
    dice = random.Random(seed)
    refused: dict[str, int] = {}
    sent = marked = over_four = changed = 0
    while sent < bodies:
        body = _body(dice)
        # Without markers they are bodies that the API takes: what it refuses then is ours
        if _marks(body) and not _taken(body):
            continue
        sent += 1
        made = _proxied(body) if sent % 2 else _planned(body, dice)
        found = _marks(made)
        marked += found > _marks(body)
        over_four += found > rules.MAX_BREAKPOINTS
        changed += _bare(made) != _bare(body) or not _kept(body, made)
        try:
            rules.check(made, version=VERSION)
        except rules.Rejected as error:
            refused[error.message[:60]] = refused.get(error.message[:60], 0) + 1
    yield Row(
        "random bodies: rejected", sum(refused.values()), "0", ", ".join(refused) or f"of {sent}, {marked} marked"
    )
    yield Row("random bodies: more than four breakpoints", over_four, "0")
    yield Row("random bodies: changed but for markers", changed, "0")


def _proxied(body: Mapping[str, Any]) -> Any:
    made = anchored(body, json.dumps(body).encode(), RouteSettings(), lambda _, text: len(text) // 4)
    return json.loads(made.raw)


def _planned(body: Mapping[str, Any], dice: random.Random) -> Any:
    """With what the client's markers leave, TTLs free, any estimate, and any belief about what is in the cache."""
    model: Model = catalogue().get(body["model"])
    blocks = blocks_of(body)
    request = shape_of(body, blocks, lambda text: len(text) // 4)
    ends = prefixes(request)
    expected = ByKind(shipped_prior()).expected(request, ends)
    if dice.random() < 0.7:
        expected = [Reads(dice.random() * 4, dice.random() * 12) for _ in blocks]
    live: dict[int, Ttl] = {i: dice.choice(["5m", "1h"]) for i in range(len(blocks)) if dice.random() < 0.1}
    return with_marks(body, blocks, place(request, ends, expected, model=model, live=live))


def _body(dice: random.Random) -> dict[str, Any]:
    turns = [
        {"role": "assistant" if number % 2 else "user", "content": _content(dice, number % 2 == 1)}
        for number in range(dice.choice([1, 1, 2, 3, 5, 9, 30]))
    ]
    if turns[-1]["role"] == "assistant":
        turns.pop()
    body: dict[str, Any] = {"model": dice.choice([*catalogue().models]), "max_tokens": 100, "messages": turns}
    if dice.random() < 0.7:
        body["system"] = dice.choice([_text(dice), [_block(dice, "text") for _ in range(dice.randint(1, 4))]])
    if dice.random() < 0.4:
        body["tools"] = [_tool(dice, number) for number in range(dice.randint(1, 6))]
    if dice.random() < 0.3:
        _mark_some(body, dice)
    return body


def _content(dice: random.Random, assistant: bool) -> Any:
    if dice.random() < 0.4:
        return _text(dice)
    kinds = ["text", "tool_use", "thinking", "redacted_thinking"] if assistant else ["text", "tool_result", "image"]
    return [_block(dice, dice.choice(kinds)) for _ in range(dice.choice([1, 2, 3, 25]))]


def _block(dice: random.Random, kind: str) -> dict[str, Any]:
    match kind:
        case "text":
            return {"type": "text", "text": _text(dice)}
        case "tool_use":
            return {"type": "tool_use", "id": "t", "name": "look", "input": {"a": _text(dice), "cache_control": 1}}
        case "tool_result":
            inner = [{"type": "text", "text": _text(dice)}]
            return {"type": "tool_result", "tool_use_id": "t", "content": dice.choice([_text(dice), inner])}
        case "image":
            return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
        case "thinking":
            return {"type": "thinking", "thinking": _text(dice), "signature": "s"}
        case _:
            return {"type": "redacted_thinking", "data": "x" * 40}


def _tool(dice: random.Random, number: int) -> dict[str, Any]:
    tool = {"name": f"look{number}", "description": _text(dice), "input_schema": {"type": "object", "properties": {}}}
    return {**tool, "defer_loading": True} if dice.random() < 0.3 else tool


def _text(dice: random.Random) -> str:
    return dice.choice(["q", "naïve – 数字", WORDS, WORDS * 20, WORDS * 200, "x" * 3000])


def _mark_some(body: dict[str, Any], dice: random.Random) -> None:
    """Markers of the client's own, of which the API may not take all: those bodies are not counted."""
    if dice.random() < 0.3:
        body["cache_control"] = {"type": "ephemeral", "ttl": dice.choice(["5m", "1h"])}
    blocks = [block for _, _, block in rules.all_blocks(body) if "thinking" not in str(block.get("type"))]
    for block in dice.sample(blocks, min(len(blocks), dice.randint(0, 4))):
        block["cache_control"] = {"type": "ephemeral"} | dice.choice([{}, {"ttl": "5m"}, {"ttl": "1h"}])


def _taken(body: Mapping[str, Any]) -> bool:
    try:
        rules.check(body, version=VERSION)
    except rules.Rejected:
        return False
    return True


def _marks(body: Mapping[str, Any]) -> int:
    blocks = [block for _, _, block in rules.all_blocks(body)]
    automatic = bool(body.get("cache_control")) and not blocks[-1].get("cache_control")
    return sum(bool(block.get("cache_control")) for block in blocks) + automatic


def _bare(body: Mapping[str, Any]) -> Any:
    """Without the markers, and with every text that stands alone as a block."""
    made = copy.deepcopy(dict(body))
    if isinstance(made.get("system"), str):
        made["system"] = [{"type": "text", "text": made["system"]}]
    for turn in made["messages"]:
        if isinstance(turn["content"], str):
            turn["content"] = [{"type": "text", "text": turn["content"]}]
    for _, _, block in rules.all_blocks(made):
        block.pop("cache_control", None)
    return made


def _kept(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the client's own markers are what they were."""
    pairs = zip(rules.all_blocks(before), rules.all_blocks(after), strict=True)
    return all(
        "cache_control" not in mine or mine["cache_control"] == theirs.get("cache_control")
        for (_, _, mine), (_, _, theirs) in pairs
    )
