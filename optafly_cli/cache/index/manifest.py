"""What an index of one partition consists of: `current.json`, renamed into place after the files that it names.

    index/<embedder>/<partition>/current.json    the store, the embedder, the segments in the order of their ids
    index/<embedder>/<partition>/<n>.faiss       a segment: a FAISS index over some vectors, in the order of the ids
    index/<embedder>/<partition>/<n>.ids         their entry ids, ascending, int64

Files are written aside, fsynced and renamed, the manifest last; they are never changed afterwards.
"""

import json
import os
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from optafly_cli.durable import replace

NAME = "current.json"
FORMAT = 3
_BLOCKS, _BLOCK = 64, 1024


class DamagedIndexError(Exception):
    """A file of the index is missing, short, or not what the manifest says. Never leaves this room."""


@dataclass(frozen=True, slots=True)
class Segment:
    """`count` vectors of the entries from `first_id` to `last_id`, in one file."""

    generation: int
    first_id: int
    last_id: int
    count: int
    bytes_index: int
    digest_index: str
    digest_ids: str
    sample: str
    """Digest of some blocks of the index file (`sampled`), checked whenever it is opened."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The segments of one partition; `generation` grows with every one that was ever written."""

    store: str
    embedder: str
    dimension: int
    generation: int
    segments: tuple[Segment, ...]

    @property
    def last_id(self) -> int:
        """The last entry that is indexed; 0 when none is. Later ones are read from SQLite."""
        return self.segments[-1].last_id if self.segments else 0


Made = TypeVar("Made", Segment, Manifest)


def read(folder: Path) -> Manifest | None:
    """The manifest in a partition's folder, None when there is none.

    Raises:
        DamagedIndexError: it cannot be read, or is of another format.
    """
    try:
        plain: dict[str, Any] = dict(json.loads((folder / NAME).read_bytes()))
        if plain.pop("format") != FORMAT:
            raise DamagedIndexError("it is of another version of optafly")
        segments = tuple(_checked(Segment(**segment)) for segment in plain.pop("segments"))
        return _checked(Manifest(segments=segments, **plain))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise DamagedIndexError("its manifest cannot be read") from error


def _checked(made: Made) -> Made:
    """Raises ValueError: a field is not of its type, or a number that nothing can have."""
    for item in fields(made):
        value = getattr(made, item.name)
        if item.type in {int, str} and type(value) is not item.type:
            raise ValueError(f"{item.name} is {value!r}")
        if item.type is int and not 0 <= value < 2**63:
            raise ValueError(f"{item.name} is {value}")
    return made


def write(folder: Path, manifest: Manifest) -> None:
    """Put the manifest in place, then remove the files that it does not name. Raises OSError."""
    replace(folder / NAME, json.dumps({"format": FORMAT, **asdict(manifest)}).encode())
    remove_unnamed(folder, manifest)


def remove_unnamed(folder: Path, manifest: Manifest | None) -> None:
    """Remove the files that the manifest does not name. Raises OSError."""
    named = {str(segment.generation) for segment in manifest.segments} if manifest else ()
    for old in folder.iterdir():
        if old.suffix == ".new" or (old.suffix in {".faiss", ".ids"} and old.stem not in named):
            old.unlink(missing_ok=True)


def sampled(path: Path, size: int) -> str:
    """A digest of 64 blocks of 1 KB spread over a file of `size` bytes: a tenth of a millisecond. Raises OSError."""
    hashed = blake2b(size.to_bytes(8, "little"))
    handle = os.open(path, os.O_RDONLY)
    try:
        for at in range(_BLOCKS):
            hashed.update(os.pread(handle, _BLOCK, max(0, size - _BLOCK) * at // (_BLOCKS - 1)))
    finally:
        os.close(handle)
    return hashed.hexdigest()


def digest(content: bytes) -> str:
    """What the manifest keeps of a file's content."""
    return blake2b(content).hexdigest()
