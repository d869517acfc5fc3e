"""Vectors of many texts with the bundled embedder, kept between runs in a cache folder outside of the repository."""

import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path

from optafly_cli.cache.embedder import Embedder

Vectors = npt.NDArray[np.float32]
CHUNK = 4_096


def cache_folder() -> Path:
    """Where benchmarks keep what is costly to make again."""
    return user_cache_path("optafly-benchmarks")


class Embedded:
    """The vector of each text, embedded once however often it occurs."""

    def __init__(self, texts: Iterable[str], embedder: Embedder, folder: Path) -> None:
        self.texts = sorted(set(texts))
        self.number = {text: at for at, text in enumerate(self.texts)}
        self.identity = embedder.identity
        self.matrix = _kept(self.texts, embedder, folder)

    def __getitem__(self, text: str) -> Vectors:
        vector: Vectors = self.matrix[self.number[text]]
        return vector

    def cosine(self, one: str, other: str) -> float:
        """The cosine of two texts, of unit vectors as the store keeps them."""
        return float(np.clip(self[one] @ self[other], -1.0, 1.0))

    def as_embedder(self) -> Embedder:
        """An embedder that only looks up: what a look-up in the store costs without the model."""
        return Embedder(self.identity, self.matrix.shape[1], lambda texts: np.stack([self[text] for text in texts]))


def _kept(texts: list[str], embedder: Embedder, folder: Path) -> Vectors:
    hashed = sha256("\0".join([embedder.identity, *texts]).encode("utf-8", "surrogatepass"))
    path = folder / "vectors" / f"{hashed.hexdigest()[:24]}.npy"
    if path.exists():
        kept: Vectors = np.load(path)
        return kept
    parts = []
    for start in range(0, len(texts), CHUNK):
        parts.append(embedder.embed(texts[start : start + CHUNK]))
        if len(texts) > CHUNK:
            print(f"embedded {min(start + CHUNK, len(texts)):,} of {len(texts):,} texts", file=sys.stderr)
    made: Vectors = np.concatenate(parts) if parts else np.empty((0, embedder.dim), dtype=np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part.npy")
    np.save(aside, made)
    aside.replace(path)
    return made
