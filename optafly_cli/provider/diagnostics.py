"""Why the endpoint could not read the prompt cache, by its own word: the field `diagnostics` (anthropic 2.12.0)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optafly_cli.config.settings import ProviderSettings
from optafly_cli.provider.endpoint import endpoint_of

WHAT_CHANGED = {
    "model_changed": "the model is not the same",
    "tools_changed": "the tools are not the same",
    "system_changed": "the system prompt is not the same",
    "messages_changed": "the text before the question is not the same",
}
"""The server's reasons that speak of a change since the last request; the others name no cause."""


@dataclass(frozen=True, slots=True)
class MissReason:
    """`kind` is the server's word; `tokens` how many could have been read, 0 where it does not say."""

    kind: str
    tokens: int


def asks_why(settings: ProviderSettings, environ: Mapping[str, str]) -> bool:
    """Whether requests carry `diagnostics`: another endpoint may refuse a field that it does not know."""
    if settings.diagnostics == "auto":
        return endpoint_of(settings, environ).url is None
    return settings.diagnostics == "always"


def miss_reason(message: Mapping[str, Any]) -> MissReason | None:
    """What a message says of it; None where it says nothing, or not yet."""
    said = message.get("diagnostics")
    reason = said.get("cache_miss_reason") if isinstance(said, Mapping) else None
    if not isinstance(reason, Mapping) or not isinstance(reason.get("type"), str):
        return None
    tokens = reason.get("cache_missed_input_tokens")
    return MissReason(reason["type"], tokens if isinstance(tokens, int) else 0)
