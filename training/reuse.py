"""The weights that ship for estimating reuse, fitted to public traces. Needs numpy and shared/data only.

python -m training.reuse [--trace FILE]     writes optafly_cli/route/data/reuse-weights-….json
"""

import argparse
import json
from hashlib import sha256
from pathlib import Path

from benchmarks.route_mooncake import TRACE, mooncake
from optafly_cli.route.learned import DATA
from optafly_cli.route.learning import RIDGE, examples, fit
from optafly_cli.route.reuse import shipped_prior
from optafly_cli.route.shape import prefixes

WRITTEN = Path(__file__).resolve().parent.parent / "optafly_cli" / "route" / "data" / DATA
HOUR = 0.37
"""In logits, what an hour has over five minutes: 29.3% and 37.4% of the whole trace's tokens could be read again within
them. The half that is used here is 31 minutes long and cannot say."""


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", type=Path, default=TRACE)
    given = parser.parse_args()
    trace = mooncake(given.trace)
    digest = sha256(given.trace.read_bytes()).hexdigest()
    source = f"kvcache-ai/Mooncake (Apache-2.0), {len(trace):,} requests, sha256 {digest}, ridge {RIDGE:g}"
    weights = fit(examples(trace, [prefixes(request) for request, _ in trace], shipped_prior()), None, source)
    raw = weights.as_json() | {"hour": HOUR}
    raw["weights"] = {name: round(value, 5) for name, value in raw["weights"].items()}
    WRITTEN.write_text(json.dumps(raw, indent=1) + "\n")
    print(f"{WRITTEN.name}: {len(raw['weights'])} weights of {source}")


if __name__ == "__main__":
    main()
