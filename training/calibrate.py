"""Label the calibration pairs with the shipped verifier: what the shipped certificate is made from.

    python -m training.calibrate        # writes optafly_cli/cache/promise/calibration.json, prints the certificate

Nothing was trained or tuned on these pairs. Each label is a pair that would reach the verifier: cosine at or above the
gate, no veto. The grid of thresholds is fixed here, in the code, before any label is seen.
"""

import json

import numpy as np

from optafly_cli.cache.embedder import Embedder
from optafly_cli.cache.promise.calibration import FILE, shipped
from optafly_cli.cache.promise.certificate import certify, upper_bound
from optafly_cli.cache.verifier.load import load_verifier
from optafly_cli.config.settings import CacheSettings
from training.data import for_calibration
from training.stack import GATE, calibration_error, seen

GRID = tuple(
    round(1 - step / 1000, 4) for step in (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200)
)


def main() -> None:
    """Label, write, and say what the labels promise."""
    verifier, pairs = load_verifier(), for_calibration()
    found = seen(pairs, Embedder.load())
    labels = [
        [round(verifier.probability(pair.b, pair.a, float(found.cosines[at])), 6), int(pair.label)]
        for at, pair in enumerate(pairs)
        if found.reaches[at]
    ]
    FILE.write_text(
        json.dumps({"verifier": verifier.identity, "grid": GRID, "labels": labels}, separators=(",", ":")) + "\n",
        "utf-8",
    )
    right = np.array([pair.label > 0 for pair in pairs])
    above = found.cosines >= GATE
    shipped.cache_clear()
    rate = CacheSettings().max_error_rate
    granted = certify(shipped().labels, GRID, rate)
    print(f"pairs {len(pairs):,}; at or above the gate {above.sum():,}, of them traps {(above & ~right).sum():,}")
    print(f"reach the verifier: {(found.reaches & right).sum():,} same, {(found.reaches & ~right).sum():,} traps")
    given, truth = (np.array(column) for column in zip(*labels, strict=True))
    print(f"ECE {calibration_error(given, truth):.4f}")
    for threshold in GRID:
        served = given >= threshold
        if served.any():
            wrong = int((served & (truth == 0)).sum())
            bound = upper_bound(wrong, int(served.sum()))
            print(f"  {threshold:.3f}  served {served.sum():4}  wrong {wrong:3}  bound {bound:.4f}")
    print(f"certificate at {rate:g}: threshold {granted.threshold}, {granted.reason}")


if __name__ == "__main__":
    main()
