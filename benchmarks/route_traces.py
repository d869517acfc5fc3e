"""Traces of requests made of public data: agents' loops, and one-shot asks out of a chat history.

No text is kept: a request is a `RequestShape`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

from optafly_cli.models import Model
from optafly_cli.route.messages import blocks_of, shape_of
from optafly_cli.route.shape import BlockShape, RequestShape
from optafly_cli.tokens.counter import counter_for

STEP_S = 20.0
"""Between an agent's requests: the trajectories have no times."""
APART_S = 7_200.0

SYSTEM_TOKENS = 2_000
"""Of a one-shot ask: the history says how much was sent in all, not of what."""
OUTLINE_TOKENS = 1_024
"""As in the history ("Repo-map: using 1024 tokens")."""
SAME_SESSION_S = 1_800


def agent_loops(folder: Path, model: Model) -> list[RequestShape]:
    """A request before each turn of the assistant, of every trajectory, as a client without marks would send it."""
    count = cache(counter_for(model).count)
    trace: list[RequestShape] = []
    at = 0.0
    for path in sorted(folder.glob("*.traj")):
        at += APART_S
        system = ""
        turns: list[dict[str, Any]] = []
        for turn in json.loads(path.read_text())["history"]:
            if turn["role"] == "system":
                system += turn["content"]
                continue
            if turn["role"] == "assistant":
                body = {"model": model.id, "system": system, "messages": list(turns)}
                blocks = blocks_of(body)
                shape = shape_of(body, blocks, count, digests=True, at=at)
                # Blocks counted one by one: what the same block is must not depend on what came with it
                sizes = (sum(map(count, block.texts)) for block in blocks)
                counted = (replace(block, tokens=size) for block, size in zip(shape.blocks, sizes, strict=True))
                trace.append(replace(shape, blocks=tuple(counted)))
                at += STEP_S
            # What the environment says back is a user's turn to the API
            role = "assistant" if turn["role"] == "assistant" else "user"
            turns.append({"role": role, "content": turn["content"]})
    return trace


@dataclass(frozen=True, slots=True)
class _Ask:
    """One message of the history: tokens that were sent with it, and files that were changed after it."""

    question: str
    sent: int
    files: tuple[str, ...]
    edited: tuple[str, ...]


@dataclass(slots=True)
class _Session:
    start: float
    asks: list[_Ask] = field(default_factory=list)


def one_shot_asks(history: Path, analytics: Path, model: Model) -> list[RequestShape]:
    """Every message of the aider history that was sent, as a one-shot ask: system, outline, files, question.

    A file's block changes when an edit was applied to it, the outline when any was. Sessions begin when they did; in
    one the gaps are those between messages in the analytics log, in its order, which is another user's. A file has an
    equal share of what was sent with the first ask that had it, besides system and outline.
    """
    count = cache(counter_for(model).count)
    gaps = cycle(_gaps(analytics))
    versions: dict[str, int] = {}
    sizes: dict[str, int] = {}
    trace: list[RequestShape] = []
    for session in _sessions(history.read_text()):
        at = session.start
        for ask in session.asks:
            rest = max(0, ask.sent - SYSTEM_TOKENS - OUTLINE_TOKENS)
            for file in ask.files:
                sizes.setdefault(file, max(50, rest // len(ask.files)))
            blocks = [
                BlockShape("system", SYSTEM_TOKENS, "system"),
                BlockShape(f"outline {sum(versions.values())}", OUTLINE_TOKENS, "project_context"),
                *(BlockShape(f"{f} {versions.get(f, 0)}", sizes[f], "file_reference") for f in ask.files),
                BlockShape(ask.question, count(ask.question), "instruction"),
            ]
            trace.append(RequestShape(model.id, tuple(blocks), at))
            for file in ask.edited:
                versions[file] = versions.get(file, 0) + 1
            at += next(gaps)
    return sorted(trace, key=lambda request: request.at)


def _gaps(analytics: Path) -> list[float]:
    """Seconds between messages that belong together."""
    events = (json.loads(line) for line in analytics.read_text().splitlines())
    times = [event["time"] for event in events if event["event"] == "message_send"]
    return [b - a for a, b in pairwise(times) if 0 < b - a < SAME_SESSION_S]


def _sessions(text: str) -> Iterator[_Session]:
    for part in re.split(r"^# aider chat started at ", text, flags=re.M)[1:]:
        session = _Session(datetime.fromisoformat(part[:19]).timestamp())
        files: dict[str, None] = {}
        question: list[str] = []
        for line in part.splitlines()[1:]:
            if line.startswith("#### "):
                question.append(line[5:].strip())
            elif found := re.match(r"> Added (\S+\.\w+) to the chat", line):
                files[_name(found[1])] = None
            elif found := re.match(r"> Removed (\S+) from the chat", line):
                files.pop(_name(found[1]), None)
            elif found := re.match(r"> Tokens: ([\d,.]+)(k?) sent", line):
                sent = float(found[1].replace(",", "")) * (1000 if found[2] else 1)
                session.asks.append(_Ask("\n".join(question) or "go on", int(sent), tuple(files), ()))
                question = []
            elif (found := re.match(r"> Applied edit to (\S+)", line)) and session.asks:
                last = session.asks[-1]
                session.asks[-1] = replace(last, edited=(*last.edited, _name(found[1])))
        if session.asks:
            yield session


def _name(path: str) -> str:
    return path.rsplit("/aider/", 1)[-1]


def tokens_of(trace: Sequence[RequestShape]) -> int:
    """Input tokens of a whole trace."""
    return sum(request.tokens for request in trace)
