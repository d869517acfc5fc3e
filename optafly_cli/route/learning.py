"""Fitting the learned estimate to a trace of requests. Needs numpy; nothing here runs when a request is routed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optafly_cli.route import features
from optafly_cli.route.history import Account, Memory, Sent
from optafly_cli.route.learned import Weights, offset
from optafly_cli.route.reuse import Prior
from optafly_cli.route.shape import LIFETIME, Prefix, RequestShape

if TYPE_CHECKING:
    import numpy as np

RIDGE = 20.0
"""Requests that it takes to move a weight: it is held to where it starts from so much."""

_STEPS = 25
_SOON, _LATER = LIFETIME["5m"], LIFETIME["1h"]
_ENOUGH_HOURS = 200
"""Prefixes with a known hour, below which the hour's offset stays as it was."""

Trace = Sequence[tuple[RequestShape, int]]
"""Requests in the order of their times, each with the tokens of its answer."""


@dataclass(frozen=True, slots=True)
class Examples:
    """One row for each prefix that could have been written: features, seconds until it was sent again, tokens.

    `rows` is n by features, the others n. `again` is infinite where nothing came before the trace ended; `left` are
    the seconds from the request to that end, `offsets` what the prior adds.
    """

    rows: "np.ndarray"
    again: "np.ndarray"
    left: "np.ndarray"
    tokens: "np.ndarray"
    offsets: "np.ndarray"
    requests: int

    def known(self, seconds: float) -> "np.ndarray":
        """Which rows are decided for that span: enough time has passed since."""
        return self.left >= seconds


def examples(trace: Trace, ends: Sequence[Sequence[Prefix]], prior: Prior) -> Examples:
    """The rows of a trace, made as they would have been at the time. `ends` are the requests' prefixes."""
    import numpy as np

    history = Memory()
    rows: list[np.ndarray] = []
    offsets: list[float] = []
    for (request, output), those in zip(trace, ends, strict=True):
        past = history.past(those)
        made = features.rows(request, those, past)
        kept = [i for i, block in enumerate(request.blocks) if block.kind != "instruction"]
        rows.append(np.array([made[i] for i in kept], dtype=np.float32).reshape(-1, len(features.NAMES)))
        offsets += [0.0 if i < len(past) else offset(prior, request.blocks[i].kind) for i in kept]
        history.add(Sent(request, those, {}, output, Account()))
    again, tokens, left = _outcomes([request for request, _ in trace], ends)
    return Examples(
        np.concatenate(rows) if rows else np.zeros((0, len(features.NAMES)), dtype=np.float32),
        np.array(again),
        np.array(left),
        np.array(tokens, dtype=np.float64),
        np.array(offsets),
        len(trace),
    )


def fit(given: Examples, start: Weights | None, source: str) -> Weights:
    """Weights for the examples, held to `start` (to zero without one), the more so the fewer requests there are."""
    import numpy as np

    decided = given.known(_SOON)
    rows = given.rows[decided].astype(np.float64)
    if not len(rows):
        return start or Weights((0.0,) * len(features.NAMES), 0.0, 0, source)
    label = (given.again[decided] <= _SOON).astype(np.float64)
    weight = given.tokens[decided]
    weight = weight * (given.requests / weight.sum())
    scale = np.maximum(rows.std(axis=0), 1e-6)
    # A feature that these requests do not show stays where it was
    scale[rows.std(axis=0) < 1e-6] = 1.0
    held = np.array(start.weights if start else (0.0,) * rows.shape[1]) * scale
    scaled, beta = rows / scale, held.copy()
    for _ in range(_STEPS):
        chance = _chances(scaled @ beta + given.offsets[decided])
        slope = scaled.T @ (weight * (chance - label)) + RIDGE * (beta - held)
        bend = (scaled * (weight * chance * (1 - chance))[:, None]).T @ scaled + RIDGE * np.eye(len(beta))
        step = np.linalg.solve(bend, slope)
        beta -= step
        if np.abs(step).max() < 1e-6:
            break
    found = tuple(float(value) for value in beta / scale)
    return Weights(found, _hour(given, np.array(found), start), given.requests, source)


def _hour(given: Examples, weights: "np.ndarray", start: Weights | None) -> float:
    """What has to be added for the mean chance of an hour to be what came; found by halving."""
    decided = given.known(_LATER)
    if int(decided.sum()) < _ENOUGH_HOURS:
        return start.hour if start else 0.0
    tokens = given.tokens[decided]
    came = float((tokens * (given.again[decided] <= _LATER)).sum() / tokens.sum())
    logits = given.rows[decided] @ weights + given.offsets[decided]
    low, high = 0.0, 6.0
    for _ in range(40):
        middle = (low + high) / 2
        too_few = float((tokens * _chances(logits + middle)).sum() / tokens.sum()) < came
        low, high = (middle, high) if too_few else (low, middle)
    return (low + high) / 2


def _chances(logits: "np.ndarray") -> "np.ndarray":
    import numpy as np

    chances: np.ndarray = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return chances


def _outcomes(
    requests: Sequence[RequestShape], ends: Iterable[Sequence[Prefix]]
) -> tuple[list[float], list[int], list[float]]:
    """For each prefix but an instruction's: seconds until it was sent again, its block's tokens, seconds to the end."""
    coming: dict[str, float] = {}
    found: list[list[tuple[float, int, float]]] = []
    over = requests[-1].at if requests else 0.0
    for request, those in zip(reversed(requests), reversed([*ends]), strict=True):
        rows = []
        for block, end in zip(request.blocks, those, strict=True):
            if block.kind != "instruction":
                rows.append((coming.get(end.key, float("inf")) - request.at, block.tokens, over - request.at))
            coming[end.key] = request.at
        found.append(rows)
    flat = [row for rows in reversed(found) for row in rows]
    return [row[0] for row in flat], [row[1] for row in flat], [row[2] for row in flat]
