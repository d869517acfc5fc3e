"""Why a request could not read what an earlier one wrote, as the API says it when it is asked with `diagnostics`.

The reasons and their order are those of the SDK's types (anthropic 2.12.0, `types/cache_miss_reason.py`).
"""

from collections.abc import Mapping
from typing import Any

from tests.fakes.prompt_cache import block_tokens, input_tokens
from tests.fakes.rules import all_blocks


class Diagnostics:
    """Remembers the prompts of one fake server by the ids of their answers."""

    def __init__(self) -> None:
        self._prompts: dict[str, dict[str, Any]] = {}

    def remember(self, message_id: str, body: Mapping[str, Any]) -> None:
        """Keep what was asked for the message."""
        self._prompts[message_id] = {name: body.get(name) for name in ("model", "tools", "system", "messages")}

    def of(self, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """The `diagnostics` of the reply; None where nothing was asked or nothing differs."""
        asked = body.get("diagnostics")
        if not asked or asked.get("previous_message_id") is None:
            return None
        before = self._prompts.get(asked["previous_message_id"])
        if before is None:
            return {"cache_miss_reason": {"type": "previous_message_not_found"}}
        for name in ("model", "tools", "system"):
            if before[name] != body.get(name):
                return _changed(name, input_tokens(before))
        old, new = ([block for _, _, block in all_blocks(one)] for one in (before, body))
        same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        return _changed("messages", sum(map(block_tokens, old[same:]))) if same < len(old) else None


def _changed(name: str, missed: int) -> dict[str, Any]:
    return {"cache_miss_reason": {"type": f"{name}_changed", "cache_missed_input_tokens": missed}}
