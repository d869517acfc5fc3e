"""What is in force now: the verifier, the certificate that its labels allow, and whether hits contradict it."""

import sqlite3
from dataclasses import dataclass
from functools import lru_cache

from optafly_cli.cache.promise.calibration import Calibration, CalibrationUnreadableError, shipped
from optafly_cli.cache.promise.certificate import Certificate, Label, certify, percent
from optafly_cli.cache.promise.drift import is_drift
from optafly_cli.cache.promise.labels import in_force, outcomes, own_labels
from optafly_cli.cache.types import Verifier


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether semantic hits are served now, and why.

    `threshold` is the probability from which they are, None while they are not. `state` is one stable word:
    `certified`, `no_certificate` or `drift`; `reason` says it in a sentence.
    """

    verifier: str
    certificate: Certificate
    state: str
    threshold: float | None
    reason: str


class Promise:
    """The verifier with what may be promised of it. Computed from labels on disk whenever they changed."""

    def __init__(self, verifier: Verifier, max_error_rate: float, calibration: Calibration | None = None) -> None:
        self.verifier = verifier
        self._rate = max_error_rate
        self._calibration = calibration
        self._made: tuple[tuple[int, int], Certificate] | None = None

    def standing(self, connection: sqlite3.Connection | None) -> Standing:
        """What is in force, from the labels and hits that the store has now; None: there is no store yet."""
        name = self.verifier.identity
        certificate = self._certificate(connection)
        threshold = certificate.threshold
        if threshold is None:
            return Standing(name, certificate, "no_certificate", None, certificate.reason)
        known = outcomes(connection, name, threshold) if connection else []
        if is_drift(known, self._rate):
            reason = (
                f"{sum(known):,} of {len(known):,} answers to other words were wrong here: "
                f"that is more than the promised {percent(self._rate)}"
            )
            return Standing(name, certificate, "drift", None, reason)
        return Standing(name, certificate, "certified", threshold, certificate.reason)

    def _certificate(self, connection: sqlite3.Connection | None) -> Certificate:
        if connection is None:
            return self._new_certificate([])
        name = self.verifier.identity
        row = connection.execute("SELECT count(*), total(id) FROM label WHERE verifier = ?", (name,)).fetchone()
        state = (int(row[0]), int(row[1]))
        if self._made is None or self._made[0] != state:
            self._made = (state, self._new_certificate(own_labels(connection, name)))
        return self._made[1]

    def _new_certificate(self, own: list[Label]) -> Certificate:
        try:
            calibration = self._calibration or shipped()
            if not own and self._calibration is None:
                return _shipped_certificate(self.verifier.identity, self._rate)
            return _certificate(own, calibration, self.verifier.identity, self._rate)
        except CalibrationUnreadableError as error:
            return Certificate(self._rate, None, 0, 0, None, len(own), str(error))


@lru_cache(maxsize=4)
def _shipped_certificate(verifier: str, rate: float) -> Certificate:
    """Of the shipped labels alone, as most have it: it takes a millisecond, and a service makes it once for all."""
    return _certificate([], shipped(), verifier, rate)


def _certificate(own: list[Label], calibration: Calibration, verifier: str, rate: float) -> Certificate:
    labels, count = in_force(own, calibration, verifier, rate)
    return certify(labels, calibration.grid, rate, own=count)
