"""The very same command again: answered by the launcher, from SQLite alone, when nothing that it read has changed.

As ccache's direct mode does for compilers: after an answer was given for a command line, its request (the words, the
folder, what counts of the environment) is kept with the entry and with every file that the answer hung on, each as it
was on disk. While all of them are so, the same command has the same answer, and neither settings nor code are read.
Whatever is unusual returns None, and the application is asked. Builtins and `os` only: each import counts.
"""

import os
import sys
from stat import S_ISFIFO, S_ISREG, S_ISSOCK

from optafly_cli._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _sqlite3
    from collections.abc import Mapping, Sequence

SCHEMA = 7
"""The schema of the store that is read here (`cache.schema.LATEST`)."""
FILE = "entries.sqlite"
MAP = "direct.map"
"""A file of a byte for every two that a request can begin with, not 0 where one was kept: most need no database."""
SETTLED_S = 1.0
"""Seconds for which a file must have been as it is: within a tick of the disk's clock it could change unseen."""
_FIND = """
    SELECT d.entry, d.expires, d.files, d.tokens, json_extract(e.answer, '$.text'), e.created, e.cost
    FROM direct d JOIN entry e ON e.id = d.entry
    WHERE d.request = ? AND e.id = (SELECT max(id) FROM entry WHERE key = e.key)
"""
_USED = "UPDATE entry SET hits = hits + 1, last_used = ? WHERE id = ?"
_HIT = """
    INSERT INTO hit (entry, at, tier, similarity, tokens, cost, seconds)
    SELECT id, ?, 'exact', 1.0, ?, cost, seconds FROM entry WHERE id = ?
"""
_PLACES = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "ANTHROPIC_BASE_URL")
_BUSY_MS = 50
_left_open: "list[_sqlite3.Connection]" = []
"""Closing the last connection writes the log back, which takes as long as all of this: that is left to others."""


def answer(argv: "Sequence[str]") -> int | None:
    """Print the version, or the answer of `ask` and count the hit: the exit code. None: ask the application.

    Raises:
        OSError: it cannot be printed.
    """
    if [*argv] == ["--version"]:
        _write(f"optafly {__version__}", "")
        return 0
    import time

    start = time.perf_counter()
    request = request_of(argv, os.environ)
    place = store_folder(os.environ) if request else None
    if request is None or place is None or not _was_kept(place, request) or not _can_be_shown():
        return None
    import _sqlite3

    try:
        connection = _opened(os.path.join(place, FILE))
    except _sqlite3.Error:
        return None
    now = time.time()
    try:
        schema = connection.execute("PRAGMA user_version").fetchone()[0]
        row = connection.execute(_FIND, (request,)).fetchone() if schema == SCHEMA else None
        if row is None or now >= row[1] or not _unchanged(row[2]) or not isinstance(row[4], str):
            return None
        said = _told(row[4], (now - row[5], time.perf_counter() - start, row[6]))
        if said is None:
            return None
        _write(*said)
        _count(connection, row[0], row[3], now)
        _left_open.append(connection)
    except _sqlite3.Error:
        return None
    finally:
        if not _left_open:
            connection.close()
    return 0


def request_of(argv: "Sequence[str]", environ: "Mapping[str, str]") -> bytes | None:
    """32 bytes for a command line where it is typed; None for one that is never answered here."""
    if not argv or argv[0] != "ask" or _is_piped() or "ANTHROPIC_CUSTOM_HEADERS" in environ:
        return None
    from _blake2 import blake2b

    try:
        parts = [__version__, build(), str(os.getuid()), os.getcwd()]
    except OSError:
        return None
    parts += [f"{number}:{os.isatty(number)}" for number in range(3)]
    parts += [f"{name}={environ[name]}" for name in sorted(environ) if name.startswith("OPTAFLY_") or name in _PLACES]
    parts.append("")
    parts += argv
    return blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=32).digest()


def build() -> str:
    """What changes when optafly is installed anew: where it is, and since when."""
    folder = os.path.dirname(__file__)
    return f"{folder}:{os.stat(folder).st_mtime_ns}"


