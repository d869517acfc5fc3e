"""What a search of the index finds: definitions, and segments of files."""

from dataclasses import dataclass

from optafly_cli.workspace.index.facts import Symbol
from optafly_cli.workspace.types import LineRange


@dataclass(frozen=True, slots=True)
class Definition:
    """A symbol and the number of the file that it stands in."""

    file: int
    symbol: Symbol


@dataclass(frozen=True, slots=True)
class Unit:
    """A segment: the number of its file, its lines, and the function or type that it is of, None for neither.

    `prose` and `imports` count its lines of comments and of imports, `size` its characters.
    """

    file: int
    lines: LineRange
    symbol: Symbol | None
    prose: int = 0
    imports: int = 0
    size: int = 0
