"""Error text and stack-trace frames, found in prompts, piped text and source files.

Knows Python tracebacks, Rust panics and compiler errors, JavaScript, Java and C# stacks, Go panics, and compilers
that print `file:line:col: error:`. Works line by line on at most `LIMIT` characters, so no input makes it slow.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from optafly_cli.refine.error_patterns import (
    ANY,
    EXCEPTION,
    HINT,
    HINT_WORDS,
    LEAD,
    MARK,
    NAMED,
    TRACEBACK,
    ErrorKind,
    begins,
    frames,
    heads,
    more,
)

LIMIT = 200_000
LONGEST_LINE = 1_000
MAX_ERRORS = 20
MAX_FRAMES = 100


@dataclass(frozen=True, slots=True)
class Frame:
    """A place that an error names; `line` is 1-based."""

    path: str
    line: int
    function: str = ""


@dataclass(frozen=True, slots=True)
class ErrorText:
    """One error: its message in one line, where its text stands (1-based, inclusive), its frames, innermost first."""

    kind: ErrorKind
    message: str
    start_line: int
    end_line: int
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one line says."""

    role: Literal["head", "frame", "more", "blank"]
    kind: ErrorKind
    message: str = ""
    frame: Frame | None = None


@dataclass(slots=True)
class _Block:
    """An error while its lines are being read. `open`: its message is still to come."""

    kind: ErrorKind
    start: int
    end: int
    message: str = ""
    frames: list[Frame] = field(default_factory=list)
    open: bool = False
    blank: bool = False


def find_errors(text: str) -> tuple[ErrorText, ...]:
    """The errors in `text`, in order; at most `MAX_ERRORS`."""
    text = text[:LIMIT]
    if not ANY.search(text):
        return ()
    found: list[ErrorText] = []
    block: _Block | None = None
    hinted = set(_hinted(text))
    after = 0
    for number, line in enumerate(text.split("\n"), 1):
        start, after = after, after + len(line) + 1
        if block is None and not (start in hinted and HINT.search(line, 0, LONGEST_LINE)):
            continue
        seen = _classify(MARK.sub("", line[:LONGEST_LINE], count=1), block)
        if block is not None and (seen is None or not _continues(block, seen)):
            found.extend(_finish(block))
            block = None
            if len(found) >= MAX_ERRORS:
                return tuple(found)
        if seen is None or (block is None and seen.role in ("more", "blank")):
            continue
        if block is None:
            block = _Block(seen.kind, number, number)
        _take(block, seen, number)
    if block is not None:
        found.extend(_finish(block))
    return tuple(found)


def _hinted(text: str) -> Iterator[int]:
    """Where the lines begin that may hold a hint."""
    for word in HINT_WORDS:
        end = 0
        # Once for each line, so that a long one does not cost more the more words it has
        while end >= 0 and (at := text.find(word, end)) >= 0:
            yield text.rfind("\n", 0, at) + 1
            end = text.find("\n", at)


def named_error(prose: str) -> str:
    """An error that a sentence names ("I get KeyError: 'port'"), or ""."""
    match = NAMED.search(prose)
    return match.group().rstrip(" .,;:") if match else ""


def _finish(block: _Block) -> Iterator[ErrorText]:
    if not block.message and not block.frames:
        return
    places = block.frames[::-1] if block.kind == "python" else block.frames
    message = block.message or f"error at {places[0].path}:{places[0].line}"
    yield ErrorText(block.kind, message.strip(), block.start, block.end, tuple(dict.fromkeys(places)))


def _continues(block: _Block, seen: _Seen) -> bool:
    """Whether a line that says something still belongs to the block."""
    if seen.role != "head":
        return not (seen.role == "frame" and block.kind == "compiler")
    if seen.kind != block.kind:
        return False
    chained = seen.message.startswith(("Caused by", TRACEBACK))
    return chained or (block.kind == "python" and block.open)


def _take(block: _Block, seen: _Seen, number: int) -> None:
    """Add a line to the block; a blank line does not move its end."""
    block.blank = seen.role == "blank"
    if block.blank:
        return
    block.end = number
    if seen.frame is not None and len(block.frames) < MAX_FRAMES:
        block.frames.append(seen.frame)
    if seen.role == "head":
        if seen.message == TRACEBACK:
            block.open = True
        elif block.kind == "python" or not block.message:
            block.message = seen.message
            # Rust says where it panicked on one line and why on the next
            block.open = seen.kind == "rust" and seen.message.endswith(":")
    elif block.open and block.kind == "rust":
        block.message = f"{block.message} {seen.message}"
        block.open = False


def _classify(line: str, block: _Block | None) -> _Seen | None:
    """What the line says about errors; None when nothing. Comment and quote marks are looked through."""
    bare = LEAD.sub("", line, count=1).rstrip()
    if block is None and begins().match(bare) is None:
        return None
    seen = _frame(bare, block) or _head(bare, block)
    return seen if seen is not None or block is None else _more(line, bare, block)


def _frame(bare: str, block: _Block | None) -> _Seen | None:
    for kind, pattern in frames():
        match = pattern.match(bare)
        if match is None or (kind == "go" and "+0x" not in bare and (block is None or block.kind != "go")):
            continue
        groups = match.groupdict()
        path, function = groups["path"], groups.get("function") or ""
        if kind == "java":
            # com.acme.App.run in App.java is com/acme/App.java
            path = "/".join([*function.split(".")[:-2], path])
        path = path.removeprefix("file://").removeprefix("webpack:///")
        # Rust's backtrace frames look like JavaScript's
        owner: ErrorKind = block.kind if block is not None and kind == "javascript" else kind
        return _Seen("frame", owner, frame=Frame(path, int(groups["line"]), function))
    return None


def _head(bare: str, block: _Block | None) -> _Seen | None:
    if bare.startswith(TRACEBACK):
        return _Seen("head", "python", TRACEBACK)
    if block is not None and block.kind == "python" and EXCEPTION.match(bare):
        return _Seen("head", "python", bare)
    for kind, pattern in heads():
        match = pattern.match(bare)
        if match is not None:
            groups = match.groupdict()
            frame = Frame(groups["path"], int(groups["line"])) if groups.get("path") else None
            return _Seen("head", kind, groups.get("message") or bare, frame)
    return None


def _more(line: str, bare: str, block: _Block) -> _Seen | None:
    """A line that adds to an error that has begun; rustc and Go go on behind one blank line."""
    if not bare.strip():
        return None if block.blank or not (block.open or block.kind in ("rust", "go")) else _Seen("blank", block.kind)
    # Python indents what belongs to a frame; Rust's margin is cut off with the lead
    text = line if block.kind == "python" else bare
    margin = block.kind == "rust" and line.lstrip().startswith("|")
    told = block.kind == "rust" and block.open
    if margin or told or more()[block.kind].match(text):
        return _Seen("more", block.kind, bare)
    return None
