"""An explanation as JSON: the key `explain` of `ask --json`, and the document of `cache search --json`. Pure."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.guard.vetoes import every_veto
from optafly_cli.cache.types import Hit
from optafly_cli.cache.walk import Considered
from optafly_cli.cli.documents import score_value

if TYPE_CHECKING:
    from optafly_cli.cache.explain import Explanation
    from optafly_cli.cache.promise.force import Standing


def document(explanation: "Explanation") -> dict[str, Any]:
    """The whole of it for programs; `entries` are nearest first, the very same prompt before all."""
    lookup, standing = explanation.lookup, explanation.standing
    hit = lookup if isinstance(lookup, Hit) else None
    first = [explanation.same_prompt] if explanation.same_prompt else []
    near = sorted((*explanation.considered, *explanation.elsewhere), key=lambda one: -one.similarity)
    return {
        "fits": hit is not None,
        "tier": hit.tier if hit else None,
        "entry": hit.entry.id if hit else None,
        "reason": lookup.reason,
        "detail": "" if isinstance(lookup, Hit) else lookup.detail,
        "needed": {"similarity": explanation.gate, "probability": standing.threshold if standing else None},
        "promise": _promise_document(standing) if standing else None,
        "entries": [_entry_document(explanation, one) for one in (*first, *near)],
    }


def _promise_document(standing: "Standing") -> dict[str, Any]:
    certificate = standing.certificate
    return {
        "state": standing.state,
        "reason": standing.reason,
        "verifier": standing.verifier,
        "max_error_rate": certificate.max_error_rate,
        "bound": certificate.bound,
        "checked": certificate.served,
        "wrong": certificate.wrong,
    }


def _entry_document(explanation: "Explanation", one: Considered) -> dict[str, Any]:
    compared, against, verdict = one.comparison, one.against, one.verdict
    return {
        "id": one.id,
        "instruction": one.instruction,
        "age_s": round(max(0.0, explanation.now - one.created), 1),
        "same_prompt": one is explanation.same_prompt,
        "similarity": score_value(one.similarity),
        "vetoes": [asdict(veto) for veto in every_veto(compared)] if compared else [],
        "difference": asdict(compared.difference) if compared and compared.difference else None,
        "read_as_same": compared.same if compared else None,
        "rejected": one.rejected,
        "evidence": {"holds": verdict.holds, "detail": verdict.detail} if verdict else None,
        "probability": None if one.probability is None else score_value(one.probability),
        "elsewhere": list(one.elsewhere),
        "fits": against is None,
        "against": {"reason": against.reason, "detail": against.detail} if against else None,
    }
