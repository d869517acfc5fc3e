"""Anthropic's prompt cache as documented (shared facts, 1.1): what one request reads, writes and pays.

Entries exist only at breakpoints, are keyed by the hash of everything before and including the marked block (the
markers themselves left out) and live for their TTL from the start of the request that last wrote or read them. A
prefix below the model's minimum is neither written nor an error.

Simplifications: a block's token count is `count_tokens` of its text (of its JSON where it has none), messages have no
overhead of their own; `tool_choice`, `thinking` and `output_config` count as part of the first message; there is one
organisation and one workspace.
"""

import hashlib
import json
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optafly_cli.models import SAFE_MINIMUM, catalogue
from tests.fakes.rules import all_blocks

LOOK_BACK = 20
"""Positions, the breakpoint's own included."""
SECONDS = {"5m": 300.0, "1h": 3600.0}
UNCACHEABLE = {"thinking", "redacted_thinking"}
MERGED = {"tool_use", "tool_result"}
"""Consecutive blocks of one of these types count as one position."""


def count_tokens(text: str) -> int:
    """Tokens of a text in this fake: its UTF-8 bytes over 3.5, rounded up. No tokenizer agrees; it is exact here."""
    return math.ceil(len(text.encode()) / 3.5)


def block_tokens(block: Mapping[str, Any]) -> int:
    """Tokens of one block: of its text, else of its JSON."""
    if block.get("type") == "text" and isinstance(block.get("text"), str):
        return count_tokens(block["text"])
    return count_tokens(json.dumps(_unmarked(block), ensure_ascii=False))


def input_tokens(body: Mapping[str, Any]) -> int:
    """Tokens of the whole prompt."""
    return sum(block_tokens(block) for _, _, block in all_blocks(body))


@dataclass(frozen=True)
class Prefix:
    """The prompt up to and including one block."""

    key: str
    position: int
    tokens: int
    ttl: str | None


@dataclass(frozen=True)
class Plan:
    """What a request will be billed, and the entries that it leaves: (key, ttl)."""

    usage: dict[str, Any]
    started: float
    entries: tuple[tuple[str, str], ...]


class PromptCache:
    """All entries of one fake server; safe for its threads."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def plan(self, body: Mapping[str, Any], now: float) -> Plan:
        """Bills a request that starts at `now` (seconds). Nothing is written before `commit`."""
        prefixes = list(_prefixes(body))
        total = prefixes[-1].tokens
        model = catalogue().get(body["model"])
        minimum = SAFE_MINIMUM if model.min_cacheable is None else model.min_cacheable
        marked = [prefix for prefix in prefixes if prefix.ttl and prefix.tokens >= minimum]
        with self._lock:
            hit = self._deepest_hit(prefixes, marked, now)
            ttl_of_hit = self._entries[hit.key][0] if hit else ""
        read = hit.tokens if hit else 0
        last = max([read, *(prefix.tokens for prefix in marked)])
        hour = max([read, *(prefix.tokens for prefix in marked if prefix.ttl == "1h")])
        usage = {
            "input_tokens": total - last,
            "cache_creation_input_tokens": last - read,
            "cache_read_input_tokens": read,
            "cache_creation": {"ephemeral_1h_input_tokens": hour - read, "ephemeral_5m_input_tokens": last - hour},
            "service_tier": "standard",
        }
        # What costs nothing because it lies within what is read lives no longer than that: nothing promises more
        entries = [
            (prefix.key, "5m" if hit and prefix.tokens <= read and ttl_of_hit == "5m" else prefix.ttl or "5m")
            for prefix in marked
        ]
        if hit and hit.key not in {key for key, _ in entries}:
            entries.append((hit.key, ttl_of_hit))
        return Plan(usage, now, tuple(entries))

    def commit(self, plan: Plan) -> None:
        """The response has begun: from now on others may read what the request wrote or refreshed."""
        with self._lock:
            for key, ttl in plan.entries:
                known = self._entries.get(key)
                alive = known is not None and plan.started < known[1] + SECONDS[known[0]]
                # A read refreshes an entry for the time that it was written for, and never puts its clock back
                since = max(plan.started, known[1]) if known and alive else plan.started
                self._entries[key] = (known[0] if known and alive else ttl, since)

    def _deepest_hit(self, prefixes: list[Prefix], marked: list[Prefix], now: float) -> Prefix | None:
        for breakpoint_ in reversed(marked):
            lowest = breakpoint_.position - LOOK_BACK + 1
            for prefix in reversed(prefixes):
                if lowest <= prefix.position <= breakpoint_.position and prefix.tokens <= breakpoint_.tokens:
                    entry = self._entries.get(prefix.key)
                    if entry is not None and now < entry[1] + SECONDS[entry[0]]:
                        return prefix
        return None


def _unmarked(block: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key != "cache_control"}


def _prefixes(body: Mapping[str, Any]) -> list[Prefix]:
    digest = hashlib.sha256(str(body["model"]).encode())
    found: list[Prefix] = []
    position = tokens = 0
    previous, in_messages = "", False
    for path, role, block in all_blocks(body):
        if path.startswith("messages.") and not in_messages:
            in_messages = True
            digest.update(json.dumps([body.get(k) for k in ("tool_choice", "thinking", "output_config")]).encode())
        digest.update(json.dumps([role, _unmarked(block)], sort_keys=True).encode())
        kind = str(block.get("type"))
        if not (kind == previous and kind in MERGED):
            position += 1
        previous = kind
        tokens += block_tokens(block)
        marker = block.get("cache_control") or {}
        ttl = str(marker.get("ttl", "5m")) if marker and kind not in UNCACHEABLE else None
        found.append(Prefix(digest.hexdigest(), position, tokens, ttl))
    return _with_automatic(body, found)


def _with_automatic(body: Mapping[str, Any], found: list[Prefix]) -> list[Prefix]:
    """Applies the top-level `cache_control`, which marks the last block that can be cached."""
    automatic = body.get("cache_control")
    if not automatic:
        return found
    kinds = [str(block.get("type")) for _, _, block in all_blocks(body)]
    for index in reversed(range(len(found))):
        if kinds[index] not in UNCACHEABLE:
            prefix = found[index]
            ttl = prefix.ttl or str(automatic.get("ttl", "5m"))
            found[index] = Prefix(prefix.key, prefix.position, prefix.tokens, ttl)
            break
    return found
