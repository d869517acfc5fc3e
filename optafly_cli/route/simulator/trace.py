"""A recorded trace of requests: JSON lines without any text, one request a line (docs/routing.md).

{"at": 1732900000.5, "model": "claude-sonnet-5-5", "blocks": [{"digest": "9f86d081", "tokens": 1200,
 "kind": "system"}, {"digest": "60303ae2", "tokens": 40, "kind": "instruction"}]}
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from optafly_cli.errors import UsageError
from optafly_cli.route.blocks import BlockKind
from optafly_cli.route.result import Ttl
from optafly_cli.route.shape import BlockShape, RequestShape

_KINDS = frozenset(get_args(BlockKind))
_TTLS = frozenset(get_args(Ttl))
_OPTIONAL: Mapping[str, Any] = {"begins_after": 0.0, "credential": "", "automatic": None}


def line_of(request: RequestShape) -> str:
    """The request as a line of a trace, without its end of line. What has its usual value is left out."""
    blocks = [
        {"digest": block.digest, "tokens": block.tokens, "kind": block.kind}
        | ({} if block.type == "text" else {"type": block.type})
        | ({} if block.mark is None else {"mark": block.mark})
        for block in request.blocks
    ]
    extra = {name: getattr(request, name) for name, usual in _OPTIONAL.items() if getattr(request, name) != usual}
    return json.dumps({"at": request.at, "model": request.model, **extra, "blocks": blocks}, separators=(",", ":"))


def read(lines: Iterable[str], name: str) -> list[RequestShape]:
    """The requests in the order of their times. `name` is the file's, for messages.

    Raises:
        UsageError: a line that is none, with its number and what is wrong.
    """
    requests: list[RequestShape] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            requests.append(_request(json.loads(line)))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
            if isinstance(error, json.JSONDecodeError):
                said = f"it is no JSON: {error.msg}"
            raise UsageError(
                f"{name}:{number} is no request of a trace: {said}",
                remedy="docs/routing.md says what a line has to hold",
            ) from error
    return sorted(requests, key=lambda request: request.at)


def _request(raw: Any) -> RequestShape:
    if not isinstance(raw, dict):
        raise TypeError("it is no JSON object")
    blocks = raw["blocks"]
    if not isinstance(blocks, list) or not blocks:
        raise TypeError("blocks has to be a list with at least one block")
    return RequestShape(
        model=_checked(raw, "model", str, bool),
        blocks=tuple(_block(block) for block in blocks),
        at=float(_checked(raw, "at", (int, float), lambda at: abs(at) < 1e12)),
        begins_after=float(_checked(raw, "begins_after", (int, float), lambda after: 0 <= after < 1e6, 0.0)),
        credential=_checked(raw, "credential", str, lambda _: True, ""),
        automatic=_ttl(raw.get("automatic"), "automatic"),
    )


def _block(raw: Any) -> BlockShape:
    if not isinstance(raw, dict):
        raise TypeError("a block is no JSON object")
    return BlockShape(
        digest=_checked(raw, "digest", str, bool),
        tokens=_checked(raw, "tokens", int, lambda tokens: 0 <= tokens < 1e9),
        kind=_checked(raw, "kind", str, lambda kind: kind in _KINDS),
        type=_checked(raw, "type", str, bool, "text"),
        mark=_ttl(raw.get("mark"), "mark"),
    )


def _checked(
    raw: Mapping[str, Any],
    name: str,
    kind: type | tuple[type, ...],
    good: Callable[[Any], bool],
    usual: Any = None,
) -> Any:
    value = raw[name] if usual is None else raw.get(name, usual)
    # True is an int to Python, and NaN is equal to nothing
    if not isinstance(value, kind) or isinstance(value, bool) or not good(value):
        raise ValueError(f"{name} cannot be {json.dumps(value)}")
    return value


def _ttl(value: Any, name: str) -> Ttl | None:
    if value is not None and value not in _TTLS:
        raise ValueError(f"{name} cannot be {json.dumps(value)}")
    return value  # type: ignore[no-any-return]
