"""Labels from answers that were paid for anyway: what the store would have served, compared with what came.

With `--refresh` a semantic hit that would have been served is compared. On a miss, a share of the near misses is: those
where only the promise stood in the way. Which ones depends on a digest of the question's key and nothing else.
"""

from dataclasses import dataclass

from optafly_cli.cache.digest import digest_of
from optafly_cli.cache.promise.agreement import Agreement
from optafly_cli.cache.promise.labels import OwnLabel, Source
from optafly_cli.cache.types import Hit, Lookup


@dataclass(frozen=True, slots=True)
class Pending:
    """A stored answer that a fresh one is to be compared with, and what the verifier had said of it."""

    source: Source
    entry: int
    probability: float
    verifier: str

    def label(self, agreement: Agreement, instruction: str, now: float) -> OwnLabel | None:
        """The label that the comparison gives; None when it is unsure."""
        if agreement == "unsure":
            return None
        right = agreement == "same"
        return OwnLabel(now, self.source, self.verifier, self.probability, False, right, self.entry, instruction)


def pending(lookup: Lookup, key: bytes, shadow_rate: float) -> Pending | None:
    """What to compare the fresh answer with, given what the look-up said; None for nothing."""
    if isinstance(lookup, Hit):
        if lookup.verifier is None:
            return None
        return Pending("refresh", lookup.entry.id, lookup.confidence, lookup.verifier)
    near = lookup.near
    if near is None or not is_sampled(key, shadow_rate):
        return None
    return Pending("shadow", near.entry, near.probability, near.verifier)


def is_sampled(key: bytes, shadow_rate: float) -> bool:
    """Whether the question with that key is among the share that is checked: always the same answer for a key."""
    place = int.from_bytes(digest_of("optafly.shadow/1", key.hex())[:8], "big")
    return place < shadow_rate * 2.0**64
