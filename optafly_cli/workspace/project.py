"""The shape of the project, without any file's text: one line that stays the same, and an outline.

In: a workspace. Out: `headline` and `ProjectSummary`. The headline reads one folder and runs nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from optafly_cli.workspace.escape import one_line
from optafly_cli.workspace.languages import language_of
from optafly_cli.workspace.types import ProjectSummary, Workspace

MAX_LINES = 40
MAX_FILES_A_FOLDER = 6
MANY = 31
"""No folder has more code than one with so many files."""
_MANIFESTS = {
    "Cargo.toml": "Rust", "pyproject.toml": "Python", "setup.py": "Python", "go.mod": "Go", "pom.xml": "Java",
    "build.gradle": "Java", "build.gradle.kts": "Kotlin", "package.json": "JavaScript", "tsconfig.json": "TypeScript",
    "deno.json": "TypeScript", "Gemfile": "Ruby", "composer.json": "PHP", "mix.exs": "Elixir", "Package.swift": "Swift",
    "pubspec.yaml": "Dart", "CMakeLists.txt": "C/C++", "meson.build": "C/C++", "build.sbt": "Scala",
    "stack.yaml": "Haskell", "dune-project": "OCaml",
}  # fmt: skip
_MANIFEST_ENDINGS = {".csproj": "C#", ".fsproj": "F#", ".sln": ".NET", ".cabal": "Haskell", ".gemspec": "Ruby"}
_NO_CODE = frozenset(("", "markdown", "json", "yaml", "toml", "ini", "xml", "rst", "diff", "makefile", "html", "css"))


def headline(workspace: Workspace) -> str:
    """`unwrap: Rust, Cargo.toml`: the name, the languages that manifests in the root speak of, and these manifests."""
    found: dict[str, str] = {}
    try:
        names = sorted(entry.name for entry in workspace.root.iterdir())
    except OSError:
        names = []
    for name in names:
        language = _MANIFESTS.get(name) or _MANIFEST_ENDINGS.get(Path(name).suffix)
        if language:
            found[one_line(name)] = language
    parts = [*dict.fromkeys(found.values()), *found]
    name = one_line(workspace.name)
    return f"{name}: {', '.join(parts)}" if parts else name


def summarise(workspace: Workspace, labels: Iterable[str]) -> ProjectSummary:
    """Headline and outline: folders with their first files, the root's files last. Edits of files change nothing.

    `labels` are the listed files. The folders with most code stand first, so that a cut at the end costs least.
    """
    return ProjectSummary(headline(workspace), _outline(labels))


def _outline(labels: Iterable[str]) -> str:
    """Shallow folders before deep ones, and of a level those with code, while there is room: `MAX_LINES`."""
    levels: dict[int, list[str]] = {}
    for label in labels:
        levels.setdefault(label.count("/"), []).append(label)
    own = levels.pop(0, [])
    room = MAX_LINES - 1 - bool(own)
    folders: dict[str, list[str]] = {}
    # Level by level, no deeper than is shown: a big tree has thousands of files below
    for level in sorted(levels):
        found: dict[str, list[str]] = {}
        for label in levels[level]:
            folder, _, name = label.rpartition("/")
            found.setdefault(folder, []).append(name)
        folders |= {folder: found[folder] for folder in _by_code(found)}
        if len(folders) > room:
            break
    shown = dict(list(folders.items())[:room])
    lines = [f"{one_line(folder)}/: {_names(shown[folder])}" for folder in _by_code(shown)]
    if len(folders) > room:
        lines.append("… and deeper folders")
    if own:
        lines.append(f"./: {_names(own)}")
    return "\n".join(lines)


def _by_code(folders: Mapping[str, Sequence[str]]) -> list[str]:
    """Most code first, hidden folders last, then by name. Sizes count by doublings: one file more moves little."""

    def key(folder: str) -> tuple[bool, int, str]:
        code = sum(_is_code(name.rpartition(".")[2]) for name in folders[folder][:MANY])
        return folder.startswith(".") or "/." in folder, -code.bit_length(), folder

    return sorted(folders, key=key)


def _names(names: list[str]) -> str:
    code_first = sorted(names, key=lambda name: (language_of(name) in _NO_CODE, name))
    shown = ", ".join(one_line(name) for name in code_first[:MAX_FILES_A_FOLDER])
    return f"{shown}, …" if len(names) > MAX_FILES_A_FOLDER else shown


@lru_cache(maxsize=256)
def _is_code(ending: str) -> bool:
    return language_of(f"x.{ending}") not in _NO_CODE
