"""What `optafly cache` says in words: the promise about semantic hits, and what a rejection did."""

from typing import TYPE_CHECKING

from optafly_cli.cache.promise.certificate import percent
from optafly_cli.cli.columns import clipped
from optafly_cli.cli.documents import size
from optafly_cli.wording import age, counted, entries
from optafly_cli.workspace.escape import one_line

if TYPE_CHECKING:
    from optafly_cli.cache.promise.certificate import Certificate
    from optafly_cli.cache.promise.reject import Rejected
    from optafly_cli.cache.pruning import Pruned
    from optafly_cli.cache.shared import SharedStats
    from optafly_cli.cache.stats import SemanticStats, StoreStats
    from optafly_cli.cache.transfer import Imported

_QUOTED = 60


def entries_line(found: "StoreStats", now: float) -> str:
    """How many entries there are, and how old."""
    line = f"entries   {found.entries:,}"
    if found.oldest is None or found.newest is None:
        return line
    oldest, newest = age(now - found.oldest), age(now - found.newest)
    return f"{line} ({newest} old)" if found.entries == 1 else f"{line} ({newest} to {oldest} old)"


def models_lines(found: "StoreStats") -> list[str]:
    """Which models answered, and how often; empty without entries."""
    models = ", ".join(f"{one_line(model)} ({number:,})" for model, number in found.models.items())
    return [f"models    {models}"] if models else []


def shared_lines(shared: "SharedStats") -> list[str]:
    """The team's store and what waits for it; for `cache stats`."""
    there = entries(shared.entries) if shared.entries is not None else f"cannot be reached: {shared.problem}"
    lines = [f"shared    {there} (namespace {shared.namespace!r})" if shared.reachable else f"shared    {there}"]
    return [*lines, f"outbox    {entries(shared.waiting)} to be sent"] if shared.waiting else lines


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
        lines = [f"semantic  off, only the very same words are answered: {semantic.reason}{_way_back(semantic)}"]
    return lines if semantic.certificate is None else [*lines, _labels(semantic, semantic.certificate)]


def _labels(semantic: "SemanticStats", certificate: "Certificate") -> str:
    sources = ", ".join(f"{count:,} {source}" for source, count in semantic.labels.items())
    own = f"{certificate.own:,}" if certificate.own else "none"
    return f"labels    {counted(certificate.served, 'checked answer')}, {own} of them yours" + (
        f" ({sources})" if sources else ""
    )


def ended_sentence(semantic: "SemanticStats") -> str:
    """That a rejection ended the promise about other words, what that means, and what brings it back."""
    return f"from now on only the very same words are answered: {semantic.reason}{_way_back(semantic)}"


def _way_back(semantic: "SemanticStats") -> str:
    if semantic.state == "drift":
        return "; `optafly cache reject --forget` begins anew"
    if semantic.certificate is not None and semantic.certificate.own:
        return "; right answers that `ask --refresh` finds add to it, and `optafly cache reject --forget` begins anew"
    return ""


def rejected_sentence(done: "Rejected") -> str:
    """What the rejection of a hit did."""
    answer = f"the answer of entry {done.entry}"
    if done.stored:
        answer = f"the answer to {clipped(done.stored, _QUOTED)!r} (entry {done.entry})"
    if done.tier == "exact":
        return f"rejected: {answer} {'was deleted' if done.deleted else 'was gone already'}"
    return f"rejected: {answer} is not served for {clipped(done.asked, _QUOTED)!r} any more"


def pruned_sentence(pruned: "Pruned", *, dry_run: bool) -> str:
    """What was deleted, or would be, why, and how much room that gives."""
    parts = [counted(pruned.expired, "expired entry", "expired entries")] if pruned.expired else []
    if pruned.evicted:
        parts.append(f"{pruned.evicted:,} more to make room" if parts else f"{entries(pruned.evicted)} to make room")
    return f"{'would delete' if dry_run else 'deleted'} {' and '.join(parts)}: {size(pruned.bytes)}"


def imported_sentence(total: "Imported") -> str:
    """How many lines came in, and what became of the others, where there are any."""
    known = [f"{total.known:,} {'was' if total.known == 1 else 'were'} there already"] if total.known else []
    refused = [f"{total.refused:,} {'was' if total.refused == 1 else 'were'} refused"] if total.refused else []
    return f"imported {entries(total.new)}" + ("; " if known or refused else "") + ", ".join((*known, *refused))
