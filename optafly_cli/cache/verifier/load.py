"""The shipped verifier, ready to use: its weights load at the first question."""

from collections.abc import Callable
from functools import cached_property
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.embedder import BUNDLED
from optafly_cli.cache.onnx_model import ModelUnusableError, facts
from optafly_cli.cache.types import VerifierUnavailable

if TYPE_CHECKING:
    from optafly_cli.cache.verifier.cross_encoder import CrossEncoder

Elsewhere = Callable[[str, str], float | None]
"""The logit of a `cross_encoder.pair`, from another process; None where there is none."""
RECORD = Path(__file__).parent / "verifier.json"


class StackedVerifier:
    """The cross-encoder's logit and what the guard counts, in one logistic unit (docs/verifier.md)."""

    def __init__(
        self, record: Path = RECORD, embedding_model: str = BUNDLED, elsewhere: Elsewhere | None = None
    ) -> None:
        """`elsewhere` is asked for the logit first; the cross-encoder is loaded when it has none."""
        self._record = record
        self._embedding_model = embedding_model
        self._elsewhere = elsewhere

    @cached_property
    def identity(self) -> str:
        """What labels are kept under: the digest of the weights, and an embedding model that they were not made with.

        Raises:
            VerifierUnavailable: verifier.json is missing or damaged.
        """
        name = str(self._facts["identity"])
        return name if self._embedding_model == BUNDLED else f"{name}+{self._embedding_model}"

    def probability(self, asked: str, stored: str, similarity: float) -> float:
        """From 0 to 1, for two instructions and the cosine between them.

        Two that the guard reads as the same, item for item, have the share of such pairs that were right, and the
        cross-encoder is not asked: that is above every threshold that a certificate can have.

        Raises:
            VerifierUnavailable: a file of the verifier is missing or damaged.
        """
        from optafly_cli.cache.guard.vetoes import compare
        from optafly_cli.cache.verifier.features import features

        compared = compare(asked, stored)
        if compared.same:
            return float(self._facts["same"])
        return self._unit(features(self._logit(asked, stored), similarity, compared))

    def _logit(self, asked: str, stored: str) -> float:
        from optafly_cli.cache.verifier.cross_encoder import pair

        first, second = pair(asked, stored)
        found = self._elsewhere(first, second) if self._elsewhere else None
        return self._cross_encoder.logit(first, second) if found is None else found

    def _unit(self, values: tuple[float, ...]) -> float:
        weights: list[float] = self._facts["weights"]
        score = sum(weight * value for weight, value in zip(weights, values, strict=True)) + self._facts["intercept"]
        return 1 / (1 + exp(-max(-60.0, min(60.0, score))))

    @cached_property
    def _facts(self) -> dict[str, Any]:
        from optafly_cli.cache.verifier.features import NAMES

        try:
            found = facts(self._record)
            whole = {"same", "intercept", "identity"} <= found.keys() and len(found["weights"]) == len(NAMES)
            fits = whole and list(found["features"]) == list(NAMES)
        except KeyError as error:
            raise VerifierUnavailable(f"the verifier cannot be used: {self._record} is damaged ({error!r})") from error
        except ModelUnusableError as error:
            raise VerifierUnavailable(f"the verifier cannot be used: {error}") from error
        if not fits:
            raise VerifierUnavailable(f"the verifier cannot be used: {self._record} is for other features")
        return found

    @cached_property
    def _cross_encoder(self) -> "CrossEncoder":
        from optafly_cli.cache.verifier.cross_encoder import CrossEncoder

        try:
            return CrossEncoder.load(self._record)
        except (ModelUnusableError, ImportError) as error:
            raise VerifierUnavailable(f"the verifier cannot be used: {error}") from error


def load_verifier(embedding_model: str = BUNDLED, elsewhere: Elsewhere | None = None) -> StackedVerifier:
    """The verifier that ships with optafly. With another embedding model the shipped labels say nothing of it."""
    return StackedVerifier(embedding_model=embedding_model, elsewhere=elsewhere)
