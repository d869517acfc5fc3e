"""What ask says of Anthropic's prompt cache: what it did for the request, beside what was expected of it."""

from typing import TYPE_CHECKING, Any

from optafly_cli.models import SAFE_MINIMUM, catalogue
from optafly_cli.provider.diagnostics import WHAT_CHANGED, miss_reason
from optafly_cli.route.billing import Billed, billed_of, prompt_cache_saving

if TYPE_CHECKING:
    from optafly_cli.pipeline.ask import Outcome


def prompt_cache(outcome: "Outcome") -> dict[str, Any] | None:
    """The fields of `ask --json`; None where nothing was sent. `saved` is negative where writing cost more."""
    if outcome.answer is None or outcome.routed is None:
        return None
    billed, expected = _billed(outcome), outcome.routed.all_tokens
    return {
        "read_tokens": billed.read,
        "written_tokens": billed.written,
        "saved": _saved(outcome),
        "expected_input_tokens": expected.input,
        "expected_cacheable_tokens": expected.cacheable,
        "miss_reason": reason.kind if (reason := miss_reason(outcome.answer.message)) else None,
    }


def answer_parts(outcome: "Outcome") -> list[str]:
    """Model, tokens, what the prompt cache did, and the price: parts of the line after a fresh answer."""
    if outcome.answer is None:
        return []
    billed, saved = _billed(outcome), _saved(outcome) or 0.0
    expected = f" ({outcome.routed.all_tokens.input:,} expected)" if outcome.routed else ""
    parts = [outcome.answer.model, f"{billed.input:,} tokens in{expected}", f"{billed.output:,} out"]
    if billed.read:
        parts.append(f"{billed.read:,} from the prompt cache" + (f" (saved ${saved:.4f})" if saved > 0 else ""))
    elif billed.written:
        parts.append(f"{billed.written:,} into the prompt cache" + (f" (${-saved:.4f} more now)" if saved < 0 else ""))
    return parts if outcome.cost is None else [*parts, f"${outcome.cost:.4f}"]


def broken(outcome: "Outcome") -> str | None:
    """A line on why nothing was read that could have been, in the endpoint's own words; None where that is not so."""
    reason = miss_reason(outcome.answer.message) if outcome.answer else None
    if reason is None or outcome.routed is None or _billed(outcome).read:
        return None
    least = catalogue().get(outcome.routed.model).min_cacheable
    if reason.kind not in WHAT_CHANGED or reason.tokens < (SAFE_MINIMUM if least is None else least):
        return None
    return f"prompt cache: nothing was read, because {WHAT_CHANGED[reason.kind]} as in the last request"


def _billed(outcome: "Outcome") -> Billed:
    return billed_of(outcome.answer.message.get("usage") if outcome.answer else None)


def _saved(outcome: "Outcome") -> float | None:
    """US dollars that anchors saved; None of several requests, whose lengths had each its price."""
    if outcome.routed is None or outcome.routed.rest:
        return None
    return prompt_cache_saving(catalogue().get(outcome.routed.model), _billed(outcome))
