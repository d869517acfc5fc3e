"""What the learned estimate looks at, for each prefix of a request. Pure, standard library only."""

from collections.abc import Sequence
from math import log1p

from optafly_cli.route.history import FIVE_MINUTES, Past, Turn, session
from optafly_cli.route.shape import Prefix, RequestShape

_UNIT = 512
"""Tokens and seconds are looked at on a logarithmic scale; below so many tokens it is nearly a linear one."""

_SIZES = ("", "tokens", "whole", "whole2", "rest")
_RECORD = ("uses", "gap", "age", "branching", "returned", "continued", "turn", "pause")
_SESSION = (
    "unseen",
    "continued",
    "turn",
    "appended",
    "pause",
    "answer",
    "shared",
    "uses",
    "branches",
    "live",
    "rhythm",
    "growth",
)
NAMES: tuple[str, ...] = (
    "last",
    *(f"live {name}".strip() for name in (*_SIZES, *_RECORD)),
    *(f"stale {name}".strip() for name in (*_SIZES, *_RECORD)),
    *(f"new {name}".strip() for name in (*_SIZES, *_SESSION)),
)
"""One per number in a row. `live`: sent within the last five minutes; `stale`: sent before; `new`: never sent."""

_AT = {name: at for at, name in enumerate(NAMES)}
_LIVE, _STALE, _NEW = _AT["live"], _AT["stale"], _AT["new"]


def rows(request: RequestShape, ends: Sequence[Prefix], past: Sequence[Past]) -> list[list[float]]:
    """For each prefix a number for each of `NAMES`."""
    if not ends:
        return []
    whole = ends[-1].tokens
    last = _last_kept(request)
    before = session(past, request)
    told = _of_session(request, ends, past, before)
    made: list[list[float]] = []
    for i, end in enumerate(ends):
        row = [0.0] * len(NAMES)
        row[0] = float(i == last)
        sizes = (1.0, _scaled(end.tokens), _scaled(whole), _scaled(whole) ** 2, _scaled(whole - end.tokens))
        if i < len(past):
            start = _LIVE if request.at - past[i].last <= FIVE_MINUTES else _STALE
            more: Sequence[float] = _of_record(past[i], request.at, before)
        else:
            start, more = _NEW, (_scaled(end.tokens - (ends[len(past) - 1].tokens if past else 0)), *told)
        row[start : start + len(sizes) + len(more)] = (*sizes, *more)
        made.append(row)
    return made


def _last_kept(request: RequestShape) -> int:
    """The last block that is not the instruction, which changes every time."""
    kept = (i for i in reversed(range(len(request.blocks))) if request.blocks[i].kind != "instruction")
    return next(kept, -1)


def _of_record(known: Past, now: float, before: Turn | None) -> tuple[float, ...]:
    return (
        log1p(known.uses),
        log1p(max(0.0, now - known.last)),
        log1p(max(0.0, now - known.first)),
        known.branches / known.uses,
        (known.returned + 0.6) / (known.uses + 1.0),
        float(before is not None),
        log1p(before.number) if before else 0.0,
        log1p(max(0.0, now - before.at)) if before else 0.0,
    )


def _of_session(
    request: RequestShape, ends: Sequence[Prefix], past: Sequence[Past], before: Turn | None
) -> tuple[float, ...]:
    """What the session says of the blocks that are new in it."""
    if before is None:
        return (0.0,) * (len(_SESSION) - 1)
    known = past[-1]
    # All that was sent the last time, or all but its last block, is in this request
    appended = float(before.blocks - len(past) <= 1)
    return (
        1.0,
        log1p(before.number),
        appended,
        log1p(max(0.0, request.at - before.at)),
        log1p(before.output),
        ends[len(past) - 1].tokens / max(1, ends[-1].tokens),
        log1p(known.uses),
        log1p(known.branches),
        float(request.at - known.last <= FIVE_MINUTES),
        appended * log1p(before.gap),
        appended * _scaled(max(0, ends[-1].tokens - before.tokens)),
    )


def _scaled(tokens: int) -> float:
    return log1p(tokens / _UNIT)
