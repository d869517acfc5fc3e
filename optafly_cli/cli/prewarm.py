"""ask --prewarm: what is in the prompt cache now, for people and for programs."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from optafly_cli.cli.ui import Ui

if TYPE_CHECKING:
    from pathlib import Path

    from optafly_cli.pipeline.job import Voice
    from optafly_cli.pipeline.prewarm import Warmed
    from optafly_cli.pipeline.session import Session

_SPAN = {"5m": "5 minutes", "1h": "1 hour"}


def run(ui: Ui, session: "Session", voice: "Voice", folder: "Path") -> int:
    """Pre-warm, and say on stdout what it did."""
    from optafly_cli.pipeline.prewarm import prewarm

    warmed = prewarm(session, voice, folder)
    if ui.json:
        ui.document("ask", _document(warmed))
    else:
        for line in _lines(warmed):
            ui.line(line)
    return 0


def _document(warmed: "Warmed") -> dict[str, Any]:
    billed = asdict(warmed.billed)
    return {
        "answer": "",
        "cache": {"status": "bypass", "reason": "--prewarm asks nothing"},
        "model": warmed.routed.model,
        "prewarm": {"ttl": warmed.ttl, **billed, "again": warmed.again, "most_times": warmed.most_times},
        "cost": {"currency": warmed.routed.cost.currency, "billed": warmed.cost},
    }


def _lines(warmed: "Warmed") -> list[str]:
    """Two lines: what was written or found, and whether keeping it warm pays."""
    billed, span = warmed.billed, _SPAN[warmed.ttl]
    kept = billed.written + billed.read
    if not kept:
        return [f"the endpoint wrote nothing into a prompt cache, of {billed.input:,} tokens: {warmed.routed.reason}"]
    said = f"written into the prompt cache for {span}"
    if not billed.written:
        said = f"in the prompt cache already, and kept for {span}"
    elif billed.read:
        said = f"in the prompt cache for {span}, {billed.written:,} of them new"
    price = "" if warmed.cost is None else f" (${warmed.cost:.4f})"
    lines = [f"{kept:,} tokens are {said}{price}"]
    if warmed.again is not None and warmed.most_times is not None:
        lines.append(
            f"warming again within {span} costs ${warmed.again:.4f}: cheaper than writing anew up to"
            f" {warmed.most_times} times in a row"
        )
    return lines
