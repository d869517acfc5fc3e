"""What the workspace tells the stages. Frozen; no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

PieceKind = Literal["file", "code", "diff", "piped"]


@dataclass(frozen=True, slots=True)
class LineRange:
    """Lines `start` to `end`, 1-based and inclusive."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.start}" if self.start == self.end else f"{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder that the user works in.

    `kind`: git (a working tree), project (a marker file such as Cargo.toml was found), folder (neither).
    `has_git`: the git program can be run here.
    """

    root: Path
    name: str
    kind: Literal["git", "project", "folder"]
    has_git: bool


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text file as read: decoded, BOM removed, line ends as LF.

    `lossy`: some bytes were not UTF-8 and were replaced. `digest`: SHA-256 hex of the raw bytes.
    """

    text: str
    digest: str
    size: int
    mtime_ns: int
    lossy: bool = False

    @property
    def lines(self) -> Sequence[str]:
        """The lines without their ends; `lines[n - 1]` is line n."""
        return _lines_of(self.text)


@lru_cache(maxsize=4)
def _lines_of(text: str) -> Sequence[str]:
    """Of the texts that are looked at now: a long one takes longer to cut than most of what is done with its lines."""
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that the user named, read.

    `label` is the path relative to the workspace root with forward slashes, or absolute when it lies outside.
    `lines` is the range as typed (`--file F:12`, `--file F:12-20`, `--selection`), None for the whole file;
    `unit` is the enclosing unit of that range. `source` holds the whole file.
    """

    path: Path
    label: str
    source: SourceText
    language: str
    lines: LineRange | None = None
    unit: LineRange | None = None


@dataclass(frozen=True, slots=True)
class DiffFile:
    """One file's part of a unified diff. `staged` tells which side of the index it is from."""

    label: str
    staged: bool
    text: str
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class NamedContext:
    """Everything that the user fixed besides the instruction: it is sent without asking.

    `left_out`: one sentence for each thing that was named but withheld (a denied path in a diff).
    """

    files: tuple[NamedFile, ...] = ()
    piped: str | None = None
    diff: tuple[DiffFile, ...] | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContextPiece:
    """A piece of the workspace put into the prompt.

    `path` is a label as in `NamedFile`; lines are 1-based and inclusive; `text` is in the prompt verbatim.
    `named`: the user named it, so sending it is safe. `tokens` counts the text with its header; pieces of one file
    share a header, and what they cost together is shared by their lengths.
    """

    path: str
    start_line: int
    end_line: int
    text: str
    reason: str
    kind: PieceKind
    language: str = ""
    named: bool = True
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class ProjectSummary:
    """The shape of the project without any file's text.

    `headline` is one line that does not change when files do ("unwrap: Rust, Cargo.toml");
    `outline` lists folders and their main files, within about 40 lines.
    """

    headline: str
    outline: str


@dataclass(frozen=True, slots=True)
class RecentEdit:
    """A file that changed lately: `state` is modified, staged, untracked or committed."""

    label: str
    state: Literal["modified", "staged", "untracked", "committed"]
