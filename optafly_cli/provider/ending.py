"""Whether a finished message is an answer: only end_turn and stop_sequence, and only with text."""

from collections.abc import Mapping
from typing import Any

from optafly_cli.errors import ProviderError
from optafly_cli.provider.result import Answer, Usage
from optafly_cli.provider.wording import quoted

COMPLETE = ("end_turn", "stop_sequence")


def answer_of(message: Mapping[str, Any], text: str, *, max_tokens: int, request_id: str | None) -> Answer:
    """The answer that a message is, once its message_stop was seen.

    Raises:
        ProviderError: refusal, max_tokens, or incomplete (any other reason, or no text); `partial` is `text`.
    """
    reason = message.get("stop_reason")
    if reason not in COMPLETE:
        raise _unfinished(str(reason), message, text, max_tokens)
    if not text.strip():
        raise ProviderError("the model ended its turn without any text", code="incomplete", remedy="ask again")
    return Answer(
        text=text,
        model=str(message.get("model", "")),
        stop_reason=str(reason),
        usage=usage_of(message),
        message=message,
        request_id=request_id,
    )


def usage_of(message: Mapping[str, Any]) -> Usage:
    """The billed tokens; what the endpoint left out counts as 0."""
    usage = message.get("usage") or {}

    def tokens(name: str) -> int:
        value = usage.get(name)
        return value if isinstance(value, int) else 0

    return Usage(
        input_tokens=tokens("input_tokens"),
        output_tokens=tokens("output_tokens"),
        cache_creation_input_tokens=tokens("cache_creation_input_tokens"),
        cache_read_input_tokens=tokens("cache_read_input_tokens"),
    )


def _unfinished(reason: str, message: Mapping[str, Any], text: str, max_tokens: int) -> ProviderError:
    partial = text or None
    if reason == "refusal":
        return ProviderError(_refusal(message), code="refusal", remedy="ask in another way", partial=partial)
    if reason == "max_tokens":
        used = "" if text.strip() else " before any text: thinking counts too"
        said = f"the answer was cut at --max-tokens {max_tokens}{used}"
        return ProviderError(said, code="max_tokens", remedy=f"use --max-tokens {max_tokens * 2}", partial=partial)
    said, remedy = {
        "model_context_window_exceeded": (
            "the answer was cut because the model's context window is full",
            "name fewer or smaller files, or use a model with a larger window",
        ),
        "tool_use": ("the model asked for a tool instead of answering", "ask for a text answer"),
        "None": ("the answer ended without a stop reason", "run it again"),
        "pause_turn": ("the model paused its turn before the answer was complete", "run it again"),
    }.get(reason, (f"the answer ended for a reason that optafly does not know: {quoted(reason, ())}", "run it again"))
    return ProviderError(said, code="incomplete", remedy=remedy, partial=partial)


def _refusal(message: Mapping[str, Any]) -> str:
    details = message.get("stop_details")
    details = details if isinstance(details, Mapping) else {}
    category = quoted(str(details.get("category") or ""), ()).replace("_", " ")
    explanation = quoted(str(details.get("explanation") or ""), ())
    said = "the model refused to answer" + (f" (category: {category})" if category else "")
    return f"{said}: {explanation}" if explanation else said
