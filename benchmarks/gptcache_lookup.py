"""Runs in GPTCache's own environment, started by peers.py: a cache on disk, and a look-up in it by other words.

    python -m benchmarks.gptcache_lookup FOLDER put ANSWER | get | time

FOLDER holds `vectors.npy`, two rows: of the stored text and of the one that is asked. `put` stores an answer, `get`
prints it, `time` prints the milliseconds of 100 look-ups in a process that has everything loaded.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from gptcache.adapter.api import get, put

from benchmarks.gptcache_driver import opened_cache

STORED, ASKED = "stored", "asked"
TIMES = 100


def main() -> None:
    """See above."""
    folder, what = Path(sys.argv[1]), sys.argv[2]
    rows = np.load(folder / "vectors.npy")
    cache = opened_cache(folder, lambda text, **_: rows[0 if text == STORED else 1], rows.shape[1])
    if what == "put":
        put(STORED, sys.argv[3], cache_obj=cache)
        cache.flush()
    elif what == "get":
        print(get(ASKED, cache_obj=cache))
    else:
        get(ASKED, cache_obj=cache)
        spent = []
        for _ in range(TIMES):
            begun = time.perf_counter()
            found = get(ASKED, cache_obj=cache)
            spent.append((time.perf_counter() - begun) * 1000)
            if found is None:
                raise SystemExit("no hit")
        print(json.dumps(spent))


if __name__ == "__main__":
    main()
