"""What the Messages API refuses, and how it says so.

Texts quoted from the real API: too many `cache_control` blocks, the ttl order, `cache_control` on empty text, empty
and blank text blocks, prefill, "Field required", "Extra inputs are not permitted", the prompt that is too long.
Everything else is checked against the SDK's own types with unknown keys forbidden, and worded by `jsonschema`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import anthropic.types.message_count_tokens_params as count_params
import anthropic.types.message_create_params as create_params
import jsonschema  # type: ignore[import-untyped]  # its stubs are not worth a dependency
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]
from pydantic import TypeAdapter

from optafly_cli.models import catalogue

MAX_BREAKPOINTS = 4
STRICT_SINCE = "2026-10-21"
BETA_FIELDS = {"context_management": "context-management-2025-06-27"}
"""Fields that the API takes with a beta only; they are not checked."""
"""The API version from which sampling parameters are refused."""
FREE_FORM = {"InputSchemaTyped"}
"""Types of the SDK whose unknown keys are meant: a tool's input schema is the user's."""


@dataclass
class Rejected(Exception):
    """A request that gets an error body."""

    status: int
    type: str
    message: str


def invalid(message: str) -> Rejected:
    """A 400."""
    return Rejected(400, "invalid_request_error", message)


@cache
def validator(counting: bool) -> jsonschema.Draft202012Validator:
    """The SDK's request type as a JSON schema in which unknown keys are errors."""
    kind = count_params.MessageCountTokensParams if counting else create_params.MessageCreateParamsNonStreaming
    schema = TypeAdapter(kind).json_schema()
    for name, definition in [("", schema), *schema["$defs"].items()]:
        if "properties" in definition and name not in FREE_FORM:
            definition["additionalProperties"] = False
    return jsonschema.Draft202012Validator(schema)


def blocks_of(content: Any) -> list[Any]:
    """The blocks of a message's or a system prompt's content; a string is one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or [])


def all_blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(path, role, block) in the order that the API renders them: tools, system, messages."""
    for index, tool in enumerate(body.get("tools") or []):
        yield f"tools.{index}", "tools", tool
    for index, block in enumerate(blocks_of(body.get("system"))):
        yield f"system.{index}", "system", block
    for place, message in enumerate(body["messages"]):
        for index, block in enumerate(blocks_of(message["content"])):
            yield f"messages.{place}.content.{index}", message["role"], block


def check(body: Any, *, version: str, counting: bool = False, betas: str = "") -> None:
    """Raises `Rejected` for a body that the API would refuse; `betas` is the header anthropic-beta."""
    if not isinstance(body, dict):
        raise invalid("Input should be a valid dictionary")
    _sampling(body, version)
    for name in ("model", "messages") if counting else ("model", "max_tokens", "messages"):
        if name not in body:
            raise invalid(f"{name}: Field required")
    _schema(body, counting, betas)
    if not body["messages"]:
        raise invalid("messages: at least one message is required")
    if body["model"] not in catalogue().models and body["model"] not in catalogue().aliases:
        raise Rejected(404, "not_found_error", f"model: {body['model']}")
    if body["messages"][-1]["role"] == "assistant":
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    _text_blocks(body)
    _breakpoints(body)
    if not counting:
        _generation(body)


def _sampling(body: Mapping[str, Any], version: str) -> None:
    for name in ("temperature", "top_p", "top_k"):
        if name in body and version >= STRICT_SINCE:
            raise invalid(f"{name}: Extra inputs are not permitted")


def _schema(body: Mapping[str, Any], counting: bool, betas: str) -> None:
    unchecked = {"stream", "temperature", "top_p", "top_k"}
    unchecked |= {field for field, beta in BETA_FIELDS.items() if beta in betas}
    known = {key: value for key, value in body.items() if key not in unchecked}
    if not isinstance(body.get("stream", False), bool):
        raise invalid("stream: Input should be a valid boolean")
    error = best_match(validator(counting).iter_errors(known))
    if error is None:
        return
    path = ".".join(str(part) for part in error.absolute_path)
    text = "Extra inputs are not permitted" if error.validator == "additionalProperties" else error.message
    raise invalid(f"{path}: {text}" if path else text)


def _text_blocks(body: Mapping[str, Any]) -> None:
    for path, role, block in all_blocks(body):
        if role == "assistant" and block.get("type") == "document":
            raise invalid(f"{path}: document blocks are not permitted in an assistant message")
        if block.get("type") != "text":
            continue
        section = path.split(".", 1)[0]
        if not block["text"]:
            if block.get("cache_control"):
                raise invalid(f"{path}.text: cache_control cannot be set for empty text blocks")
            raise invalid(f"{section}: text content blocks must be non-empty")
        if block["text"].isspace():
            raise invalid(f"{section}: text content blocks must contain non-whitespace text")
        if role == "user" and block.get("citations"):
            raise invalid(f"{path}.citations: citations are not permitted on user text blocks")


def _breakpoints(body: Mapping[str, Any]) -> None:
    marked = [(path, block["cache_control"]) for path, _, block in all_blocks(body) if block.get("cache_control")]
    automatic = body.get("cache_control")
    last = list(all_blocks(body))[-1][2].get("cache_control")
    if automatic and last and automatic.get("ttl", "5m") != last.get("ttl", "5m"):
        raise invalid("cache_control: the last block already has a cache_control with a different ttl")
    found = len(marked) + (1 if automatic and not last else 0)
    if found > MAX_BREAKPOINTS:
        raise invalid(f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. Found {found}.")
    short_seen = False
    # Not published: that the automatic breakpoint, which stands last, is held to the order too
    for path, marker in [*marked, *([("messages", automatic)] if automatic and not last else [])]:
        if marker.get("ttl", "5m") == "5m":
            short_seen = True
        elif short_seen:
            raise invalid(
                f"{path}.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' "
                "cache_control block. Note that blocks are processed in the following order: "
                "`tools`, `system`, `messages`."
            )


def _generation(body: Mapping[str, Any]) -> None:
    if (body.get("thinking") or {}).get("type") == "enabled":
        raise invalid("thinking.type: this model supports adaptive thinking only")
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        raise invalid("tool_choice: thinking may not be enabled when tool_choice forces tool use")
    if body["max_tokens"] < 0:
        raise invalid("max_tokens: Input should be greater than or equal to 0")
    if body["max_tokens"] == 0 and body.get("stream"):
        raise invalid("stream: a request with max_tokens 0 cannot be streamed")


def parse(raw: bytes) -> Any:
    """The body, or `Rejected`; 32 MB is the API's limit."""
    if len(raw) > 32 * 1024 * 1024:
        raise Rejected(413, "request_too_large", "Request exceeds the maximum size")
    try:
        return json.loads(raw)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise invalid(f"The request body is not valid JSON: {error}") from error
