"""A verifier by rule, small and real, labels for it, and a store that uses both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from optafly_cli.cache.promise.calibration import Calibration
from optafly_cli.cache.promise.certificate import Label
from optafly_cli.cache.store import Store
from optafly_cli.config.settings import CacheSettings
from tests.cache.support import OpenStore

GRID = (0.95, 0.8, 0.6)


@dataclass(frozen=True)
class WordVerifier:
    """The probability is the share of words that two instructions have in common, courtesy apart."""

    identity: str = "words@1"

    def probability(self, asked: str, stored: str, similarity: float) -> float:
        one, other = (set(text.lower().split()) - {"please", "kindly"} for text in (asked, stored))
        return len(one & other) / len(one | other)


def labels(count: int, *, wrong: int = 0, probability: float = 1.0) -> tuple[Label, ...]:
    """So many labels of one probability, the first of them wrong."""
    return tuple(Label(probability, at >= wrong) for at in range(count))


def calibration(*given: Sequence[Label], verifier: str = "words@1") -> Calibration:
    """Shipped labels over the thresholds of these tests."""
    return Calibration(verifier, GRID, tuple(label for some in given for label in some))


Verified = Callable[..., Store]


@pytest.fixture
def verified(open_store: OpenStore) -> Verified:
    """Opens the one store of the test with a verifier, certified for 1% at 0.8 unless other labels are given."""

    def open_it(shipped: Calibration | None = None, *, verifier: str = "words@1", **settings: float) -> Store:
        given = shipped or calibration(labels(400), labels(60, wrong=30, probability=0.7))
        cache = CacheSettings(similarity=0.5, **settings)  # type: ignore[arg-type]
        return open_store(cache, load_verifier=lambda: WordVerifier(verifier), calibration=given)

    return open_it
