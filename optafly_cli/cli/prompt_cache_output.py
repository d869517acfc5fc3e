"""What ask says of Anthropic's prompt cache: what it did for the request, beside what was expected of it."""

from typing import TYPE_CHECKING, Any

from optafly_cli.models import catalogue
from optafly_cli.provider.diagnostics import WHAT_CHANGED, miss_reason
from optafly_cli.route.billing import Billed, billed_of, prompt_cache_saving

if TYPE_CHECKING:
    from optafly_cli.pipeline.ask import Outcome


def prompt_cache(outcome: "Outcome") -> dict[str, Any] | None:
    """The fields of `ask --json`; None where nothing was sent. `saved` is negative where writing cost more."""
    if outcome.answer is None or outcome.routed is None:
        return None
    billed, expected = _billed(outcome), outcome.routed.tokens
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
    expected = f" ({outcome.routed.tokens.input:,} expected)" if outcome.routed else ""
    parts = [outcome.answer.model, f"{billed.input:,} tokens in{expected}", f"{billed.output:,} out"]
    if billed.read:
        parts.append(f"{billed.read:,} from the prompt cache" + (f" (saved ${saved:.4f})" if saved > 0 else ""))
    elif billed.written:
        parts.append(f"{billed.written:,} into the prompt cache" + (f" (${-saved:.4f} more now)" if saved < 0 else ""))
    return parts if outcome.cost is None else [*parts, f"${outcome.cost:.4f}"]


def broken(outcome: "Outcome") -> str | None:
    """A line on why a prefix that was to be read was not, in the endpoint's own words; None where none was missed."""
    reason = miss_reason(outcome.answer.message) if outcome.answer else None
    if reason is None or reason.kind not in WHAT_CHANGED or outcome.routed is None or not outcome.routed.use_cache:
        return None
    if _billed(outcome).read:
        return None
    return f"prompt cache: nothing was read, because {WHAT_CHANGED[reason.kind]} as in the last request"


def _billed(outcome: "Outcome") -> Billed:
    return billed_of(outcome.answer.message.get("usage") if outcome.answer else None)


def _saved(outcome: "Outcome") -> float | None:
    """US dollars that anchors saved."""
    if outcome.routed is None:
        return None
    return prompt_cache_saving(catalogue().get(outcome.routed.model), _billed(outcome))
