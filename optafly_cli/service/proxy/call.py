"""From the bytes of a POST /v1/messages to a `Question`, or why there is none. Pure.

The instruction is the text of the last user turn, of several text blocks the last one; everything else that can change
the answer is scope, byte for byte, as digests: nothing of a request but its instruction is kept.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optafly_cli.cache.digest import sha256
from optafly_cli.cache.scope import exact_key, partition_of, pasted_digest
from optafly_cli.cache.text import exact_form, instruction_of, pasted_code
from optafly_cli.cache.types import Evidence, Question, Scope
from optafly_cli.service.proxy.headers import Headers, first

VERSION = "1"
"""Grows when what is scope, or how it is digested, changes."""
NO_TEXT = "(a turn without text)"
_INTO_NO_SCOPE = frozenset({"diagnostics", "messages", "metadata", "model", "stream", "system", "tools"})
"""Fields of a request that are looked at one by one; metadata and stream change no answer."""
CREDENTIALS = (b"x-api-key", b"authorization")


class Unreadable(Exception):
    """A request that the cache does not understand: it is sent on as it is. The message is one word."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What is the same for all requests: whom they go to, and whose answers may be shared.

    `upstream` is a name or digest without any credential; an empty `namespace` is a digest of the client's. `endpoint`
    is empty where the upstream is Anthropic's own.
    """

    upstream: str
    namespace: str
    embedder: str
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the cache sees it. `key` is the same for the same question only."""

    body: Mapping[str, Any]
    question: Question
    key: bytes
    stream: bool
    max_tokens: int


def read_call(raw: bytes, headers: Headers, query: str, origin: Origin) -> Call:
    """The request as the cache sees it.

    Raises:
        Unreadable: it is not what the Messages API takes, carries no credential, or says one thing twice.
    """
    if first(headers, b"content-encoding").lower() not in ("", "identity"):
        raise Unreadable("encoded")
    body = _parsed(raw)
    namespace = origin.namespace or credential_digest(headers)
    if not namespace or not any(first(headers, name) for name in CREDENTIALS):
        raise Unreadable("credential")
    try:
        question = _question(body, headers, query, origin, namespace)
    except (RecursionError, ValueError):
        # Nested too deep, or a number that is too large for JSON
        raise Unreadable("unreadable") from None
    tokens = body.get("max_tokens")
    key = exact_key(partition_of(question.scope), question.exact)
    return Call(body, question, key, body.get("stream") is True, tokens if isinstance(tokens, int) else 0)


def credential_digest(headers: Headers) -> str:
    """A name for whoever asks, that the key cannot be told from; empty without a credential."""
    values = [f"{name.decode()}\0{first(headers, name)}" for name in CREDENTIALS if first(headers, name)]
    return "key:" + sha256("\0".join(values))[:32] if values else ""


def _parsed(raw: bytes) -> dict[str, Any]:
    body: Any
    try:
        body = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Unreadable("unreadable") from None
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not all(isinstance(turn, dict) for turn in messages):
        raise Unreadable("unreadable")
    if not isinstance(body.get("model"), str) or not isinstance(body.get("stream", False), bool):
        raise Unreadable("unreadable")
    checked: dict[str, Any] = body
    return checked


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object with every key once: of two, the upstream might take the other."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is there twice")
    return made


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _question(body: Mapping[str, Any], headers: Headers, query: str, origin: Origin, namespace: str) -> Question:
    text, shape, only_exact = _last_turn(body["messages"])
    rest = {name: value for name, value in body.items() if name not in _INTO_NO_SCOPE}
    named = [[name.decode("latin-1"), first(headers, name)] for name in _anthropic_names(headers)]
    scope = Scope(
        workspace="proxy",
        headline="",
        namespace=namespace,
        model=body["model"],
        pasted=pasted_digest(pasted_code(text)),
        system=_digest_of(body, "system"),
        parameters=_digest({"body": rest, "headers": named, "query": query, "upstream": origin.upstream}),
        tools=_digest_of(body, "tools"),
        turns=_digest(shape),
        versions=(("embedder", origin.embedder), ("proxy", VERSION)),
    )
    return Question(
        prompt=text,
        instruction=instruction_of(text),
        exact=exact_form(text),
        scope=scope,
        named=Evidence(),
        state=str,
        reselect=lambda _: "",
        only_exact=only_exact,
    )


def _last_turn(messages: list[dict[str, Any]]) -> tuple[str, list[Any], bool]:
    """The instruction, all turns without it, and whether it may be compared with other words.

    It may where the last turn is the user's and holds nothing but text.
    """
    at = max((number for number, turn in enumerate(messages) if turn.get("role") == "user"), default=None)
    if at is None:
        raise Unreadable("unreadable")
    turn = messages[at]
    text, content, plain = _without_instruction(turn.get("content"))
    shape = [*messages[:at], {**turn, "content": content}, *messages[at + 1 :]]
    return text, shape, not plain or at != len(messages) - 1


def _without_instruction(content: Any) -> tuple[str, Any, bool]:
    if isinstance(content, str):
        return (content, {"instruction": "string"}, True) if content.strip() else (NO_TEXT, content, False)
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise Unreadable("unreadable")
    texts = [number for number, block in enumerate(content) if _is_text(block)]
    if not texts:
        return NO_TEXT, content, False
    last = texts[-1]
    rest = [*content[:last], {**content[last], "text": {"instruction": "block"}}, *content[last + 1 :]]
    return content[last]["text"], rest, all(block.get("type") == "text" for block in content)


def _is_text(block: Mapping[str, Any]) -> bool:
    text = block.get("text")
    return block.get("type") == "text" and isinstance(text, str) and bool(text.strip())


def _anthropic_names(headers: Headers) -> list[bytes]:
    return sorted({name for name, _ in headers if name.startswith(b"anthropic-")})


def _digest_of(body: Mapping[str, Any], name: str) -> str:
    return _digest(body[name]) if name in body else ""


def _digest(value: object) -> str:
    """SHA-256 hex of JSON whose keys are sorted. 1 and 1.0 stay two: a tool's result may print either."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False))