def place_in_map(request: bytes) -> int:
    """Which byte of the map stands for the request."""
    return int.from_bytes(request[:2], "big")


def _was_kept(folder: str, request: bytes) -> bool:
    """Whether the database may have the request: so it is where there is no map."""
    try:
        handle = os.open(os.path.join(folder, MAP), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        return os.pread(handle, 1, place_in_map(request)) not in (b"", b"\0")
    except OSError:
        return True
    finally:
        os.close(handle)


def store_folder(environ: "Mapping[str, str]") -> str | None:
    """Where the store is unless a file says otherwise (`config.paths.store_folder`); None when that needs more."""
    for variable, below in (("OPTAFLY_CACHE_PATH", ""), ("OPTAFLY_HOME", "store")):
        given = environ.get(variable, "")
        if given:
            home = environ.get("HOME", "")
            if given == "~" or given.startswith("~/"):
                return os.path.join(home, given[2:], below).rstrip("/") if home.startswith("/") else None
            return os.path.join(os.path.abspath(given), below).rstrip("/")
    if not sys.platform.startswith("linux"):
        return None
    data, home = environ.get("XDG_DATA_HOME", ""), environ.get("HOME", "")
    if data.startswith("/"):
        return os.path.join(data, "optafly")
    return os.path.join(home, ".local/share", "optafly") if home.startswith("/") else None


def mark(path: str, *, exists: bool = False) -> str:
    """What a file is on disk: "-" when it is not there; "+" with `exists`, where nothing else matters."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return "-"
    return "+" if exists else f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def packed(marks: "Mapping[str, str]") -> bytes:
    """Files with their marks as the store holds them."""
    return "\0".join(part for path, one in marks.items() for part in (one, path)).encode("utf-8", "surrogateescape")


def _unchanged(files: bytes) -> bool:
    parts = files.decode("utf-8", "surrogateescape").split("\0")
    return all(mark(path, exists=one == "+") == one for one, path in zip(parts[::2], parts[1::2], strict=True))


def _is_piped() -> bool:
    """As `cli.prompt_input` reads it: a pipe, a socket or a file is read, a terminal or /dev/null is not."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return S_ISFIFO(mode) or S_ISREG(mode) or S_ISSOCK(mode)


def _can_be_shown() -> bool:
    return sys.stdout.encoding.lower() == "utf-8" and sys.stderr.encoding.lower() == "utf-8"


def _opened(path: str) -> "_sqlite3.Connection":
    import _sqlite3

    return _sqlite3.connect(f"file:{_quoted(path)}?mode=rw", uri=True, isolation_level=None, timeout=0.05)


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _told(text: str, facts: tuple[float, float, float | None]) -> tuple[str, str] | None:
    """What goes to stdout and to stderr; None where the application has to lay it out."""
    if os.isatty(1) and not text.replace("\n", "").replace("\t", "").isprintable():
        return None
    if not os.isatty(2):
        return text, ""
    from optafly_cli.wording import age

    age_s, total_s, cost = facts
    parts = ["exact hit", f"{age(age_s)} old", f"{total_s * 1000:.0f} ms", *([f"saved ${cost:.4f}"] if cost else [])]
    line = "optafly: " + " · ".join(parts)
    try:
        if "COLUMNS" in os.environ or os.get_terminal_size(1 if os.isatty(1) else 2).columns <= len(line):
            return None
    except OSError:
        return None
    return text, f"\x1b[2m{line}\x1b[0m\n" if _colored() else f"{line}\n"


def _colored() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or os.environ.get("TERM") != "dumb"


def _write(text: str, line: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()
    sys.stderr.write(line)
    sys.stderr.flush()


def _count(connection: "_sqlite3.Connection", entry: int, tokens: int, now: float) -> None:
    """Count the hit as `cache.store` does: if that is possible at once. Closing rolls back what was not committed."""
    import _sqlite3

    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_USED, (now, entry))
        connection.execute(_HIT, (now, tokens, entry))
        connection.execute("COMMIT")
    except _sqlite3.Error:
        return
