"""Runs in GPTCache's own environment, started by gptcache_peer.py: each pair is a cache of one prompt.

    python gptcache_driver.py JOB.json VECTORS.npy RESULT.json

The job has `texts` (row n of the vectors is text n's) and `pairs` of text numbers. GPTCache keeps its defaults: SQLite
and FAISS, SearchDistanceEvaluation, threshold 0.8 of its own scale. Only the token counter, which would download its
vocabulary, and usage reports are off. What is timed is `get` alone; the embedding is a look-up in the vectors.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from gptcache import Cache, Config
from gptcache.adapter.api import get, put
from gptcache.manager import CacheBase, VectorBase, get_data_manager
from gptcache.processor.pre import get_prompt
from gptcache.similarity_evaluation import SearchDistanceEvaluation


def main() -> None:
    """Answer every pair of the job with one cache, emptied in between."""
    job, vectors, result = (Path(argument) for argument in sys.argv[1:4])
    asked: dict[str, Any] = json.loads(job.read_text("utf-8"))
    rows = np.load(vectors)
    number = {text: at for at, text in enumerate(asked["texts"])}
    served, spent = [], []
    cache = opened_cache(result.parent, lambda text, **_: rows[number[text]], rows.shape[1])
    for one, other in asked["pairs"]:
        _empty(cache.data_manager)
        put(asked["texts"][one], "stored", cache_obj=cache)
        start = time.perf_counter()
        answer = get(asked["texts"][other], cache_obj=cache)
        spent.append((time.perf_counter() - start) * 1000)
        served.append(answer is not None)
    result.write_text(json.dumps({"served": served, "ms": spent}))


def _empty(manager: Any) -> None:
    """What GPTCache's own eviction does, for all that is stored."""
    stored = manager.s.get_ids(deleted=False)
    if stored:
        manager.eviction_manager.soft_evict(stored)
        manager.eviction_manager.delete()


def opened_cache(folder: Path, embed: Any, dimension: int) -> Any:
    """GPTCache over the files in that folder; `embed` gives a text's vector."""
    manager = get_data_manager(
        CacheBase("sqlite", sql_url=f"sqlite:///{folder}/cache.db"),
        VectorBase("faiss", dimension=dimension, index_path=str(folder / "faiss.index")),
    )
    cache = Cache()
    cache.init(
        pre_embedding_func=get_prompt,
        embedding_func=embed,
        data_manager=manager,
        similarity_evaluation=SearchDistanceEvaluation(),
        config=Config(enable_token_counter=False, disable_report=True),
    )
    return cache


if __name__ == "__main__":
    main()
