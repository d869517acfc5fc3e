"""What `optafly cache` says in words: the promise about semantic hits, and what a rejection did."""

from typing import TYPE_CHECKING

from optafly_cli.cache.promise.certificate import percent

if TYPE_CHECKING:
    from optafly_cli.cache.promise.certificate import Certificate
    from optafly_cli.cache.promise.reject import Rejected
    from optafly_cli.cache.shared import SharedStats
    from optafly_cli.cache.stats import SemanticStats


def shared_lines(shared: "SharedStats") -> list[str]:
    """The team's store and what waits for it; for `cache stats`."""
    there = f"{shared.entries:,} entries" if shared.entries is not None else f"cannot be reached: {shared.problem}"
    lines = [f"shared    {there} (namespace {shared.namespace!r})" if shared.reachable else f"shared    {there}"]
    return [*lines, f"outbox    {shared.waiting:,} entries wait to be sent"] if shared.waiting else lines


def promise_lines(semantic: "SemanticStats") -> list[str]:
    """Whether other words are answered, on what ground, and from how many labels; for `cache stats`."""
    if semantic.state == "no_verifier":
        return [f"semantic  on; {semantic.reason}"]
    if semantic.threshold is not None and semantic.certificate is not None:
        asked = percent(semantic.certificate.max_error_rate)
        lines = [
            f"semantic  on, from a probability of {percent(semantic.threshold)}",
            f"promise   at most {asked} of them wrong; {semantic.reason}",
        ]
    else:
        way_out = "; `optafly cache reject --forget` begins anew" if semantic.state == "drift" else ""
        lines = [f"semantic  off, only the very same words are answered: {semantic.reason}{way_out}"]
    return lines if semantic.certificate is None else [*lines, _labels(semantic, semantic.certificate)]


def _labels(semantic: "SemanticStats", certificate: "Certificate") -> str:
    sources = ", ".join(f"{count:,} {source}" for source, count in semantic.labels.items())
    own = f"{certificate.own:,}" if certificate.own else "none"
    return f"labels    {certificate.served:,} checked answers, {own} of them yours" + (
        f" ({sources})" if sources else ""
    )


def rejected_sentence(done: "Rejected") -> str:
    """What the rejection of a hit did."""
    answer = f"the answer of entry {done.entry}"
    if done.stored:
        answer = f"the answer to {_clip(done.stored)!r} (entry {done.entry})"
    if done.tier == "exact":
        return f"rejected: {answer} {'was deleted' if done.deleted else 'was gone already'}"
    return f"rejected: {answer} is not served for {_clip(done.asked)!r} any more"


def _clip(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
