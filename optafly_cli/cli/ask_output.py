"""What ask says about its outcome: the JSON document, and one line for people."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.types import Hit, Miss
from optafly_cli.cli.documents import score_document, score_value
from optafly_cli.cli.ui import Ui
from optafly_cli.wording import age

if TYPE_CHECKING:
    from optafly_cli.pipeline.ask import Outcome
    from optafly_cli.provider.result import Answer


def document(outcome: "Outcome") -> dict[str, Any]:
    """The outcome as `ask --json` prints it; a hit bills nothing, so its usage is all zeros."""
    answer, lookup = outcome.answer, outcome.lookup
    hit = lookup if isinstance(lookup, Hit) else None
    return {
        "answer": answer.text if answer else "",
        "cache": {
            "status": outcome.status,
            "tier": hit.tier if hit else None,
            "reason": _reason(outcome),
            "entry": outcome.entry,
            "similarity": _rounded(lookup.similarity) if lookup else None,
            "confidence": _rounded(hit.confidence) if hit else None,
            "age_s": round(hit.age_s, 1) if hit else None,
        },
        "score": score_document(outcome.refined) if outcome.refined else None,
        "model": answer.model if answer else None,
        "usage": _usage(answer, billed=hit is None) if answer else None,
        "prompt_cache": _prompt_cache(outcome) if answer and not hit else None,
        "cost": {"currency": "USD", "billed": outcome.cost, "saved": hit.entry.cost if hit else 0.0},
        "stop_reason": answer.stop_reason if answer else None,
        "request_id": answer.request_id if answer else None,
        "timing_ms": outcome.timing.document("refine", "route", "lookup", "provider", "store", "total"),
    }


def _usage(answer: "Answer", *, billed: bool) -> dict[str, int]:
    return {name: value if billed else 0 for name, value in asdict(answer.usage).items()}


def _prompt_cache(outcome: "Outcome") -> dict[str, Any] | None:
    from optafly_cli.cli.prompt_cache_output import prompt_cache

    return prompt_cache(outcome)


def _reason(outcome: "Outcome") -> str:
    if outcome.status == "bypass":
        return "the cache is off for this question"
    if isinstance(outcome.lookup, Hit):
        return outcome.lookup.reason
    if isinstance(outcome.lookup, Miss):
        return _miss_reason(outcome.lookup)
    if outcome.store_problem is not None:
        return f"store: {outcome.store_problem.message}"
    return "refresh"


def _miss_reason(miss: Miss) -> str:
    return f"{miss.reason}: {miss.detail}" if miss.detail else miss.reason


def _rounded(value: float | None) -> float | None:
    return None if value is None else score_value(value)


def summarise(ui: Ui, outcome: "Outcome") -> None:
    """One line on stderr: where the answer came from and what it cost."""
    if outcome.answer is None:
        why = _miss_reason(outcome.lookup) if isinstance(outcome.lookup, Miss) else "nothing is stored"
        ui.note(f"not in the store: {why}")
        return
    if not sys.stderr.isatty() and ui.verbosity < 1:
        return
    total = outcome.timing.ms["total"]
    if isinstance(outcome.lookup, Hit):
        parts = _hit_parts(outcome.lookup, total)
    else:
        if outcome.lookup is not None:
            ui.detail(f"miss: {_miss_reason(outcome.lookup)}")
        from optafly_cli.cli.prompt_cache_output import answer_parts, broken

        if cause := broken(outcome):
            ui.note(f"optafly: {cause}")
        parts = [outcome.status, *answer_parts(outcome), f"{total / 1000:.1f} s"]
    ui.note("optafly: " + " · ".join(parts))


def _hit_parts(hit: Hit, total_ms: float) -> list[str]:
    likeness = [f"similarity {hit.similarity:.2f}"] if hit.tier == "semantic" else []
    likeness += [f"probability {hit.confidence:.3f}"] if hit.verifier else []
    saved = [f"saved ${hit.entry.cost:.4f}"] if hit.entry.cost else []
    return [f"{hit.tier} hit", *likeness, f"{age(hit.age_s)} old", f"{total_ms:.0f} ms", *saved]
