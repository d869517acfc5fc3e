"""Functions that a real commit edited, found in a git repository: before, after, a neighbour, and an edit elsewhere."""

import ast
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHORTEST, LONGEST = 4, 60
OLDER_VERSIONS = 12
ADDED = 'def added_by_the_benchmark() -> str:\n    return "elsewhere"\n\n\n'
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")


@dataclass(frozen=True, slots=True)
class Place:
    """A function in one version of its file: the line of its `def`, and its text."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A commit that edited a function. Versions are whole files; `elsewhere` has the function as it was `before`."""

    commit: str
    path: str
    function: str
    neighbour: str
    before: str
    after: str
    elsewhere: str
    elsewhere_is_real: bool


def git(folder: Path, *arguments: str) -> str:
    """What git prints, undecodable bytes replaced.

    Raises:
        SystemExit: git failed.
    """
    done = subprocess.run(["git", *_NO_HOOKS, *arguments], cwd=folder, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"git {arguments[0]} in {folder}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode("utf-8", "replace")


def clone(source: Path, into: Path) -> None:
    """A clone without its files, that shares the objects of `source`."""
    git(Path("/"), "clone", "--quiet", "--shared", "--no-checkout", str(source.resolve()), str(into))


def functions(source: str) -> dict[str, Place]:
    """The functions of a module by qualified name, those that have one name only; empty when it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    lines = source.split("\n")
    found: dict[str, Place] = {}
    twice: set[str] = set()
    for name, node in _definitions(tree, ""):
        if name in found:
            twice.add(name)
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        found[name] = Place(node.lineno, "\n".join(lines[first - 1 : node.end_lineno]))
    return {name: place for name, place in found.items() if name not in twice}


def _definitions(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Functions and methods; what is defined inside of a function belongs to it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{node.name}", node
        else:
            inside = f"{prefix}{node.name}." if isinstance(node, ast.ClassDef) else prefix
            yield from _definitions(node, inside)


def edits(repository: Path, wanted: int, seed: int) -> Iterator[Edit]:
    """Up to `wanted` edits of functions of 4 to 60 lines, from commits in a random order, one of each commit."""
    rng = random.Random(seed)
    commits = git(repository, "log", "--no-merges", "--diff-filter=M", "--format=%H", "--", "*.py").split()
    rng.shuffle(commits)
    found = 0
    for commit in commits:
        if found >= wanted:
            return
        if edit := _edit_of(repository, commit, rng):
            found += 1
            yield edit


def _edit_of(repository: Path, commit: str, rng: random.Random) -> Edit | None:
    names = git(repository, "diff-tree", "-r", "--no-commit-id", "--name-only", "--diff-filter=M", commit).splitlines()
    paths = [name for name in names if name.endswith(".py") and "test" not in name and not name.startswith("doc")]
    rng.shuffle(paths)
    for path in paths:
        before, after = (git(repository, "show", f"{revision}:{path}") for revision in (f"{commit}^", commit))
        if "\r" in before + after or "\ufffd" in before + after:
            continue
        old, new = functions(before), functions(after)
        usable = [name for name in old.keys() & new.keys() if SHORTEST <= old[name].text.count("\n") + 1 <= LONGEST]
        edited = sorted(name for name in usable if old[name].text != new[name].text)
        others = sorted(name for name in usable if old[name].text == new[name].text)
        if edited and others:
            chosen = rng.choice(edited)
            neighbour = min(others, key=lambda name: abs(old[name].line - old[chosen].line))
            elsewhere, real = _elsewhere(repository, commit, path, before, chosen)
            return Edit(commit, path, chosen, neighbour, before, after, elsewhere, real)
    return None


def _elsewhere(repository: Path, commit: str, path: str, before: str, chosen: str) -> tuple[str, bool]:
    """An older version of the file that differs, but not in the function; else the file with a function on top."""
    wanted = functions(before)[chosen].text
    older = git(repository, "log", f"-{OLDER_VERSIONS}", "--format=%H", f"{commit}^", "--", path).split()
    for revision in older:
        listed = git(repository, "ls-tree", "--name-only", revision, "--", path)
        version = git(repository, "show", f"{revision}:{path}") if listed.strip() else ""
        place = functions(version).get(chosen)
        if version != before and place is not None and place.text == wanted:
            return version, True
    return ADDED + before, False
