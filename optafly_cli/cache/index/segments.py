"""One segment: building its files, and searching them.

It holds RaBitQ codes, one bit for each dimension (Gao and Long 2024, https://arxiv.org/abs/2405.12497): what they
propose is looked up in SQLite for the exact cosine. Why no other kind: docs/decisions/0012.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from optafly_cli.cache.index.manifest import DamagedIndexError, Segment, digest, sampled
from optafly_cli.durable import replace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optafly_cli.cache.vectors import Vector

    Ids = NDArray[np.int64]
    Vectors = NDArray[np.float32]

_TRAINING = 20_000


def build(folder: Path, generation: int, ids: Ids, dimension: int, batches: Iterable[Vectors]) -> Segment:
    """Write the two files of a segment. `ids` ascend; `batches` are their vectors in the same order, (n, dimension).

    Raises:
        OSError: they cannot be written.
        DamagedIndexError: faiss cannot be loaded.
    """
    import numpy as np

    faiss = loaded_faiss()
    index = faiss.IndexRaBitQFastScan(dimension, faiss.METRIC_INNER_PRODUCT)
    for batch in batches:
        if not index.is_trained:
            index.train(batch[:_TRAINING])
        index.add(batch)
    image = faiss.serialize_index(index).tobytes()
    numbers = np.ascontiguousarray(ids, dtype=np.int64).tobytes()
    replace(folder / f"{generation}.faiss", image)
    replace(folder / f"{generation}.ids", numbers)
    return Segment(
        generation=generation,
        first_id=int(ids[0]),
        last_id=int(ids[-1]),
        count=int(ids.size),
        bytes_index=len(image),
        digest_index=digest(image),
        digest_ids=digest(numbers),
        sample=sampled(folder / f"{generation}.faiss", len(image)),
    )


class OpenSegment:
    """A segment that is open for searching; its files may be removed meanwhile."""

    __slots__ = ("_ids", "_index", "segment")

    def __init__(self, folder: Path, segment: Segment, dimension: int) -> None:
        """Raises DamagedIndexError: a file is missing, short, or of another index; FileNotFoundError: it is gone."""
        import numpy as np

        self.segment = segment
        path = folder / f"{segment.generation}.faiss"
        try:
            self._ids: Ids = np.fromfile(folder / f"{segment.generation}.ids", dtype=np.int64)
            if path.stat().st_size != segment.bytes_index or self._ids.size != segment.count:
                raise DamagedIndexError("a file of it is short")
            if sampled(path, segment.bytes_index) != segment.sample:
                raise DamagedIndexError("a file of it was changed")
            self._index: Any = loaded_faiss().read_index(str(path))
        except FileNotFoundError:
            raise
        except (OSError, RuntimeError) as error:
            raise DamagedIndexError("a file of it cannot be read") from error
        if self._index.ntotal != segment.count or self._index.d != dimension:
            raise DamagedIndexError("its file is of another index")
        if self._ids[0] != segment.first_id or self._ids[-1] != segment.last_id:
            raise DamagedIndexError("its ids are not those of the entries")

    def nearest(self, vector: Vector, limit: int) -> list[tuple[int, float]]:
        """Ids of the `limit` nearest, with a rough similarity."""
        try:
            scores, places = self._index.search(vector.reshape(1, -1), min(self.segment.count, limit))
        except RuntimeError as error:
            raise DamagedIndexError("a file of it cannot be read") from error
        pairs = zip(places[0].tolist(), scores[0].tolist(), strict=True)
        return [(int(self._ids[at]), float(score)) for at, score in pairs if at >= 0]


def loaded_faiss() -> ModuleType:
    """The faiss module on one thread: two made a single query five times slower under load (facts, D.4).

    Raises:
        DamagedIndexError: it cannot be loaded.
    """
    try:
        module = import_module("faiss")
    except ImportError as error:
        raise DamagedIndexError("faiss cannot be loaded") from error
    module.omp_set_num_threads(1)
    return module
