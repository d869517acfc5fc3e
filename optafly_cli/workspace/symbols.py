"""Where names are defined in the workspace, and whether they stand in it at all.

In: a workspace and names. Out: for each name its definitions, and whether it occurs, as far as that can be said. Never
waits for long: a workspace that cannot be searched in time says nothing about any name.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from optafly_cli.errors import FileProblem
from optafly_cli.workspace.types import Workspace

if TYPE_CHECKING:
    from optafly_cli.workspace.git import Git

PATIENCE_S = 1.0
"""Seconds that one search may take, unless told otherwise."""
MOST_NAMES = 60
MOST_FILES = 4_000
MOST_BYTES = 40_000_000
_CAP = 2_000_000
_ALIKE = 4
"""Letters that two names must have in common, at the beginning or at the end, to be compared."""


@dataclass(frozen=True, slots=True)
class Definition:
    """Where a name is defined: the file's label, and the 1-based line of it."""

    label: str
    line: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a name. `occurs`: it stands somewhere as a word, code or not; None: that cannot be said."""

    definitions: tuple[Definition, ...] = ()
    occurs: bool | None = None


class Symbols(Protocol):
    """Something that knows the names of a workspace: the text itself, or an index of it."""

    def look_up(self, names: Sequence[str]) -> Mapping[str, Known]:
        """What is known of each of the names."""

    def alike(self, name: str) -> Sequence[str]:
        """Names of the workspace that begin or end as `name` does, for a guess at what was meant."""

    @property
    def exhaustive(self) -> bool:
        """Whether "it does not occur" is said of every text in the workspace."""


class NoSymbols:
    """Says nothing about any name, where looking would take too long."""

    exhaustive = False

    def look_up(self, names: Sequence[str]) -> Mapping[str, Known]:
        """Nothing is known."""
        return dict.fromkeys(names, Known())

    def alike(self, name: str) -> Sequence[str]:  # noqa: ARG002  (the protocol's)
        """None."""
        return ()


class TextSymbols:
    """Names as a search through the text finds them. `skip` are labels that do not count: prompts name things too.

    `patience_s`: how long one search may take. `only`: the files that names are looked up in, None for all; with git.
    """

    exhaustive = True

    def __init__(
        self,
        workspace: Workspace,
        skip: Callable[[str], bool] = lambda _: False,
        patience_s: float = PATIENCE_S,
        only: Sequence[str] | None = None,
    ) -> None:
        self._workspace = workspace
        self._patience_s = patience_s
        self._skip = skip
        self._only = only
        self._known: dict[str, Known] = {}
        self._texts: list[tuple[str, str]] | None = None

    def look_up(self, names: Sequence[str]) -> Mapping[str, Known]:
        """What is known of each of the names; of more than `MOST_NAMES` new ones the rest is unknown."""
        new = [name for name in dict.fromkeys(names) if name not in self._known and is_name(name)][:MOST_NAMES]
        if new:
            self._known |= self._by_git(new) if self._workspace.kind == "git" else self._by_reading(new)
        return {name: self._known.get(name, Known()) for name in names}

    def alike(self, name: str) -> Sequence[str]:
        """Names that begin with its first letters or end with its last ones."""
        if not is_name(name):
            return ()
        first, last = shared_letters(name)
        word = re.compile(rf"(?<!\w)(?:{re.escape(first)}\w*|\w*{re.escape(last)})(?!\w)")
        if self._texts is None and (repository := self._git) is not None:
            # Fixed strings: an expression takes git ten times as long
            found = repository.run(
                "grep", "-I", "-h", "-F", "--untracked", "-e", first, "-e", last,
                cap=_CAP, timeout_s=self._patience_s, partial=True,
            )  # fmt: skip
            texts = [os.fsdecode(found or b"")]
        else:
            texts = [text for _, text in self._read_once()]
        words = dict.fromkeys(one for text in texts for one in word.findall(text))
        return [one for one in words if one != name]

    @cached_property
    def _git(self) -> "Git | None":
        from optafly_cli.workspace.git import open_git

        usable = self._workspace.kind == "git" and self._workspace.has_git
        return open_git(self._workspace.root) if usable else None

    def _by_git(self, names: Sequence[str]) -> dict[str, Known]:
        repository = self._git
        if repository is None:
            return self._by_reading(names)
        if self._only is not None and not self._only:
            return dict.fromkeys(names, Known((), False))
        wanted = [part for name in names for part in ("-e", name)]
        places = () if self._only is None else ("--", *self._only)
        found = repository.run(
            "grep", "-I", "-n", "--null", "-w", "-F", "--untracked", *wanted, *places,
            cap=_CAP, timeout_s=self._patience_s, partial=True,
        )  # fmt: skip
        if found is None:
            return {}
        lines = [one for one in _split(os.fsdecode(found).split("\n")) if not self._skip(one[0])]
        defined = self._defined(lines, names)
        text = "\n".join(line for _, _, line in lines)
        complete = len(found) < _CAP
        return {name: self._of(name, defined, text, complete=complete) for name in names}

    def _by_reading(self, names: Sequence[str]) -> dict[str, Known]:
        texts = self._read_once()
        complete = not texts or texts[-1][0] != ""
        lines = (
            (label, number, line)
            for label, text in texts
            if any(name in text for name in names)
            for number, line in enumerate(text.split("\n"), 1)
        )
        defined = self._defined(lines, names)
        text = "\n".join(text for _, text in texts)
        return {name: self._of(name, defined, text, complete=complete) for name in names}

    @staticmethod
    def _of(name: str, defined: Mapping[str, list[Definition]], text: str, *, complete: bool) -> Known:
        there = name in text and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None
        return Known(tuple(defined.get(name, ())), True if there else False if complete else None)

    def _read_once(self) -> list[tuple[str, str]]:
        if self._texts is None:
            self._texts = list(self._read())
        return self._texts

    def _read(self) -> Iterator[tuple[str, str]]:
        """The labels and texts of the listed files; a last one without a label says that there are more."""
        from optafly_cli.workspace.ignore import listed_sizes
        from optafly_cli.workspace.sources import read_source

        total = 0
        deadline = time.monotonic() + self._patience_s
        for number, (label, status) in enumerate(listed_sizes(self._workspace, MOST_FILES + 1).items()):
            total += status.st_size
            if number >= MOST_FILES or total > MOST_BYTES or time.monotonic() > deadline:
                yield "", ""
                return
            if not self._skip(label):
                try:
                    yield label, read_source(Path(self._workspace.root, label)).text
                except FileProblem:
                    continue

    @staticmethod
    def _defined(lines: Iterable[tuple[str, int, str]], names: Sequence[str]) -> dict[str, list[Definition]]:
        pattern = re.compile(_pattern(names))
        found: dict[str, list[Definition]] = {}
        for label, number, line in lines:
            match = pattern.match(line[:400])
            if match:
                name = match["defined"] or match["assigned"] or match["typed"]
                found.setdefault(name, []).append(Definition(label, number))
        return found


def _split(lines: Iterable[str]) -> Iterator[tuple[str, int, str]]:
    """What `git grep -n --null` says: label NUL number NUL text (older: a colon before the text)."""
    for line in lines:
        label, _, rest = line.partition("\0")
        match = re.match(r"(\d+)[\0:]", rest)
        if match:
            yield label, int(match[1]), rest[match.end() :]


@cache
def is_name(name: str) -> bool:
    """Whether it has the form of a name."""
    return re.fullmatch(r"[A-Za-z_$][\w$]{0,99}", name) is not None


def shared_letters(name: str) -> tuple[str, str]:
    """The letters that names alike begin with, and those that they end with."""
    return name[:_ALIKE], name[-_ALIKE:]


_MODIFIERS = (
    "pub|pub\\([a-z]*\\)|export|default|declare|async|unsafe|const|static|public|private|protected|internal|override|"
    "final|abstract|extern|virtual|sealed|partial|suspend|inline|open|data|readonly"
)
_KEYWORDS = (
    "def|class|fn|func|fun|function|function\\*|struct|enum|trait|interface|type|module|namespace|record|object|protocol|"
    "const|let|var|val|static|macro_rules!|#define|mod|union|sub|defmodule|defp"
)
_TYPED = "[A-Za-z_][A-Za-z_0-9<>,.*&:]*"


def _pattern(names: Sequence[str]) -> str:
    """A line that defines one of the names: by a keyword, by an assignment at its beginning, or by type and body."""
    one_of = "|".join(re.escape(name) for name in names)
    return (
        rf"\s*(?:(?:{_MODIFIERS})\s+)*(?:"
        rf"(?:{_KEYWORDS})\s+(?:\([^)]*\)\s+|[\w.]+[.:]{{1,2}})?(?P<defined>{one_of})(?![\w])"
        rf"|^(?P<assigned>{one_of})\s*(?::[^=]+)?=(?![=>])"
        rf"|(?!return\b|new\b|await\b|throw\b|else\b|yield\b|raise\b|import\b|from\b|use\b|in\b|not\b|and\b|or\b)"
        rf"{_TYPED}\s+[*&]*(?P<typed>{one_of})\s*\([^;]*[{{,)]\s*$)"
    )
