"""FAISS as a derived index: finds the nearest entries inside one partition. The truth stays in SQLite.

    index/<embedder>/current.json     which files are valid, up to which entry id, with sizes and digests
    index/<embedder>/<n>.faiss        a flat inner-product index over the vectors, in the order of the ids
    index/<embedder>/<n>.ids          the entry ids, ascending, int64

Files are written aside, fsynced and renamed, the manifest last; they are never changed afterwards. Entries after the
last indexed id are read from SQLite. A partition of up to `SCAN_LIMIT` entries is scanned exactly and needs no index.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b, sha256
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from optafly_cli.cache import schema
from optafly_cli.cache.database import fsync_folder, make_private_folder, try_lock
from optafly_cli.cache.vectors import Candidate, Wanted, ranked, rows_after, rows_inside, rows_of, scan, scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optafly_cli.cache.vectors import Vector

    Ids = NDArray[np.int64]

SCAN_LIMIT = 2_000
"""Entries of a partition that are scanned straight from SQLite: 3 MB, about as long as opening an index takes."""
_MIN_TAIL = 1_000
_TAIL_SHARE = 0.25
_TOLERANCE = 1e-3
"""An indexed similarity further than this from the stored vector's own means that the file is damaged."""
_MANIFEST = "current.json"


_IDS = "SELECT id FROM entry WHERE partition = ? AND embedder = ? AND created > ?"
_OF_KEY = "SELECT id FROM entry WHERE key = ?"
_SIZE = "SELECT count(*) FROM (SELECT 1 FROM entry WHERE partition = ? AND embedder = ? LIMIT ?)"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `current.json` says: the index of which store, up to which id, how many, and its two files."""

    store: str
    dimension: int
    last_id: int
    count: int
    generation: int
    bytes_index: int
    digest_index: str
    digest_ids: str


class DamagedIndexError(Exception):
    """A file of the index is missing, short, or not what the manifest says. Never leaves this room."""


class Index:
    """The index of one embedder in one store's folder.

    Methods read the connection that they are given; `notices` collects sentences for the user.
    """

    def __init__(self, folder: Path, embedder: str) -> None:
        self.folder = folder / "index" / _folder_name(embedder)
        self.embedder = embedder
        self.notices: list[str] = []

    def nearest(self, connection: sqlite3.Connection, wanted: Wanted, vector: Vector, limit: int) -> list[Candidate]:
        """The `limit` entries nearest to `vector` inside the partition, nearest first, then newest first."""
        rows = rows_inside(connection, wanted, SCAN_LIMIT + 1)
        if len(rows) <= SCAN_LIMIT:
            return ranked(scores(rows, vector), limit)
        try:
            return self._through_files(connection, wanted, vector, limit)
        except DamagedIndexError as damage:
            if self.rebuild(connection):
                self.notices.append(f"the cache's search index was rebuilt ({damage})")
                with suppress(DamagedIndexError):
                    return self._through_files(connection, wanted, vector, limit)
        return scan(connection, wanted, vector, limit)

    def is_behind(self, connection: sqlite3.Connection, partition: bytes) -> bool:
        """Whether a rebuild pays: the partition is past scanning, and the tail is long."""
        size = connection.execute(_SIZE, (partition, self.embedder, SCAN_LIMIT + 1)).fetchone()[0]
        if size <= SCAN_LIMIT:
            return False
        try:
            manifest = self._manifest(connection)
        except DamagedIndexError:
            return True
        tail = connection.execute(
            "SELECT count(*) FROM entry WHERE id > ? AND embedder = ?", (manifest.last_id, self.embedder)
        ).fetchone()[0]
        return bool(tail > max(_MIN_TAIL, _TAIL_SHARE * manifest.count))

    def rebuild(self, connection: sqlite3.Connection) -> bool:
        """Write the index anew from SQLite. False when another process is at it or the folder cannot be written."""
        try:
            make_private_folder(self.folder.parent)
            make_private_folder(self.folder)
            handle = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError:
            return False
        try:
            if not try_lock(handle):
                return False
            return self._write(connection)
        except (OSError, DamagedIndexError):
            return False
        finally:
            os.close(handle)

    def problems(self, connection: sqlite3.Connection) -> list[str]:
        """What is wrong with the files, digests included; empty when there is nothing or no index."""
        if not self.folder.exists():
            return []
        try:
            manifest = self._manifest(connection)
            digests = (_file_digest(self._file(manifest, "faiss")), _file_digest(self._file(manifest, "ids")))
        except (DamagedIndexError, OSError) as damage:
            return [f"the search index of {self.embedder} is damaged ({damage}); the next search rebuilds it"]
        if digests != (manifest.digest_index, manifest.digest_ids):
            return [f"the search index of {self.embedder} was changed from outside; delete {self.folder} to renew it"]
        return []

    def _through_files(
        self, connection: sqlite3.Connection, wanted: Wanted, vector: Vector, limit: int
    ) -> list[Candidate]:
        import numpy as np

        manifest = self._manifest(connection)
        if manifest.dimension != vector.shape[0]:
            raise DamagedIndexError("it was made for vectors of another length")
        # The key is left out of the first query so that its index alone answers it
        members = np.fromiter((row[0] for row in connection.execute(_IDS, wanted.values[:3])), dtype=np.int64)
        same_key = np.fromiter((row[0] for row in connection.execute(_OF_KEY, (wanted.but,))), dtype=np.int64)
        inside = np.setdiff1d(members, same_key)
        found = self._search(manifest, inside[inside <= manifest.last_id], vector, limit)
        exact = scores(rows_of(connection, [candidate.id for candidate in found]), vector)
        true = {candidate.id: candidate.similarity for candidate in exact}
        if any(abs(true.get(item.id, item.similarity) - item.similarity) > _TOLERANCE for item in found):
            raise DamagedIndexError("its vectors are not those of the entries")
        tail = scores(rows_after(connection, wanted, manifest.last_id), vector)
        return ranked([*exact, *tail], limit)

    def _search(self, manifest: Manifest, inside: Ids, vector: Vector, limit: int) -> list[Candidate]:
        """The nearest of the ids `inside`, by the index file."""
        import numpy as np

        faiss = _faiss()
        path = self._file(manifest, "faiss")
        try:
            ids = np.fromfile(self._file(manifest, "ids"), dtype=np.int64)
            if path.stat().st_size != manifest.bytes_index or ids.size != manifest.count:
                raise DamagedIndexError("a file of it is short")
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
            if index.ntotal != manifest.count or index.d != manifest.dimension:
                raise DamagedIndexError("its file is of another index")
            places = np.searchsorted(ids, inside)
            places = places[places < ids.size]
            if places.size != inside.size or not np.array_equal(ids[places], inside):
                raise DamagedIndexError("it lacks entries")
            mask = np.zeros(ids.size, dtype=np.bool_)
            mask[places] = True
            chosen = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little")))
            scores, hits = index.search(vector.reshape(1, -1), limit, params=chosen)
        except (OSError, RuntimeError) as error:
            raise DamagedIndexError("a file of it cannot be read") from error
        pairs = zip(hits[0].tolist(), scores[0].tolist(), strict=True)
        return [Candidate(int(ids[at]), float(score)) for at, score in pairs if at >= 0]

    def _write(self, connection: sqlite3.Connection) -> bool:
        import numpy as np

        faiss = _faiss()
        rows = connection.execute(
            "SELECT id, vector FROM entry WHERE embedder = ? ORDER BY id", (self.embedder,)
        ).fetchall()
        if not rows:
            return False
        size = len(rows[-1][1])
        ids = [number for number, _ in rows]
        # A vector of another length can never answer; zeros keep its place
        blobs = [blob if len(blob) == size else bytes(size) for _, blob in rows]
        vectors = np.frombuffer(b"".join(blobs), dtype=np.float32).reshape(len(blobs), -1)
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        generation = self._last_generation() + 1
        image = faiss.serialize_index(index).tobytes()
        numbers = np.asarray(ids, dtype=np.int64).tobytes()
        manifest = Manifest(
            store=schema.store_id(connection),
            dimension=int(vectors.shape[1]),
            last_id=ids[-1],
            count=len(ids),
            generation=generation,
            bytes_index=len(image),
            digest_index=blake2b(image).hexdigest(),
            digest_ids=blake2b(numbers).hexdigest(),
        )
        _write_file(self._file(manifest, "faiss"), image)
        _write_file(self._file(manifest, "ids"), numbers)
        fsync_folder(self.folder)
        _write_file(self.folder / _MANIFEST, json.dumps(asdict(manifest)).encode())
        fsync_folder(self.folder)
        for old in self.folder.iterdir():
            if old.suffix in {".faiss", ".ids", ".new"} and old.stem != str(generation):
                old.unlink(missing_ok=True)
        return True

    def _manifest(self, connection: sqlite3.Connection) -> Manifest:
        try:
            plain: dict[str, Any] = json.loads((self.folder / _MANIFEST).read_bytes())
            manifest = Manifest(**plain)
        except FileNotFoundError as error:
            raise DamagedIndexError("it was missing") from error
        except (OSError, ValueError, TypeError) as error:
            raise DamagedIndexError("its manifest cannot be read") from error
        if manifest.store != schema.store_id(connection):
            raise DamagedIndexError("it belongs to another store")
        return manifest

    def _file(self, manifest: Manifest, suffix: str) -> Path:
        return self.folder / f"{manifest.generation}.{suffix}"

    def _last_generation(self) -> int:
        return max((int(path.stem) for path in self.folder.glob("*.faiss") if path.stem.isdigit()), default=0)


def _faiss() -> ModuleType:
    """The faiss module on one thread: two made a single query five times slower under load (facts, D.4)."""
    try:
        module = import_module("faiss")
    except ImportError as error:
        raise DamagedIndexError("faiss cannot be loaded") from error
    module.omp_set_num_threads(1)
    return module


def _write_file(path: Path, content: bytes) -> None:
    aside = path.with_name(f"{path.name}.new")
    handle = os.open(aside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    aside.rename(path)


def _file_digest(path: Path) -> str:
    return blake2b(path.read_bytes()).hexdigest()


def _folder_name(embedder: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", embedder).lstrip(".")
    return safe if safe == embedder else f"{safe}-{sha256(embedder.encode()).hexdigest()[:8]}"
