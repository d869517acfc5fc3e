"""Text files as the stages see them.

In: a path. Out: `SourceText`: decoded, BOM removed, line ends as LF, with a digest of the raw bytes. Every way in
which a path can be unusable is a `FileProblem`. Never blocks on a pipe or a device, never reads more than the limit.
"""

import os
import stat
from pathlib import Path

from optafly_cli.errors import FileProblem
from optafly_cli.workspace.escape import one_line
from optafly_cli.workspace.types import SourceText

LIMIT = 10 * 1024 * 1024
_PIPE_A_PART = "pipe the part that matters: sed -n '1,200p' FILE | optafly …"


def read_source(path: Path, *, limit: int = LIMIT, shown: str | None = None) -> SourceText:
    """The file at `path` as text; `limit` is in bytes, `shown` what messages call it.

    Raises FileProblem when it is missing, not a regular file, unreadable, larger than `limit`, or binary.
    """
    import hashlib

    name = one_line(shown or str(path))
    data, status = _read(path, limit, name)
    text, lossy = decode(data)
    if "\0" in text:
        raise FileProblem(f"{name} is a binary file", remedy="name a text file")
    return SourceText(text, hashlib.sha256(data).hexdigest(), len(data), status.st_mtime_ns, lossy)


def decode(data: bytes) -> tuple[str, bool]:
    """`data` as text with LF line ends and without BOM, and whether bytes had to be replaced.

    UTF-8 unless a byte order mark says otherwise. Binary data keeps its NUL characters.
    """
    mark, encoding = next((pair for pair in _MARKS if data.startswith(pair[0])), (b"", "utf-8"))
    data = data[len(mark) :]
    try:
        text, lossy = data.decode(encoding), False
    except UnicodeDecodeError:
        text, lossy = data.decode(encoding, "replace"), True
    return unify_line_ends(text), lossy


def unify_line_ends(text: str) -> str:
    """`text` with CRLF and CR as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


# UTF-32 first: its little-endian mark begins with UTF-16's.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def _read(path: Path, limit: int, shown: str) -> tuple[bytes, os.stat_result]:
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise open_problem(error, path, shown) from None
    except ValueError:
        raise FileProblem(f"{shown} is not a possible file name", remedy="check the path") from None
    try:
        status = os.fstat(descriptor)
        check_regular(status, shown)
        if status.st_size > limit:
            raise too_large(shown, status.st_size, limit)
        data = _take(descriptor, limit + 1)
    except OSError as error:
        raise FileProblem(
            f"{shown} cannot be read: {_cause(error)}", remedy="check the file and the disk that it is on"
        ) from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise too_large(shown, len(data), limit)
    return data, status


def _take(descriptor: int, most: int) -> bytes:
    """Up to `most` bytes: a file may shrink or grow while it is read, and /proc files have no size."""
    chunks: list[bytes] = []
    while most > 0 and (chunk := os.read(descriptor, min(most, 1 << 20))):
        chunks.append(chunk)
        most -= len(chunk)
    return b"".join(chunks)


def check_regular(status: os.stat_result, shown: str) -> None:
    """Raise FileProblem unless `status` is a regular file's."""
    if stat.S_ISREG(status.st_mode):
        return
    if stat.S_ISDIR(status.st_mode):
        raise FileProblem(
            f"{shown} is a folder, not a file", remedy="name the files that matter, or a pattern such as 'src/*.py'"
        )
    raise FileProblem(
        f"{shown} is not a regular file (a pipe, a socket or a device)", remedy="pipe its text: command | optafly …"
    )


def too_large(shown: str, size: int, limit: int) -> FileProblem:
    """What to say about a file of `size` bytes when `limit` is the most."""
    return FileProblem(f"{shown} is {_size(size)}, and a file may have {_size(limit)}", remedy=_PIPE_A_PART)


def open_problem(error: OSError, path: Path, shown: str) -> FileProblem:
    """Why the file cannot be opened, in one sentence, and what to do."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if path.is_symlink():
            return FileProblem(f"{shown} is a symbolic link to nothing", remedy="check where the link points")
        return FileProblem(f"{shown} does not exist", remedy="check the path: it is relative to the current folder")
    if isinstance(error, PermissionError):
        return FileProblem(f"{shown} cannot be read: permission denied", remedy="check the permissions of the file")
    return FileProblem(f"{shown} cannot be read: {_cause(error)}", remedy="check the path")


def _cause(error: OSError) -> str:
    return (error.strerror or "unknown cause").lower()


def _size(count: int) -> str:
    return f"{count / (1024 * 1024):.0f} MB" if count >= 1024 * 1024 else f"{count} bytes"
